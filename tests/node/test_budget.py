"""Readers that ask for much and take nothing: what they hold is bounded, and they are hung up on."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.records import DocumentType
from node.budget import Budget
from node.errors import BusyError
from node.web import issuers, sending, tiles
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
    """A ledger of one log with one large body, which is that of a document."""

    size = 1
    index = 0
    note = b"note"
    type = DocumentType.ACHIEVEMENT
    media_type = "application/json"
    trust = None

    @property
    def state(self) -> "OneBody":
        return self

    def log_ids(self) -> list[bytes]:
        return [bytes(32)]

    def log(self, log_id: bytes) -> "OneBody":
        return self

    def body(self, index: int) -> bytes:
        return bytes(LENGTH)

    def newest_document(self, document_id: str) -> "OneBody":
        return self

    @property
    def ledger(self) -> "OneBody":
        return self


LOG = LogId(bytes(32))
BODY, DOCUMENT = f"/log/{encode_log_id(LOG)}/body/0", f"/m/{short_log_id(LOG)}/achievements/x"


@pytest.mark.parametrize(("first", "second"), [(BODY, BODY), (DOCUMENT, BODY), (BODY, DOCUMENT)])
async def test_slow_readers_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    """The second gets 503 while the first takes nothing; once the first was hung up on, others are served."""
    monkeypatch.setattr(sending, "PIECE_SECONDS", 0.5)
    app = web.Application()
    budget = Budget(LENGTH)
    ledger: Any = OneBody()  # as much of a ledger as is asked
    tiles.add_tiles(app, ledger, lambda log: b"note", budget)
    issuers.add_issuers(app, ledger, budget)
    async with serve(app) as url, asyncio.timeout(20):
        host, port = url.removeprefix("http://").split(":")
        slow_reader, slow = await asyncio.open_connection(host, int(port), limit=1024)
        slow.write(f"GET {first} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await slow_reader.readline()

        async def ask() -> bytes:
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET {second} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            line = await reader.readline()
            writer.close()
            return line

        assert b"503" in await ask()
        while b"200" not in (line := await ask()):
            assert b"503" in line
            await asyncio.sleep(0.05)
        slow.close()
