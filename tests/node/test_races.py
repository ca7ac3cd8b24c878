"""Many at once on one log: one acceptance for each old size, and a caller that goes away leaves no half-done work."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger.log.charter import Institution
from ledger.log.merkle import RootHash
from node.client.exchange import Head
from node.client.ledger import LedgerClient
from node.errors import ConflictError
from node.events import HeadEvents
from node.pb import cairn_pb2 as pb
from node.pull import Puller
from node.store.database import Database
from node.store.ledgerstore import LedgerStore
from node.store.room import Room
from node.tasks import uninterrupted
from tests.end_to_end.hostile import HostilePeer, serving
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import found, until
from tests.node.school import found_school
from tests.node.test_pull import Clock, Keys
from tests.node.test_witness import HELD, Stand, standing

THREADS = 16
SIZES = 40


def test_of_many_threads_one_is_accepted_for_each_old_size(tmp_path: Path) -> None:
    """Threads that all compare and set what was cosigned: each size is left once, and the last one stands for good."""
    school = found_school(tmp_path / "granite")
    log = school.log
    start = threading.Barrier(THREADS)
    accepted: list[tuple[int, int]] = []

    def climb(seed: int) -> None:
        chance = random.Random(seed)
        start.wait(30)
        old = 0
        while old < SIZES:
            size = min(SIZES, old + chance.randint(1, 3))
            try:
                log.set_cosigned(size, RootHash(size.to_bytes(32, "big")), expected=old)
                accepted.append((old, size))
                old = size
            except ConflictError as conflict:
                assert conflict.size > old
                old = conflict.size

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(climb, range(THREADS)))
    steps = sorted(accepted)
    assert max(Counter(old for old, _ in steps).values()) == 1
    assert [old for old, _ in steps] == [0, *(size for _, size in steps[:-1])]
    school.kill()
    school.resume()
    assert school.log.cosigned() == (SIZES, RootHash(SIZES.to_bytes(32, "big")))
    school.store.close()


async def test_of_many_writers_one_is_cosigned_for_each_old_size(tmp_path: Path) -> None:
    """The same over the wire: racing callers, one signature for each step, and the witness ends at the largest size."""
    async with standing(tmp_path) as stand:
        accepted: list[tuple[int, int]] = []

        async def climb(seed: int, client: LedgerClient) -> None:
            chance, old = random.Random(seed), 0
            while old < HELD:
                size = min(HELD, old + chance.randint(1, 2))
                try:
                    await client.add_checkpoint(stand.request(old, size))
                    accepted.append((old, size))
                    old = size
                except ConflictError as conflict:
                    assert conflict.size > old
                    old = conflict.size

        async with LedgerClient(stand.campus.address, timeout_seconds=20) as client:
            await asyncio.gather(*(climb(seed, client) for seed in range(12)))
        steps = sorted(accepted)
        assert [old for old, _ in steps] == [0, *(size for _, size in steps[:-1])]
        assert stand.cosigned == steps[-1][1] == HELD


class SlowDatabase(Database):
    """Writes wait, in their thread, until they may go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.is_slow = False

    def write(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        if self.is_slow:
            self.is_slow = False
            self.reached.set()
            assert self.go_on.wait(30)
        super().write(rows)


async def test_a_late_commit_is_not_overtaken(tmp_path: Path) -> None:
    """A pull is cancelled while its commit is under way: the next one waits for it, and the news is told."""
    log, notes = written(12)
    opened: list[SlowDatabase] = []

    def open_database(path: Path, room: Room | None = None) -> Database:
        opened.append(SlowDatabase(path))
        return opened[0]

    store = LedgerStore.open(tmp_path / "ledger", open_database=open_database)
    (database,), events = opened, HeadEvents()
    listener = events.listen()
    puller = Puller(store, events, Keys(), Clock(), daily_bytes=1 << 30)
    async with (
        serving(HostilePeer(served(log, notes))) as peer,
        LedgerClient(peer.address, timeout_seconds=20) as client,
        asyncio.timeout(60),
    ):
        head = Head(log=log.log_id, size=12, note=notes[12])
        database.is_slow = True
        first = asyncio.create_task(puller.pull(client, head))
        assert await asyncio.to_thread(database.reached.wait, 30)
        first.cancel()
        second = asyncio.create_task(puller.pull(client, head))
        await asyncio.wait((first, second), timeout=0.3)
        assert not first.done()
        database.go_on.set()
        assert await second == 12
        with pytest.raises(asyncio.CancelledError):
            await first
        assert listener.take() == {log.log_id}
    held = store.log(log.log_id)
    assert held is not None
    assert held.entries(0, 12) == tuple(log.entries)
    store.close()


async def test_a_caller_that_goes_away_leaves_the_witness_whole(tmp_path: Path) -> None:
    """Cancelled while the size is being remembered: the note is kept too, and the next caller hears the new size."""
    async with standing(tmp_path) as stand:
        log = stand.campus.node.ledger.log(stand.log.log_id)
        assert log is not None
        assert log.note_at(4) is None
        reached, go_on = threading.Event(), threading.Event()
        remember = log.set_cosigned

        def slow(*args: Any, **kwargs: Any) -> None:
            reached.set()
            assert go_on.wait(30)
            remember(*args, **kwargs)

        log.set_cosigned = slow  # type: ignore[method-assign]  # a thread that is held there
        request = asyncio.create_task(stand.ask(stand.request(0, 4)))
        assert await asyncio.to_thread(reached.wait, 30)
        request.cancel()
        log.set_cosigned = remember  # type: ignore[method-assign]
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert stand.cosigned == 4
        assert log.note_at(4) == stand.notes[4]
        with pytest.raises(ConflictError) as conflict:
            await stand.ask(stand.request(0, 6))
        assert conflict.value.size == 4


async def test_uninterrupted_work_ends_before_its_caller() -> None:
    """However often the caller is cancelled; errors nobody hears are no unretrieved ones."""
    go_on, done = asyncio.Event(), []

    async def work() -> None:
        await go_on.wait()
        done.append(True)
        raise ValueError("told to nobody")

    caller = asyncio.create_task(uninterrupted(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done == [True]


class Late(HostilePeer):
    """Answers which logs it holds only when told to."""

    def __init__(self, *logs: Any) -> None:
        super().__init__(*logs)
        self.may_list = asyncio.Event()
        self.may_list.set()

    async def ListLogs(self, request: pb.ListLogsRequest, context: Any) -> pb.ListLogsResponse:
        await self.may_list.wait()
        return await super().ListLogs(request, context)


async def test_a_log_that_is_told_of_late_is_asked_about_all_the_same(tmp_path: Path) -> None:
    """After a restart a witness learns which logs it follows only when its peer answers; it cosigns them nevertheless."""
    log, notes = written(HELD)
    async with serving(Late(served(log, notes))) as peer:
        assert isinstance(peer, Late)
        campus = found(tmp_path, "witness", Institution.COLLEGE, peers=(peer.address,), follow_interval_seconds=3600)
        await campus.start()
        try:
            await until(lambda: campus.holds(log.log_id, HELD))
            await campus.stop()
            peer.may_list.clear()
            await campus.start()
            # By now the start-up rule has judged our own log, and found no other to ask about.
            await until(lambda: campus.node.startup.may_sign)
            peer.may_list.set()
            await until(lambda: campus.node.startup.closed_for(log.log_id) is None, 20)
            stand = Stand(campus, peer, log, notes)
            await stand.ask(stand.request(0, HELD))
        finally:
            await campus.stop()
