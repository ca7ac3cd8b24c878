"""Following a network over HTTP into a light replica: the network's log first, then every log it ever admitted.

Any node serves any log it holds, so each log is taken from whichever node has most of it, and from the next one when
what is offered does not pass `judge_growth`, the one judge of whether a log may grow. Nothing bad is stored; what was
good before stays. Fetched pieces wait in `incoming/`, so an interrupted run goes on where it was.

Left out, unless `history` is asked for: bodies of `issue` entries and status pages other than the newest.
"""

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from ledger.errors import CairnError, ProofError, RuleError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.follow import Growth, check_chain, judge_checkpoint, judge_growth
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import PublicKey
from ledger.log.merkle import Frontier, root_at
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.reports import origin_of, read_reports
from ledger.log.state import LogState
from node.client.http import LedgerHTTP, TransportError
from wallet_cli.cleaning import Cleaner, is_signed
from wallet_cli.fetching import Fetcher
from wallet_cli.fork import find_fork
from wallet_cli.pages import find_needed_pages
from wallet_cli.progress import Progress, no_progress
from wallet_cli.refold import LEFT_OUT
from wallet_cli.replica import ReplicaLog
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.ruling import find_ruling, may_be_overruled
from wallet_cli.sync_report import LogOutcome, SyncReport

# Bytes of entries fetched of one log before any is proven; the second where no key known here signed for them.
MAX_GROWTH_BYTES, MAX_UNSIGNED_BYTES = 1 << 30, 64 << 20
# Bodies that have to be read before any is proven, which are held in memory together.
MAX_UNSIGNED_BODY_BYTES = 256 << 20


@dataclass(slots=True)
class _Source:
    """A node that answered, and the logs it holds."""

    http: LedgerHTTP
    logs: frozenset[LogId]


@dataclass(frozen=True, slots=True)
class _Offer:
    """A checkpoint a node shows, and whether the newest log key known here signed it."""

    source: _Source
    note: bytes
    size: int
    is_signed: bool


@dataclass(slots=True)
class _Work:
    """One log while it is being followed."""

    log_id: LogId
    name: str
    key: PublicKey
    offers: list[_Offer]
    problems: list[str] = field(default_factory=list)
    forks: int = 0
    ruled: int | None = None


async def sync_replica(
    writer: ReplicaWriter,
    trust: TrustRoot,
    nodes: Sequence[str],
    *,
    history: bool = False,
    progress: Progress = no_progress,
) -> SyncReport:
    """Bring a replica up to date with what these nodes serve.

    Args:
        writer: entered, so that nobody else writes.
        trust: names the network; a network log that does not contain its pinned head is refused.
        nodes: base URLs; unreachable ones are told and left out.
        history: fetch every body, also those a light replica leaves out.
        progress: told how far each log is.

    Raises:
        CairnError: no node answers, or none has this network's log in a form that is accepted.
    """
    async with AsyncExitStack() as stack:
        sources, unreachable = await _reach(stack, nodes, trust)
        run = _Run(writer, trust, sources, history, progress)
        outcomes = [await run.follow(trust.network, trust.name, trust.log_key)]
        if not outcomes[0].size:
            raise CairnError(
                f"network log {trust.name}: {'; '.join(outcomes[0].problems)}",
                hint="try another --node; the trust root may also be of another network",
            )
        # Also refuses a log held from before that does not contain what this trust root pins.
        members = [one for one in Network(trust, writer.read()).members() if one.log != trust.network]
        outcomes += [await run.follow(one.log, one.standing.name, one.standing.log_key) for one in members]
        outcomes = run.take_reports(outcomes)
    return SyncReport(tuple(outcomes), unreachable)


