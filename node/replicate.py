"""Following: one task for each peer keeps what we hold level with what it offers.

A round asks the peer for its heads of every log we follow. Larger ones are pulled and judged, equal ones may bring
cosignatures, contradicting ones are looked into. What a peer serves wrongly is told in the log with the reason, costs
that peer a pause for that log, and changes nothing we hold.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ledger.errors import CairnError
from ledger.log.identity import LogId, encode_log_id
from node.branch import Branches
from node.client.exchange import Head, OfferedHead
from node.client.failures import UnreachableError
from node.clock import Clock, Draw
from node.directory import Directory
from node.errors import BusyError
from node.events import HeadEvents, Listener
from node.forks import Forks
from node.gossip import NOTHING_TOLD, Gossip
from node.peers import Peers
from node.pull import Puller
from node.tasks import Backoff, jitter, keep_doing

# News within this time is told to a peer at once.
GATHER_SECONDS = 0.05
# Least time between two rounds over all peers that news from a stranger causes.
STRANGER_SECONDS = 1.0
REFUSED_PAUSE_MS = 60_000
MAX_REFUSED_PAUSE_MS = 3_600_000

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PeerReport:
    """How following one peer goes, for people: the operator's `status` shows it.

    Attributes:
        address: of the peer.
        reached_at: Unix milliseconds of the last good round, None before the first.
        problem: why the last round failed, empty when it did not.
        lag: entries this peer offers of followed logs that we do not hold yet.
        refused: log id text and reason, of logs this peer served wrongly.
        paused: log id text and reason, of logs that wait for later, such as the next day's quota.
    """

    address: str
    reached_at: int | None = None
    problem: str = ""
    lag: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)


class Follower:
    """Follows one peer. Runs as one task; `wake` may be called from anywhere in the event loop.

    Args:
        address: of the peer.
        interval_seconds: between two looks when nothing is heard.
    """

    def __init__(
        self,
        address: str,
        *,
        directory: Directory,
        puller: Puller,
        peers: Peers,
        gossip: Gossip,
        forks: Forks,
        branches: Branches,
        events: HeadEvents,
        clock: Clock,
        draw: Draw,
        interval_seconds: float,
    ) -> None:
        self.report = PeerReport(address)
        self._address = address
        self._directory = directory
        self._puller = puller
        self._peers = peers
        self._gossip = gossip
        self._forks = forks
        self._branches = branches
        self._events = events
        self._clock = clock
        self._draw = draw
        self._interval = interval_seconds
        self._wake = asyncio.Event()
        self._wake.set()
        # Per log: when to look at what this peer serves of it again, and the pause that grows with every refusal.
        self._pauses: dict[LogId, tuple[int, int]] = {}
        self._evidence_seen: dict[LogId, int] = {}
        # What the networks had decided about a log when this peer's copy of it was refused.
        self._refused_under: dict[LogId, object] = {}
        # How our own newest note stood when the peer was told last.
        self._told = NOTHING_TOLD
        # What the peer said when all of these logs were level with it; nothing needs doing until it says otherwise.
        self._level: tuple[bytes, frozenset[tuple[LogId, bool]]] = b"", frozenset()

    def wake(self) -> None:
        """Look at the peer now."""
        self._wake.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        backoff = Backoff(self._draw, max_seconds=max(self._interval * 6, 1.0))
        listener = self._events.listen()
        try:
            await keep_doing(f"follow {self._address}", lambda: self._step(listener), backoff)
        finally:
            self._events.forget(listener)

    async def _step(self, listener: Listener) -> None:
        try:
            # A peer that was away is asked and told everything; later only news counts.
            if self.report.reached_at is None or self.report.problem:
                listener.take()
                await self.round()
                await self._tell(self._all_logs())
            elif self._wake.is_set():
                await self.round()
            await self._tell(listener.take())
            self._mark_good()
        except CairnError as error:
            self.report.problem = str(error)
            raise
        await self._wait(listener)

    async def round(self) -> None:
        """Ask for heads once, and act on them; a peer where nothing has changed since is asked for a token alone."""
        self._wake.clear()
        client = self._peers.client(self._address)
        token = await client.token()
        if token and self._level == (token, self._wants(self._directory.follow_order())):
            return
        if self._address in self._directory.config_peers:
            told = [summary.log for summary in await client.list_logs()]
            if self._directory.hear(self._address, told):
                # Logs that are held already bring no news of their own, and the start-up rule has to ask about them.
                self._events.publish(self._directory.own)
        done: set[LogId] = set()
        wanted: set[tuple[LogId, bool]] = set()
        lag = 0
        # A network's log names further logs, so the list is made anew until nothing is new; networks come first.
        while logs := [log for log in self._directory.follow_order() if log not in done]:
            done.update(logs)
            wanted |= self._wants(logs)
            for head in await client.heads(logs, [self._gossip.name_held(log) for log in logs]):
                await self._follow(head)
                lag += max(0, head.size - self._puller.held_size(head.log))
        self.report.lag = lag
        # What was refused, or waits, is asked for again.
        self._level = (b"", frozenset()) if lag or self._pauses else (token, frozenset(wanted))

    def _wants(self, logs: Iterable[LogId]) -> frozenset[tuple[LogId, bool]]:
        """What is asked about: each log, and whether further cosignatures would help."""
        return frozenset((log, self._gossip.lacks_quorum(log)) for log in logs)

    async def _follow(self, head: Head) -> None:
        if self._is_paused(head.log) and self._branches.decided(head.log) == self._refused_under.get(head.log):
            return
        if head.note is None:
            if head.is_known:
                await self._fetch_evidence(head)
                await self._forks.take_reports(head.log)
            return
        try:
            if head.size > self._puller.held_size(head.log):
                await self._puller.pull(self._peers.client(self._address), head)
            # Also after a pull: another peer may have been quicker, with another history.
            await self._gossip.judge_head(OfferedHead(head.log, head.note), self._address)
            if await self._branches.is_overruled(head.log) and await self._go_over(head):
                return
        except (UnreachableError, BusyError) as error:
            if isinstance(error, UnreachableError):
                raise
            _log.warning("log paused", extra={"log": encode_log_id(head.log), "reason": str(error)})
            self.report.paused[encode_log_id(head.log)] = str(error)
            self._pause(head.log)
        except CairnError as error:
            if not await self._go_over(head):
                self._refuse(head, error)
                await self._forks.report(head.log, head.note, self._address)
        else:
            await self._fetch_evidence(head)
            await self._forks.take_reports(head.log)
            self._pauses.pop(head.log, None)
            self.report.refused.pop(encode_log_id(head.log), None)
            self.report.paused.pop(encode_log_id(head.log), None)

    async def _go_over(self, head: Head) -> bool:
        if not await self._branches.go_over(self._peers.client(self._address), head):
            return False
        # The rest of the branch comes by the usual pull, in the next round.
        self._pauses.pop(head.log, None)
        self.report.refused.pop(encode_log_id(head.log), None)
        self._wake.set()
        return True

    async def _fetch_evidence(self, head: Head) -> None:
        """Take over fork evidence that the peer keeps and we lack; the same number is asked for once."""
        if head.evidence_count in (0, self._evidence_seen.get(head.log)):
            return
        self._evidence_seen[head.log] = head.evidence_count
        if head.evidence_count > await self._forks.count(head.log):
            for evidence in await self._peers.client(self._address).evidence(head.log):
                await self._forks.receive(head.log, evidence, self._address)

    def _refuse(self, head: Head, error: CairnError) -> None:
        log = encode_log_id(head.log)
        self.report.refused[log] = str(error)
        fields = {"log": log, "peer": self._address, "size": head.size, "reason": str(error)}
        _log.warning("peer's copy refused, nothing of it stored", extra=fields)
        self._pause(head.log)

    def _pause(self, log: LogId) -> None:
        _, last = self._pauses.get(log, (0, REFUSED_PAUSE_MS // 2))
        pause = min(last * 2, MAX_REFUSED_PAUSE_MS)
        self._refused_under[log] = self._branches.decided(log)
        self._pauses[log] = self._clock() + pause, pause

    def _is_paused(self, log: LogId) -> bool:
        until, _ = self._pauses.get(log, (0, 0))
        return self._clock() < until

    async def _tell(self, logs: Iterable[LogId]) -> None:
        """Tell the peer what it should not have to ask for: our own log's news, and evidence of forks.

        Heads of others it hears from their writers. Of our own a cosignature more is no news by itself: a hundred
        witnesses would have every peer told a hundred times.
        """
        own = self._directory.own
        state = self._gossip.describe_own()
        is_news = own in logs and state != self._told
        await self._gossip.offer_to(self._peers.client(self._address), logs, heads=(own,) if is_news else ())
        self._told = state if is_news else self._told

    def _all_logs(self) -> tuple[LogId, ...]:
        return (self._directory.own, *self._directory.follow_order())

    def _mark_good(self) -> None:
        self.report.reached_at = self._clock()
        self.report.problem = ""

    async def _wait(self, listener: Listener) -> None:
        """Until there is news, a wake-up, or the interval is over."""
        woken = asyncio.ensure_future(self._wake.wait())
        news = asyncio.ensure_future(listener.wait())
        try:
            done, _ = await asyncio.wait(
                (woken, news),
                timeout=jitter(self._interval, self._draw),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            woken.cancel()
            news.cancel()
        if done:
            await asyncio.sleep(GATHER_SECONDS)
        else:
            self._wake.set()


class Followers:
    """Keeps one follower for each address of the directory, as the directory changes.

    Args:
        make: makes the follower of an address.
    """

    def __init__(self, directory: Directory, events: HeadEvents, peers: Peers, make: Callable[[str], Follower]) -> None:
        self._directory = directory
        self._events = events
        self._peers = peers
        self._make = make
        # Both written by `run` alone.
        self._followers: dict[str, Follower] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # When all were woken last because of an address that is not followed, in seconds of the loop, and the next time.
        self._woken_at = -STRANGER_SECONDS
        self._round_due: asyncio.TimerHandle | None = None

    def reports(self) -> tuple[PeerReport, ...]:
        """How following goes, by address."""
        return tuple(self._followers[address].report for address in sorted(self._followers))

    def wake(self, address: str) -> None:
        """Look at one peer now; at all of them when the address is not one we follow.

        An address that only a caller claims is never dialled; then it may take `STRANGER_SECONDS`.
        """
        chosen = self._followers.get(address)
        if chosen is not None:
            chosen.wake()
            return
        # Anybody may show a note that is larger than what we hold, so how often that sends us round is bounded.
        if self._round_due is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time(), self._woken_at + STRANGER_SECONDS)
            self._round_due = loop.call_at(due, self._wake_all)

    def _wake_all(self) -> None:
        self._round_due = None
        self._woken_at = asyncio.get_running_loop().time()
        for follower in self._followers.values():
            follower.wake()

    async def run(self) -> None:
        """Follow everybody until cancelled."""
        listener = self._events.listen()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._reconcile(group)
                    await listener.next()
        finally:
            self._events.forget(listener)
            if self._round_due is not None:
                self._round_due.cancel()

    async def _reconcile(self, group: asyncio.TaskGroup) -> None:
        wanted = self._directory.addresses()
        for address in [address for address in self._followers if address not in wanted]:
            self._tasks.pop(address).cancel()
            del self._followers[address]
            await self._peers.drop(address)
        for address in wanted:
            if address not in self._followers:
                follower = self._followers[address] = self._make(address)
                self._tasks[address] = group.create_task(follower.run(), name=f"follow {address}")
