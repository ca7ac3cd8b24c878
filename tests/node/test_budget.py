"""Readers that ask for much and take nothing: what they hold is bounded, and they are hung up on."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from ledger.log.identity import LogId, encode_log_id
from node.budget import Budget
from node.errors import BusyError
from node.web import tiles
from tests.node.web.served import serve

LENGTH = 8 * 1024 * 1024


def test_a_budget_counts_what_is_being_sent() -> None:
    budget = Budget(10)
    with budget.hold(6):
        with budget.hold(4), pytest.raises(BusyError), budget.hold(1):
            pass
        with pytest.raises(BusyError), budget.hold(5):
            pass
    with budget.hold(100):
        pass


class OneBody:
    """A ledger of one log with one large body."""

    size = 1
    note = b"note"

    @property
    def state(self) -> "OneBody":
        return self

    def log_ids(self) -> list[bytes]:
        return [bytes(32)]

    def log(self, log_id: bytes) -> "OneBody":
        return self

    def body(self, index: int) -> bytes:
        return bytes(LENGTH)


async def test_slow_readers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second gets 503 while the first takes nothing; once the first was hung up on, others are served."""
    monkeypatch.setattr(tiles, "PIECE_SECONDS", 0.5)
    app = web.Application()
    tiles.add_tiles(app, OneBody(), lambda log: b"note")  # type: ignore[arg-type]  # as much of a ledger as is asked
    handlers = next(iter(app.router.routes())).handler.__self__  # type: ignore[attr-defined]  # a bound method
    handlers._budget = Budget(LENGTH)
    async with serve(app) as url, asyncio.timeout(20):
        host, port = url.removeprefix("http://").split(":")
        request = f"GET /log/{encode_log_id(LogId(bytes(32)))}/body/0 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        slow_reader, slow = await asyncio.open_connection(host, int(port), limit=1024)
        slow.write(request)
        await slow_reader.readline()

        async def ask() -> bytes:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request)
            line = await reader.readline()
            writer.close()
            return line

        assert b"503" in await ask()
        while b"200" not in (line := await ask()):
            assert b"503" in line
            await asyncio.sleep(0.05)
        slow.close()
