"""Peers that are slow, endless, huge or half-open, seen by whoever follows them: bounded, in time, and others go on."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log.charter import Institution
from ledger.log.identity import LogId
from node.budget import Budget
from node.client import ledger as ledger_client
from node.client.exchange import Head
from node.client.failures import UnreachableError
from node.client.ledger import LedgerClient
from node.errors import BusyError
from node.events import HeadEvents
from node.pb import cairn_pb2 as pb
from node.pull import JUDGED_BYTES, Puller
from node.store.ledgerstore import LedgerStore
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import found, until
from tests.node.test_pull import Clock, Keys
from tests.simulator import SimulatedLog

MEBIBYTE = 1024 * 1024
LOG = LogId(bytes(32))


class Endless(HostilePeer):
    """Every list, stream and body goes on for ever; `pause` seconds between messages."""

    def __init__(self, *logs: Served, pause: float = 0.0) -> None:
        super().__init__(*logs)
        self.pause = pause
        self.sent = 0

    async def ListLogs(self, request: pb.ListLogsRequest, context: Any) -> pb.ListLogsResponse:
        first = int.from_bytes(request.after, "big") + 1
        self.sent += 1
        logs = [pb.LogSummary(log=n.to_bytes(32, "big"), origin="x", size=1) for n in range(first, first + 1000)]
        return pb.ListLogsResponse(logs=logs, more=True)

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.GetEvidenceResponse:
        self.sent += 1
        return pb.GetEvidenceResponse(evidence=[os.urandom(100)], more=True)

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: Any
    ) -> AsyncIterator[pb.StreamEntriesResponse]:
        first = request.start
        while True:
            self.sent += 1
            yield pb.StreamEntriesResponse(first=first, entries=[b"{}"])
            first += 1
            await asyncio.sleep(self.pause)

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Any) -> AsyncIterator[pb.StreamBodyResponse]:
        while True:
            self.sent += 1
            yield pb.StreamBodyResponse(pieces=[pb.BodyPiece(index=request.start, data=bytes(256 * 1024), last=False)])
            await asyncio.sleep(self.pause)


async def exhaust(stream: AsyncIterator[object]) -> int:
    count = 0
    async for _ in stream:
        count += 1
    return count


async def test_endless_lists_end() -> None:
    """Logs, evidence, entries and bodies have limits, whatever the peer has to tell."""
    async with serving(Endless()) as peer, LedgerClient(peer.address, timeout_seconds=20) as client:
        assert len(await client.list_logs()) == ledger_client.MAX_LOGS
        assert len(await client.evidence(LOG)) == 64
        with pytest.raises(MalformedError, match=r"package: \[10, 11\) where \[10, 10\) is next"):
            await exhaust(client.entries(LOG, 0, 10))
        with pytest.raises(MalformedError, match="more than 67108864 bytes"):
            await exhaust(client.bodies(LOG, 0, 1))


async def test_a_stream_that_drips_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message comes in time, and still the whole has a deadline."""
    monkeypatch.setattr(ledger_client, "STREAM_FACTOR", 2)
    async with serving(Endless(pause=0.1)) as peer, LedgerClient(peer.address, timeout_seconds=0.5) as client:
        assert isinstance(peer, Endless)
        async with asyncio.timeout(20):
            with pytest.raises(UnreachableError):
                await exhaust(client.bodies(LOG, 0, 1))
        assert peer.sent > 3


@asynccontextmanager
async def pulling(folder: Path) -> AsyncIterator[tuple[Puller, LedgerStore]]:
    store = LedgerStore.open(folder / "ledger")
    try:
        yield Puller(store, HeadEvents(), Keys(), Clock(), daily_bytes=1 << 40), store
    finally:
        store.close()


def endless_peer(log: SimulatedLog, notes: dict[int, bytes]) -> Endless:
    """Honest entries, and a body that never ends."""
    peer = Endless(served(log, notes))
    peer.StreamEntries = lambda request, context: HostilePeer.StreamEntries(peer, request, context)  # type: ignore[method-assign]
    return peer


