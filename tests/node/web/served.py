"""A web application over a real store, on a port the system chooses."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from ledger.log.policy import TrustRoot
from node.clock import Clock
from node.statusfiles import StatusFiles
from node.store.ledgerstore import LedgerStore
from node.web.app import build_app
from tests.simulator import NOW, SimulatedLog


@dataclass
class ServedNode:
    """What `build_app` needs of a node."""

    ledger: LedgerStore
    log_id: LogId
    trust: TrustRoot | None = None
    clock: Clock = lambda: NOW + 60_000
    refusal: str | None = None
    status_files: StatusFiles = field(default_factory=lambda: StatusFiles(Path("absent")))

    def newest_head(self, log_id: LogId) -> bytes | None:
        log = self.ledger.log(log_id)
        return None if log is None else log.note


def open_store(path: Path, logs: Iterable[SimulatedLog]) -> LedgerStore:
    """A store that holds these logs as they are."""
    store = LedgerStore.open(path)
    for log in logs:
        assert log.note is not None
        store.create(judge_growth(None, log.entries, log.bodies, log.note))
    return store


@asynccontextmanager
async def serve(app: web.Application) -> AsyncIterator[str]:
    """The base URL of a server that runs while the context lasts."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_logs(path: Path, logs: Iterable[SimulatedLog], trust: TrustRoot | None = None) -> AsyncIterator[str]:
    """The base URL of a node that holds these logs; the first is its own."""
    held = list(logs)
    store = open_store(path, held)
    try:
        async with serve(build_app(ServedNode(store, held[0].log_id, trust))) as url:
            yield url
    finally:
        store.close()
