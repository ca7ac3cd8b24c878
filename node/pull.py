"""Growing a log we hold by what a peer offers: gather, judge, commit; nothing unproven is ever stored.

Entries arrive in packages. They are gathered, with their bodies, up to a size for which there is a checkpoint note,
judged together by `ledger.log.follow`, and stored in one commit. A peer that offers a long log serves notes of sizes on
the way (the writer signed one after each of its commits), so what is held in memory stays bounded; a peer that does not
is refused. What is broken off is resumed from the last commit, from the same peer or another.

Several peers may offer the same growth at once: whoever commits second finds the log grown and goes on from there.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from ledger.duration import DAY_MS
from ledger.errors import RuleError
from ledger.log import follow
from ledger.log.follow import Growth
from ledger.log.identity import LogId, encode_log_id
from node.budget import Budget
from node.client import notes
from node.client.exchange import Head, Package
from node.client.ledger import LedgerClient
from node.clock import Clock
from node.errors import BusyError
from node.events import HeadEvents
from node.store.ledgerstore import LedgerStore
from node.tasks import uninterrupted

MAX_RANGE = 8192
# One cut puts an issue body and a status body, each at most 64 MiB, under one checkpoint; beyond that and some room for
# entries a peer keeps us from proving anything.
MAX_UNPROVEN_BYTES = 136 * 1024 * 1024
# All pulls together, of what each gathers beyond `JUDGED_BYTES`: two of the largest cuts at a time, and any number of small.
MAX_GATHERED_BYTES = 2 * MAX_UNPROVEN_BYTES
JUDGED_ENTRIES = 2048
JUDGED_BYTES = 8 * 1024 * 1024
TURN_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Puller:
    """Pulls logs into one store. Used from the event loop's thread alone.

    Args:
        store: where growth is committed.
        events: told of every commit.
        witnesses: whose cosignatures are kept.
        clock: tells which day it is, for the quota.
        daily_bytes: how much one log may grow in a day once it has been caught up with.
        pause: awaited before each commit; tests hold a pull there.
    """

    def __init__(
        self,
        store: LedgerStore,
        events: HeadEvents,
        witnesses: notes.WitnessKeys,
        clock: Clock,
        *,
        daily_bytes: int,
        pause: Callable[[], "asyncio.Future[None]"] | None = None,
    ) -> None:
        self._store = store
        self._events = events
        self._witnesses = witnesses
        self._quota = _Quota(clock, daily_bytes)
        self._locks: defaultdict[LogId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pause = pause
        # Tests make both smaller.
        self.judged_entries = JUDGED_ENTRIES
        self.max_unproven_bytes = MAX_UNPROVEN_BYTES
        self._budget = Budget(MAX_GATHERED_BYTES)
        self._turns: defaultdict[LogId, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def daily_bytes(self) -> int:
        """How much one log may grow in a day."""
        return self._quota.daily_bytes

    def grown_today(self) -> dict[LogId, int]:
        """Bytes that each log grew by since midnight UTC, of those that grew."""
        return self._quota.spent_today()

    def paused(self) -> tuple[LogId, ...]:
        """Logs that wait for tomorrow because they used up their quota."""
        return self._quota.refused_today()

    def lock(self, log: LogId) -> asyncio.Lock:
        """Held while a log is committed to, or its cosigned size compared and set."""
        return self._locks[log]

    async def pull(self, client: LedgerClient, head: Head) -> int:
        """Grow a log to the head a peer offers; gives the size held afterwards, which may be larger.

        Raises:
            MalformedError, SignatureError, ProofError, RuleError, EquivocationError: the peer's copy does not continue
                what is held, or breaks a rule. What was proven before that point is kept, nothing else.
            BusyError: the log used up its quota for today.
            UnreachableError: the peer broke off.
        """
        if head.note is None:
            return self.held_size(head.log)
        async with self._turn(head.log):
            return await self._pull_all(client, head)

    async def _pull_all(self, client: LedgerClient, head: Head) -> int:
        caught_up, span = True, MAX_RANGE
        while (start := self.held_size(head.log)) < head.size:
            caught_up = False
            try:
                await self._pull_range(client, head, start, span)
            except _TooMuchError as error:
                if span == 1:
                    raise RuleError(
                        str(error), hint="the peer serves no notes of earlier sizes; try another"
                    ) from error
                # Large bodies: packages of fewer entries end at more of the signed sizes.
                span = max(1, span // 32)
        if not caught_up:
            self._quota.mark_caught_up(head.log)
        return start

    @asynccontextmanager
    async def _turn(self, log: LogId) -> AsyncIterator[None]:
        """Let the pull of the same log from another peer finish first, but let no slow peer hold up the others."""
        lock = self._turns[log]
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await lock.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def held_size(self, log: LogId) -> int:
        """Entries of a log held; 0 for none."""
        held = self._store.log(log)
        return held.state.size if held is not None else 0

    async def _pull_range(self, client: LedgerClient, head: Head, start: int, span: int) -> None:
        """Pull from `start` until the end of the head, or until somebody else has grown the log.

        Raises:
            _TooMuchError: `span` entries at a time are more than may be held unproven.
        """
        gathered = _Gathered(start, self.max_unproven_bytes, self._budget)
        try:
            while gathered.end < head.size:
                stop = min(head.size, gathered.end + span)
                async for package in client.entries(head.log, gathered.end, stop):
                    await gathered.add(client, head.log, package)
                    note = head.note if package.end == head.size else package.note
                    # One judgment copies the state, so small steps are judged together.
                    is_small = len(gathered.entries) < self.judged_entries and gathered.total < JUDGED_BYTES
                    if note is None or (package.end < head.size and is_small):
                        continue
                    if not await self._judge_and_commit(head.log, gathered, note):
                        return
                    gathered.release()
                    gathered = _Gathered(package.end, self.max_unproven_bytes, self._budget)
        finally:
            gathered.release()

    async def _judge_and_commit(self, log_id: LogId, gathered: "_Gathered", note: bytes) -> bool:
        """Judge and store what was gathered; false when the log grew meanwhile and the work is to be done anew."""
        self._quota.check(log_id, gathered.total, is_proven=False)
        held = self._store.log(log_id)
        state = held.state if held is not None else None
        if (state.size if state is not None else 0) != gathered.start:
            return False
        growth = await asyncio.to_thread(follow.judge_growth, state, gathered.entries, gathered.ordered_bodies(), note)
        if growth.state.log_id != log_id:
            raise RuleError(
                f"log {encode_log_id(log_id)}: the peer served entry 0 of log {encode_log_id(growth.state.log_id)}"
            )
        _check_bodies(growth)
        self._quota.check(log_id, gathered.total, is_proven=True)
        keys = tuple(self._witnesses.witness_keys(log_id))
        growth = replace(
            growth, note=notes.trim_note(growth.note, [growth.state.verifier_key_at(growth.state.size)], keys)
        )
        if self._pause is not None:
            await self._pause()
        # A witness's call may end at its deadline just now; the commit and the news of it belong together.
        return await uninterrupted(self._store_growth(log_id, growth, gathered))

    async def _store_growth(self, log_id: LogId, growth: Growth, gathered: "_Gathered") -> bool:
        async with self.lock(log_id):
            if self.held_size(log_id) != gathered.start:
                return False
            await asyncio.to_thread(self._commit, log_id, growth)
        # Only after the commit: whoever hears of the growth may read, serve and cosign it.
        self._quota.spend(log_id, gathered.total)
        _log.info("log grew", extra={"log": encode_log_id(log_id), "size": growth.state.size})
        self._events.publish(log_id)
        return True

    def _commit(self, log_id: LogId, growth: Growth) -> None:
        held = self._store.log(log_id)
        if held is None:
            self._store.create(growth)
        else:
            held.commit(growth)


def _check_bodies(growth: Growth) -> None:
    """A full replica holds every body; `follow` lets a light one leave some out."""
    for entry, body in zip(growth.entries, growth.bodies, strict=True):
        if entry.statement.body is not None and body is None:
            raise RuleError(f"entry {entry.index}: the peer does not serve its body", hint="try another peer")


class _TooMuchError(Exception):
    """More was gathered than may be held unproven."""


class _Gathered:
    """Consecutive entries and bodies not yet proven."""

    def __init__(self, start: int, max_bytes: int, budget: Budget) -> None:
        self.start = start
        self.entries: list[bytes] = []
        self.total = 0
        self._max_bytes = max_bytes
        self._budget = budget
        self._taken = 0
        self._bodies: dict[int, bytes] = {}

    @property
    def end(self) -> int:
        return self.start + len(self.entries)

    async def add(self, client: LedgerClient, log: LogId, package: Package) -> None:
        """Add a package and, from the same peer, the bodies of its entries."""
        self.entries += package.entries
        self._count(sum(map(len, package.entries)))
        async for index, body in client.bodies(log, package.first, package.end, count=self._count):
            self._bodies[index] = body

    def ordered_bodies(self) -> list[bytes | None]:
        return [self._bodies.get(index) for index in range(self.start, self.end)]

    def release(self) -> None:
        """Let others have the room; nothing is added afterwards."""
        self._budget.give(self._taken)
        self._taken = 0

    def _count(self, length: int) -> None:
        self.total += length
        if self.total > self._max_bytes:
            raise _TooMuchError(f"entries from {self.start} on: {self.total} bytes without a checkpoint on the way")
        beyond = max(0, self.total - JUDGED_BYTES)
        if beyond > self._taken:
            # Slow peers that fill the room hold up other large pulls, never small ones.
            self._budget.take(beyond - self._taken)
            self._taken = beyond


class _Quota:
    """How much each log may grow in a day. The first catching up is free: it is as large as the log is."""

    def __init__(self, clock: Clock, daily_bytes: int) -> None:
        self._clock = clock
        self.daily_bytes = daily_bytes
        self._caught_up: set[LogId] = set()
        self._spent: dict[LogId, tuple[int, int]] = {}
        self._refused: dict[LogId, int] = {}

    def mark_caught_up(self, log: LogId) -> None:
        self._caught_up.add(log)

    def check(self, log: LogId, length: int, *, is_proven: bool) -> None:
        """Refuse growth above the quota; a single commit larger than the whole quota passes on a day of its own.

        Only what the log's own key signed for says that the log is that busy: a peer can make up bodies of any length.
        Once a day that is worth judging what will be refused; after that nothing is.
        """
        day, spent = self._today(log)
        if not is_proven and self._refused.get(log) != day:
            return
        if log in self._caught_up and spent and spent + length > self.daily_bytes:
            self._refused[log] = day
            raise BusyError(
                f"log {encode_log_id(log)}: grew by {spent} bytes today of {self.daily_bytes}; it goes on tomorrow",
                hint="raise daily_quota_mebibytes in node.toml if this institution is that busy",
            )

    def spend(self, log: LogId, length: int) -> None:
        day, spent = self._today(log)
        self._spent[log] = day, spent + length

    def spent_today(self) -> dict[LogId, int]:
        today = self._clock() // DAY_MS
        return {log: spent for log, (day, spent) in self._spent.items() if day == today}

    def refused_today(self) -> tuple[LogId, ...]:
        today = self._clock() // DAY_MS
        return tuple(log for log, day in self._refused.items() if day == today)

    def _today(self, log: LogId) -> tuple[int, int]:
        today = self._clock() // DAY_MS
        day, spent = self._spent.get(log, (today, 0))
        return (day, spent) if day == today else (today, 0)