async def test_an_endless_body_fills_no_memory_and_stores_nothing(tmp_path: Path) -> None:
    """The pull ends where no honest one could still be."""
    log, notes = written(6)
    async with (
        pulling(tmp_path) as (puller, store),
        serving(endless_peer(log, notes)) as peer,
        LedgerClient(peer.address, timeout_seconds=20) as client,
    ):
        assert isinstance(peer, Endless)
        puller.max_unproven_bytes = 12 * MEBIBYTE
        with pytest.raises(RuleError, match="without a checkpoint on the way"):
            await puller.pull(client, Head(log=log.log_id, size=6, note=notes[6]))
        assert store.log_ids() == ()
        # Asked for four times, with ever fewer entries at a time; each time not much beyond the limit is sent.
        assert peer.sent < 4 * (12 * 4 + 10)
        assert puller._budget._held == 0


async def test_what_all_peers_send_at_once_is_bounded_and_small_logs_still_grow(tmp_path: Path) -> None:
    """Peers that send large bodies without end fill the common room; a log of ordinary size grows all the same."""
    logs = [SimulatedLog(f"school{n}") for n in range(4)]
    for log in logs:
        log.publish("urn:example:large", document=bytes(1000))
    small, notes = written(12)
    async with pulling(tmp_path) as (puller, store), contextlib.AsyncExitStack() as stack:
        puller._budget = Budget(8 * MEBIBYTE)
        pulls = []
        for log in logs:
            offer = Served(log.log_id, log.entries, log.bodies, log.note or b"")
            slow = endless_peer(log, {log.size: log.note or b""})
            slow.logs = {log.log_id: offer}
            slow.pause = 0.01
            peer = await stack.enter_async_context(serving(slow))
            client = await stack.enter_async_context(LedgerClient(peer.address, timeout_seconds=20))
            head = Head(log=log.log_id, size=log.size, note=log.note)
            pulls.append(asyncio.create_task(puller.pull(client, head)))
        peer = await stack.enter_async_context(serving(HostilePeer(served(small, notes))))
        client = await stack.enter_async_context(LedgerClient(peer.address, timeout_seconds=20))
        async with asyncio.timeout(60):
            done, _ = await asyncio.wait(pulls, return_when=asyncio.FIRST_COMPLETED)
            assert all(isinstance(task.exception(), BusyError) for task in done)
            assert puller._budget._held <= 8 * MEBIBYTE
            assert await puller.pull(client, Head(log=small.log_id, size=12, note=notes[12])) == 12
        for task in pulls:
            task.cancel()
        for outcome in await asyncio.gather(*pulls, return_exceptions=True):
            assert isinstance(outcome, CairnError | asyncio.CancelledError)
        assert puller._budget._held == 0
        assert store.log_ids() == (small.log_id,)
    assert JUDGED_BYTES == 8 * MEBIBYTE


@contextlib.contextmanager
def tcp_peer(behave: Callable[[socket.socket], None]) -> Any:
    """Something that accepts connections and behaves in its own way with each, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=guarded, args=(connection,), daemon=True).start()

        def guarded(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                behave(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def half_open(connection: socket.socket) -> None:
    """Says the first words of HTTP/2, then nothing, and reads nothing."""
    connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    threading.Event().wait(60)


def shouting(connection: socket.socket) -> None:
    while True:
        connection.sendall(os.urandom(1 << 16))


@pytest.mark.parametrize("behave", [silent, half_open, shouting])
async def test_what_is_no_peer_costs_one_deadline(behave: Callable[[socket.socket], None]) -> None:
    with tcp_peer(behave) as address:
        async with LedgerClient(address, timeout_seconds=0.3) as client, asyncio.timeout(20):
            with pytest.raises(UnreachableError, match=address):
                await client.heads([LOG])
            with pytest.raises(UnreachableError, match=address):
                await exhaust(client.entries(LOG, 0, 1))


async def test_a_slow_peer_keeps_nobody_from_a_good_one(tmp_path: Path) -> None:
    """One peer drips the log for ever, one is half-open; from the third the node has it soon."""
    log, notes = written(6)
    slow = Endless(served(log, notes), pause=0.2)
    with tcp_peer(half_open) as dead:
        async with serving(slow), serving(HostilePeer(served(log, notes))) as good:
            quick: dict[str, object] = {"follow_interval_seconds": 1, "peer_timeout_seconds": 2}
            peers = (slow.address, dead, good.address)
            campus = found(tmp_path, "observer", Institution.COLLEGE, peers=peers, **quick)
            await campus.start()
            try:
                await until(lambda: campus.holds(log.log_id, 6), 30)
                await until(lambda: campus.node.startup.may_sign, 30)
                await campus.issue()
            finally:
                await campus.stop()
