"""The fault table: each stage of the writer, the follower and the witness x how it fails x what is done then.

Whatever the row: no head shrinks, none changes at equal size, what was acknowledged stays, and the work is done in the end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import CairnError
from ledger.log.charter import Institution
from ledger.log.checkpoint import read_checkpoint
from ledger.log.merkle import root_at
from node.client.ledger import LedgerClient
from node.errors import BusyError, ConflictError
from node.events import HeadEvents
from node.pb import cairn_pb2 as pb
from node.pull import Puller
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import found, until
from tests.node.faulty import How, Killed, Opener
from tests.node.school import School, check_log, found_school, open_school, running
from tests.node.test_pull import Clock, Keys
from tests.node.test_witness import HELD, SIZE, Stand

Roots = dict[int, bytes]


def remember(log: LogStore, seen: Roots) -> None:
    """Take down the head, and check it against all heads seen before."""
    checkpoint = read_checkpoint(log.note)
    assert checkpoint.size >= max(seen, default=0)
    assert seen.setdefault(checkpoint.size, checkpoint.root) == checkpoint.root
    for size, root in seen.items():
        assert root_at(size, log.read_hashes) == root


# The writer ---------------------------------------------------------------------------------------------------------------

# Stage, how it fails, what is on disk then. Signing writes nothing, so it cannot be stored; the high-water file comes after
# the commit, so its failure always finds the entry stored.
WRITER = [
    ("sign", How.FAILED, 2),
    ("sign", How.KILLED, 2),
    ("store", How.FAILED, 2),
    ("store", How.STORED, 3),
    ("store", How.KILLED, 2),
    ("store", How.KILLED_AFTER, 3),
    ("mark", How.FAILED, 3),
    ("mark", How.KILLED, 3),
]


@pytest.mark.parametrize("then", ["same", "other", "reopen"])
@pytest.mark.parametrize(("stage", "how", "stored"), WRITER, ids=lambda value: getattr(value, "value", value))
async def test_writer(tmp_path: Path, stage: str, how: How, stored: int, then: str) -> None:
    """After any failure nothing is written until the node is started again; then the same statement has one index."""
    found_school(tmp_path / "granite").store.close()
    opener, seen = Opener(), Roots()
    school = open_school(tmp_path / "granite", opener)
    points = {"sign": "before-commit", "mark": "after-commit"}
    is_armed = False

    def pause(point: str) -> None:
        if is_armed and points.get(stage) == point:
            raise OSError("planted")

    async with running(school.sequencer(pause)) as sequencer:
        assert await sequencer.append([school.issue(1)]) == [1]
        remember(school.log, seen)
        is_armed = True
        if stage == "store":
            opener.fail(how)
        with pytest.raises(BusyError, match="it is not known whether this was written"):
            await sequencer.append([school.issue(2)])
        if not how.is_kill:
            remember(school.log, seen)
            for number in {"same": (2,), "other": (3,), "reopen": ()}[then]:
                with pytest.raises(BusyError, match="start the node again"):
                    await sequencer.append([school.issue(number)])
    school.kill()
    school.resume()
    assert school.log.size == stored
    remember(school.log, seen)
    await finish_writing(school, then, stored)
    remember(school.log, seen)
    check_log(school)
    school.store.close()


async def finish_writing(school: School, then: str, stored: int) -> None:
    """Ask again as the row says. What was stored keeps its index; what was not may be overtaken."""
    is_stored = stored == 3
    async with running(school.sequencer()) as sequencer:
        if then == "other":
            assert await sequencer.append([school.issue(3)]) == [stored]
            assert await sequencer.append([school.issue(2)]) == [2 if is_stored else 3]
        else:
            assert await sequencer.append([school.issue(2)]) == [2]
            assert await sequencer.append([school.issue(3)]) == [3]
        assert await sequencer.append([school.issue(1)]) == [1]


# The follower -------------------------------------------------------------------------------------------------------------


class BreakingPeer(HostilePeer):
    """Breaks off once at a stage, after something of it was sent."""

    stage = ""

    def _break_at(self, stage: str) -> None:
        if self.stage == stage:
            self.stage = ""
            raise ConnectionAbortedError("planted")

    async def GetHeads(self, request: pb.GetHeadsRequest, context: Any) -> pb.GetHeadsResponse:
        self._break_at("heads")
        return await super().GetHeads(request, context)

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: Any
    ) -> AsyncIterator[pb.StreamEntriesResponse]:
        async for message in super().StreamEntries(request, context):
            yield message
            self._break_at("entries")

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Any) -> AsyncIterator[pb.StreamBodyResponse]:
        async for message in super().StreamBody(request, context):
            yield message
            self._break_at("bodies")


FOLLOWER = [
    ("heads", How.FAILED, HELD),
    ("entries", How.FAILED, HELD),
    ("bodies", How.FAILED, HELD),
    ("judge", How.KILLED, HELD),
    ("store", How.FAILED, HELD),
    ("store", How.STORED, SIZE),
    ("store", How.KILLED, HELD),
    ("store", How.KILLED_AFTER, SIZE),
]


@pytest.mark.parametrize("then", ["same", "other", "reopen"])
@pytest.mark.parametrize(("stage", "how", "stored"), FOLLOWER, ids=lambda value: getattr(value, "value", value))
async def test_follower(tmp_path: Path, stage: str, how: How, stored: int, then: str) -> None:
    """What is broken off leaves nothing; this peer or another serves the rest, after a restart where the disk failed."""
    log, notes = written(SIZE)
    seen, opener = Roots(), Opener()

    def offer(size: int) -> Served:
        made = served(log, notes, size)
        made.package = 2
        return made

    async def killed() -> None:
        raise Killed

    async with serving(BreakingPeer(offer(HELD))) as peer, serving(HostilePeer(offer(SIZE))) as other:
        store = LedgerStore.open(tmp_path / "ledger", open_database=opener)
        puller = Puller(store, HeadEvents(), Keys(), Clock(), daily_bytes=1 << 30)
        await pull(puller, peer, log.log_id)
        held = store.log(log.log_id)
        assert held is not None
        remember(held, seen)
        peer.logs = {log.log_id: offer(SIZE)}
        assert isinstance(peer, BreakingPeer)
        peer.stage = stage
        if stage == "store":
            opener.fail(how)
        if stage == "judge":
            puller._pause = killed  # type: ignore[assignment]  # any awaitable will do
        with pytest.raises((CairnError, Killed)):
            await pull(puller, peer, log.log_id)
        remember(held, seen)
        needs_restart = stage == "store" or how.is_kill or then == "reopen"
        if needs_restart:
            if stage == "store" and not how.is_kill:
                with pytest.raises(BusyError, match="nothing is written since"):
                    await pull(puller, other, log.log_id)
            store._database.close()
            store = LedgerStore.open(tmp_path / "ledger")
            puller = Puller(store, HeadEvents(), Keys(), Clock(), daily_bytes=1 << 30)
            held = store.log(log.log_id)
            assert held is not None
            assert held.size == stored
            remember(held, seen)
        assert await pull(puller, other if then == "other" else peer, log.log_id) == SIZE
        remember(held, seen)
        assert held.entries(0, SIZE) == tuple(log.entries)
        store.close()


async def pull(puller: Puller, peer: HostilePeer, log_id: Any) -> int:
    async with LedgerClient(peer.address, timeout_seconds=10) as client:
        (head,) = await client.heads([log_id])
        return await puller.pull(client, head)


# The witness --------------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """A row of the witness's table: what fails, in which row of the store, and what is remembered afterwards."""

    stage: str
    tag: bytes
    how: How
    remembered: int