async def _reach(
    stack: AsyncExitStack, nodes: Iterable[str], trust: TrustRoot
) -> tuple[list[_Source], tuple[str, ...]]:
    sources: list[_Source] = []
    silent: list[CairnError] = []
    for url in nodes:
        try:
            http = await stack.enter_async_context(LedgerHTTP(url, trust=trust))
            sources.append(_Source(http, frozenset(await http.list_logs())))
        except CairnError as error:
            silent.append(error)
    if not sources:
        raise silent[0] if silent else CairnError("sync: no node to ask", hint="name one with --node URL")
    return sources, tuple(str(error) for error in silent)


class _Run:
    """One run over all logs of a network."""

    def __init__(
        self, writer: ReplicaWriter, trust: TrustRoot, sources: Sequence[_Source], history: bool, progress: Progress
    ) -> None:
        self._writer = writer
        self._trust = trust
        self._sources = sources
        self._history = history
        self._progress = progress

    async def follow(self, log_id: LogId, name: str, key: PublicKey) -> LogOutcome:
        """Bring one log up to date; whatever goes wrong stands in the outcome. `name` and `key` are the network's word."""
        before = self._held(log_id)
        work = _Work(log_id, name, key if before is None else before.state.log_key, [])
        await self._collect_offers(work)
        # What anybody could have made up comes last: it must not keep us from what the writer signed.
        for offer in sorted(work.offers, key=lambda item: (not item.is_signed, -item.size)):
            try:
                await self._take(work, offer)
            except CairnError as error:
                work.problems.append(f"{offer.source.http.base_url}: {error}")
        held = self._held(log_id)
        if held is not None:
            self._merge_notes(held, work)
            await self._collect_evidence(held, work)
            await self._complete_pages(held, work)
        elif not work.offers and not work.problems:
            work.problems.append("no node that answered holds this log")
        return LogOutcome(
            log_id=log_id,
            # Of others the network's word counts: what they call themselves may be another member's name.
            name=held.state.name if held and log_id == self._trust.network else name,
            before=before.size if before else 0,
            size=held.size if held else 0,
            problems=tuple(work.problems),
            forks=work.forks,
            ruled=work.ruled,
        )

    def _held(self, log_id: LogId) -> ReplicaLog | None:
        # Read afresh every time: a `Replica` stays as it was when it was opened.
        return self._writer.read().log(log_id)

    async def _collect_offers(self, work: _Work) -> None:
        for source in self._sources:
            if work.log_id not in source.logs:
                continue
            try:
                note = await source.http.checkpoint(work.log_id)
                work.offers.append(_Offer(source, note, read_checkpoint(note).size, is_signed(note, work.key)))
            except CairnError as error:
                work.problems.append(f"{source.http.base_url}: {error}")

    async def _take(self, work: _Work, offer: _Offer) -> None:
        held = self._held(work.log_id)
        try:
            if held is not None and offer.size <= held.size:
                judge_checkpoint(held.state, offer.note, root_at(offer.size, held.read_hashes))
                await self._complete(held, work, offer)
            else:
                await self._grow(held, work, offer)
        except (RuleError, ProofError):
            # Perhaps the node shows another history than the one held: then that is worth more than the refusal.
            evidence = await find_fork(held, offer.source.http, offer.note) if held is not None else None
            if held is None or evidence is None:
                raise
            work.forks += self._keep_evidence(held, evidence)
            if not await self._go_over(held, work, offer):
                raise

    async def _grow(self, held: ReplicaLog | None, work: _Work, offer: _Offer) -> None:
        growth = await self._fetch_growth(held, work, offer)
        self._commit(growth, offer)
        self._drop_old_pages(growth.state, held)

    async def _go_over(self, held: ReplicaLog, work: _Work, offer: _Offer) -> bool:
        """Take another history of a log than the one held, if the network named it; false, with nothing changed, if not."""
        network = self._held(self._trust.network)
        if network is None or work.log_id == self._trust.network or not may_be_overruled(network.state, held):
            return False
        self._writer.incoming(work.log_id).clear()
        growth = await self._fetch_growth(None, work, offer)
        record = find_ruling(network.state, held, growth)
        if record is None:
            self._writer.incoming(work.log_id).clear()
            return False
        self._writer.let_go(work.log_id)
        self._commit(growth, offer)
        work.ruled = record.index
        return True

    async def _fetch_growth(self, held: ReplicaLog | None, work: _Work, offer: _Offer) -> Growth:
        """Fetch and judge what an offer adds to what is held; bodies wait in `incoming`."""
        log_id = work.log_id
        incoming, fetcher = self._writer.incoming(log_id), self._fetcher(work, offer)
        start = held.size if held else 0
        try:
            room = MAX_GROWTH_BYTES if offer.is_signed else MAX_UNSIGNED_BYTES
            entries = await fetcher.entries(start, offer.size, max_bytes=room)
            parsed = [parse_entry(data) for data in entries]
            state = held.state if held else None
            check_chain(state, parsed)
            _check_root(state, parsed, offer.note)
            wanted = [entry for entry in parsed if self._wants(entry)]
            read = [entry for entry in wanted if entry.statement.kind not in LEFT_OUT]
            _check_room(read, MAX_GROWTH_BYTES if offer.is_signed else MAX_UNSIGNED_BODY_BYTES)
            bodies = await fetcher.bodies(read)
            growth = judge_growth(state, entries, [bodies.get(e.index) for e in parsed], offer.note)
            self._check_identity(held, log_id, growth)
            # Only now: what the entries name may be any number of times 64 MiB, and until here anybody may have made them.
            await fetcher.bodies([entry for entry in wanted if entry.statement.kind in LEFT_OUT])
            page = growth.state.newest_status
            if page is not None and page.index >= start:
                await fetcher.body(growth.entries[page.index - start])
        except TransportError:
            # What was fetched so far is kept: it is judged, as a whole, when the rest has come.
            raise
        except CairnError:
            incoming.clear()
            raise
        return growth

    def _commit(self, growth: Growth, offer: _Offer) -> None:
        log_id = growth.state.log_id
        self._writer.take_bodies(log_id, [entry.index for entry in growth.entries])
        self._writer.commit(growth, self._cleaner().trim(growth.state, offer.note))
        self._writer.incoming(log_id).clear()

    def _wants(self, entry: Entry) -> bool:
        statement = entry.statement
        return statement.body is not None and (self._history or statement.kind not in LEFT_OUT)

    def _fetcher(self, work: _Work, offer: _Offer) -> Fetcher:
        incoming = self._writer.incoming(work.log_id)
        return Fetcher(offer.source.http, work.log_id, work.name, incoming, self._progress)

    def _check_identity(self, held: ReplicaLog | None, log_id: LogId, growth: Growth) -> None:
        if growth.state.log_id != log_id:
            raise RuleError(f"log: {encode_log_id(growth.state.log_id)} was served as {encode_log_id(log_id)}")
        if log_id != self._trust.network:
            return
        size, pinned = self._trust.head_size, self._trust.head_root
        if growth.state.size < size:
            raise RuleError(f"network log: has {growth.state.size} entries, the trust root names {size}")
        if size <= growth.start:
            root = root_at(size, held.read_hashes) if held is not None else pinned
        else:
            frontier = held.state.frontier.copy() if held is not None else Frontier()
            frontier.extend([entry.leaf_hash for entry in growth.entries[: size - growth.start]])
            root = frontier.root()
        if root != pinned:
            raise ProofError(f"network log: root at size {size} is not the one the trust root pins")

    async def _complete(self, held: ReplicaLog, work: _Work, offer: _Offer) -> None:
        """Fetch bodies that are wanted and not held: after `--history`, or when a page was removed by hand."""
        page = held.state.newest_status
        indexes = range(held.size) if self._history else [page.index] if page else []
        lacking = [held.parsed(index) for index in indexes if index < offer.size and held.body(index) is None]
        wanted = [entry for entry in lacking if entry.statement.body is not None]
        if wanted:
            await self._fetch_held(work, offer, wanted)

    async def _fetch_held(self, work: _Work, offer: _Offer, wanted: Sequence[Entry]) -> None:
        await self._fetcher(work, offer).bodies(wanted)
        self._writer.take_bodies(work.log_id, [entry.index for entry in wanted])
        self._writer.incoming(work.log_id).clear()

    def _drop_old_pages(self, state: LogState, held: ReplicaLog | None) -> None:
        # The page of the head before stays for readers that still have that head open.
        if self._history or held is None or held.state.newest_status is None:
            return
        keep = held.state.newest_status.index
        needed = find_needed_pages(self._trust, self._writer.read(), state.log_id)
        old = (page.index for page in state.statuses if page.index < keep and page.index not in needed)
        self._writer.remove_bodies(state.log_id, old)

    async def _complete_pages(self, held: ReplicaLog, work: _Work) -> None:
        """Fetch pages that count only since there is a fork or a successor."""
        needed = find_needed_pages(self._trust, self._writer.read(), work.log_id)
        lacking = [held.parsed(index) for index in sorted(needed) if held.body(index) is None]
        for offer in work.offers if lacking else ():
            try:
                await self._fetch_held(work, offer, lacking)
                return
            except CairnError as error:
                work.problems.append(f"{offer.source.http.base_url}: {error}")

    def _merge_notes(self, held: ReplicaLog, work: _Work) -> None:
        note = self._cleaner().merge(held.state, held.note, [offer.note for offer in work.offers])
        if note != held.note:
            self._writer.put_note(work.log_id, note)

    async def _collect_evidence(self, held: ReplicaLog, work: _Work) -> None:
        for offer in work.offers:
            try:
                pieces = await offer.source.http.evidence(work.log_id)
            except CairnError as error:
                work.problems.append(f"{offer.source.http.base_url}: {error}")
                continue
            for piece in pieces:
                work.forks += self._keep_evidence(held, piece)

    def take_reports(self, outcomes: Sequence[LogOutcome]) -> list[LogOutcome]:
        """Keep what the logs report of each other beside the logs it is about; gives the outcomes with that counted."""
        replica = self._writer.read()
        views = {outcome.log_id: replica.log(outcome.log_id) for outcome in outcomes}
        reports = [piece for view in views.values() if view is not None for piece in read_reports(view)]
        return [self._count_reports(outcome, views[outcome.log_id], reports) for outcome in outcomes]

    def _count_reports(self, outcome: LogOutcome, view: ReplicaLog | None, reports: Sequence[bytes]) -> LogOutcome:
        if view is None:
            return outcome
        about = [piece for piece in reports if origin_of(piece) == view.state.charter.origin]
        return replace(outcome, forks=outcome.forks + sum(self._keep_evidence(view, piece) for piece in about))

    def _keep_evidence(self, held: ReplicaLog, piece: bytes) -> bool:
        evidence = self._cleaner().evidence(held, piece)
        return evidence is not None and self._writer.add_evidence(held.state.log_id, evidence)

    def _cleaner(self) -> Cleaner:
        network = self._held(self._trust.network)
        return Cleaner(self._trust, None if network is None else network.state)


def _check_root(state: LogState | None, entries: Sequence[Entry], note: bytes) -> None:
    """Check that a note is over these entries before any of their bodies is fetched.

    Raises:
        ProofError: it is not.
    """
    frontier = Frontier() if state is None else state.frontier.copy()
    frontier.extend([entry.leaf_hash for entry in entries])
    if frontier.root() != read_checkpoint(note).root:
        raise ProofError(f"entries: the {frontier.size} that are served are not those of the checkpoint beside them")


def _check_room(entries: Sequence[Entry], room: int) -> None:
    named = sum(entry.statement.body.size for entry in entries if entry.statement.body is not None)
    if named > room:
        raise RuleError(f"bodies: {named} bytes are named by {len(entries)} entries, more than are fetched at once")