# It remembers the size first, then the note, then it signs: nothing leaves before both are on disk.
WITNESS = [
    Case("remember", b"w", How.FAILED, 0),
    Case("remember", b"w", How.STORED, 4),
    Case("remember", b"w", How.KILLED, 0),
    Case("remember", b"w", How.KILLED_AFTER, 4),
    Case("note", b"n", How.FAILED, 4),
    Case("note", b"n", How.STORED, 4),
    Case("note", b"n", How.KILLED, 4),
    Case("note", b"n", How.KILLED_AFTER, 4),
]


@asynccontextmanager
async def faulty_stand(folder: Path, opener: Opener) -> AsyncIterator[Stand]:
    log, notes = written(SIZE)
    async with serving(HostilePeer(served(log, notes, HELD))) as peer:
        quick = {"follow_interval_seconds": 3600, "witness_timeout_seconds": 2}
        campus = found(folder, "witness", Institution.COLLEGE, peers=(peer.address,), **quick)
        await campus.start(opener)
        try:
            await until(lambda: campus.holds(log.log_id, HELD))
            await until(lambda: campus.node.startup.closed_for(log.log_id) is None)
            yield Stand(campus, peer, log, notes)
        finally:
            await campus.stop()


# Each row restarts the node, so "reopen" is in all of them. Every other one takes its time in `make soak` alone.
WITNESS_ROWS = [
    pytest.param(case, then, id=f"{case.stage}-{case.how.value}-{then}", marks=[pytest.mark.soak] if even else [])
    for number, case in enumerate(WITNESS)
    for then, even in (("same", number % 2), ("other", 1 - number % 2))
]


@pytest.mark.parametrize(("case", "then"), WITNESS_ROWS)
async def test_witness(tmp_path: Path, case: Case, then: str) -> None:
    """A cosignature that may have been remembered is never followed by a smaller one or another root of its size."""
    opener = Opener()
    async with faulty_stand(tmp_path, opener) as stand:
        opener.fail(case.how, case.tag)
        with pytest.raises((CairnError, Killed)):
            await stand.ask(stand.request(0, 4))
        if not case.how.is_kill:
            with pytest.raises((BusyError, ConflictError)):
                await stand.ask(stand.request(0, 4 if then == "same" else 6))
        await stand.campus.stop()
        await stand.campus.start()
        await until(lambda: stand.campus.node.startup.closed_for(stand.log.log_id) is None)
        assert stand.cosigned == case.remembered
        size = 6 if then == "other" else 4
        if case.remembered:
            with pytest.raises(ConflictError) as conflict:
                await stand.ask(stand.request(0, size))
            assert conflict.value.size == 4
        await stand.ask(stand.request(case.remembered, size))
        assert stand.cosigned == size
        with pytest.raises(ConflictError):
            await stand.ask(stand.request(0, 3))
