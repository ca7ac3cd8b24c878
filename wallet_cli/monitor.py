"""Looking at a network again and again: what grew, what is wrong, what is old, and what was written in one's own name.

    DIR/replica      everything the nodes serve, checked (`cairn sync --history`)
    DIR/audit        what earlier rounds checked (`audit_state`), so that a round costs what is new
    DIR/told.json    what was told already

Each event is told once. `told.json` only keeps a round from repeating itself; losing it makes everything be told again.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ledger.errors import CairnError, MalformedError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from wallet_cli import files
from wallet_cli.audit import AuditOptions, audit_replica
from wallet_cli.audit_report import AuditReport, at_second
from wallet_cli.audit_state import AuditState
from wallet_cli.own_log import IsOwn, ask_command, find_log, open_own
from wallet_cli.progress import Progress, no_progress
from wallet_cli.replica import Replica
from wallet_cli.terminal import count

MAX_TOLD_BYTES = 64 << 20


class EventKind(StrEnum):
    """What happened."""

    GROWTH = "growth"
    DECISION = "decision"
    STALE = "stale"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    FINDING = "finding"
    FORK = "fork"
    REWIND = "rewind"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, about a log or (empty id) about the network as a whole."""

    kind: EventKind
    log: str
    name: str
    text: str
    is_alarm: bool

    def to_json(self) -> dict[str, object]:
        """Give it as plain values, as the hook gets it."""
        return {
            "alarm": self.is_alarm,
            "kind": self.kind.value,
            "log": self.log,
            "name": self.name,
            "text": self.text,
        }

    def to_line(self) -> str:
        """Give it in words, escaping left to whoever prints."""
        return f"{'ALARM ' if self.is_alarm else ''}{self.kind.value}: {self.name}: {self.text}"


@dataclass(slots=True)
class Told:
    """What earlier rounds told: sizes by log, sizes by node and log, and the texts of events that still hold."""

    sizes: dict[str, int] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is watched, and how.

    Attributes:
        folder: where everything is kept.
        trust: names the network.
        nodes: base URLs.
        key: of this account (`replica_key`).
        workers: processes to check with.
        own: what tells one's own entries (`own_log`); empty for none.
        own_command: or a command that prints a list of them, run after each round's sync; empty for none.
        own_log: how one's own log is called; empty for none.
    """

    folder: Path
    trust: TrustRoot
    nodes: Sequence[str]
    key: bytes
    workers: int = 1
    own: str = ""
    own_command: str = ""
    own_log: str = ""


class Monitor:
    """Rounds over one network."""

    def __init__(self, watched: Watched, progress: Progress = no_progress) -> None:
        """Go on where the folder says."""
        self._watched = watched
        self._progress = progress
        self._told = _load(watched.folder / "told.json")
        self.is_blind = False
        """Whether the last round could not look."""

    def look(self, now: int) -> list[Event]:
        """Make one round; gives what is new, the events that still hold and were told before left out.

        Args:
            now: Unix milliseconds.

        Raises:
            OSError: the folder cannot be written.
        """
        told, self.is_blind = self._told, False
        events = list(self._events(now))
        lines = {event.to_line() for event in events if event.kind is not EventKind.GROWTH}
        new = [event for event in events if event.kind is EventKind.GROWTH or event.to_line() not in told.texts]
        # What has ended is told again when it comes back; a round that could not look does not know what has ended.
        told.texts = told.texts | lines if self.is_blind else lines
        files.write_atomically(self._watched.folder / "told.json", _encode(told))
        return new

    def _events(self, now: int) -> Iterator[Event]:
        watched = self._watched
        watched.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            yield from self._sync()
            options = AuditOptions(
                at=now,
                workers=watched.workers,
                state=AuditState(watched.folder / "audit", watched.key),
                progress=self._progress,
            )
            report = audit_replica(watched.folder / "replica", watched.trust, options)
            network = Network(watched.trust, Replica(watched.folder / "replica", watched.key))
        except CairnError as error:
            self.is_blind = True
            yield _event(EventKind.UNREACHABLE, None, watched.trust.name, f"could not look: {error}", False)
            return
        yield from self._growth(report)
        yield from _findings(report)
        yield from self._staleness(report, now)
        if watched.own_log:
            yield from self._own(network)
        self._told.sizes = {encode_log_id(log.log): log.size for log in report.logs}

    def _sync(self) -> Iterator[Event]:
        from wallet_cli.replica_writer import ReplicaWriter
        from wallet_cli.sync import sync_replica

        watched = self._watched
        with ReplicaWriter(watched.folder / "replica", watched.key) as writer:
            work = sync_replica(writer, watched.trust, watched.nodes, history=True, progress=self._progress)
            fetched = asyncio.run(work)
        for reason in fetched.unreachable:
            yield _event(EventKind.UNREACHABLE, None, watched.trust.name, reason, False)
        for log in fetched.logs:
            for problem in log.problems:
                yield _event(EventKind.REFUSED, log.log_id, log.name, problem, False)
        yield from self._rewinds([(log.log_id, log.name) for log in fetched.logs])

    def _rewinds(self, logs: Iterable[tuple[LogId, str]]) -> Iterator[Event]:
        """A node that serves less of a log than it did has lost something, or hides it."""
        names = dict(logs)
        served = asyncio.run(_served_sizes(self._watched.nodes, self._watched.trust, tuple(names)))
        for (url, log_id), size in served.items():
            key = f"{url} {encode_log_id(log_id)}"
            before = self._told.served.get(key, 0)
            if size < before:
                text = f"{url} serves {count(size, 'entry', 'entries')} of it, it served {before} before"
                yield _event(EventKind.REWIND, log_id, names[log_id], text, True)
            self._told.served[key] = max(size, before)

    def _growth(self, report: AuditReport) -> Iterator[Event]:
        for log in report.logs:
            before = self._told.sizes.get(encode_log_id(log.log), 0)
            if log.size > before:
                text = f"{log.size - before} new, {count(log.size, 'entry', 'entries')} in all"
                yield _event(EventKind.GROWTH, log.log, log.name, text, False)

    def _staleness(self, report: AuditReport, now: int) -> Iterator[Event]:
        network = next((log for log in report.logs if log.log == report.network), None)
        if network is None or not network.heads:
            return
        last, max_age = network.heads[-1], self._watched.trust.max_age
        if now - last.seconds * 1000 > max_age:
            text = f"nothing of the network has been witnessed and anchored since {at_second(last.seconds)}"
            yield _event(EventKind.STALE, report.network, network.name, text, False)

    def _own(self, network: Network) -> Iterator[Event]:
        try:
            log_id = find_log(network, self._watched.own_log)
            yield from self._decisions(network, log_id)
            yield from self._foreign(network, log_id)
        except (CairnError, OSError) as error:
            yield _event(EventKind.UNREACHABLE, None, "your own log", f"could not compare: {error}", False)
            # The entries of this round are compared again in the next one.

    def _decisions(self, network: Network, log_id: LogId) -> Iterator[Event]:
        for record in network.state.members.records.get(log_id, ()):
            text = f"the network decided about you in its entry {record.index}: {record.change.op.value}"
            yield _event(EventKind.DECISION, log_id, network.name_of(log_id), text, False)

    def _foreign(self, network: Network, log_id: LogId) -> Iterator[Event]:
        view = network.ledger.log(log_id)
        if view is None or not (self._watched.own or self._watched.own_command):
            return
        compared = f"compared {encode_log_id(log_id)}"
        start = min(self._told.served.get(compared, 0), view.state.size)
        entries = [parse_entry(view.entry(index)) for index in range(start, view.state.size)]
        is_own = self._open_own(log_id, entries)
        for entry in entries:
            found = is_own(entry)
            if found is None and entry.index:
                text = f"entry {entry.index} ({entry.statement.kind}) is signed by your root keys; do you know it?"
                yield _event(EventKind.DECISION, log_id, network.name_of(log_id), text, False)
            elif found is False:
                text = f"entry {entry.index} ({entry.statement.kind}) stands in your log and you did not write it"
                yield _event(EventKind.FOREIGN, log_id, network.name_of(log_id), text, True)
        self._told.served[compared] = view.state.size

    def _open_own(self, log_id: LogId, entries: Sequence[Entry]) -> IsOwn:
        # After the sync, so that it knows all that was signed before what was fetched.
        if self._watched.own_command:
            return ask_command(self._watched.own_command)
        return open_own(self._watched.own, log_id, entries, self._watched.trust)


async def _served_sizes(nodes: Sequence[str], trust: TrustRoot, logs: Sequence[LogId]) -> dict[tuple[str, LogId], int]:
    from node.client.http import LedgerHTTP

    sizes: dict[tuple[str, LogId], int] = {}
    for url in nodes:
        try:
            async with LedgerHTTP(url, trust=trust) as http:
                held = frozenset(await http.list_logs())
                for log_id in held.intersection(logs):
                    sizes[url, log_id] = read_checkpoint(await http.checkpoint(log_id)).size
        except CairnError:
            # Told by the sync already.
            continue
    return sizes


def _findings(report: AuditReport) -> Iterator[Event]:
    names = {log.log: log.name for log in report.logs}
    for finding in report.findings:
        place = "" if finding.index is None else f"entry {finding.index}: "
        evidence = f" ({finding.evidence})" if finding.evidence else ""
        text = f"{finding.severity.value}: {place}{finding.text}{evidence}"
        name = names.get(finding.log, encode_log_id(finding.log))
        yield _event(_kind_of(finding), finding.log, name, text, finding.severity is not Severity.NOTICE)


def _kind_of(finding: Finding) -> EventKind:
    if finding.rule is Rule.FORK:
        return EventKind.FORK
    return EventKind.REWIND if finding.rule is Rule.GROWTH else EventKind.FINDING


def _event(kind: EventKind, log: LogId | None, name: str, text: str, is_alarm: bool) -> Event:
    return Event(kind, "" if log is None else encode_log_id(log), name, text, is_alarm)


def _encode(told: Told) -> bytes:
    value = {"served": told.served, "sizes": told.sizes, "texts": sorted(told.texts)}
    return json.dumps(value, sort_keys=True).encode()


def _load(path: Path) -> Told:
    try:
        value = json.loads(files.read_bounded(path, MAX_TOLD_BYTES))
        served = {str(key): int(size) for key, size in value["served"].items()}
        sizes = {str(key): int(size) for key, size in value["sizes"].items()}
        return Told(sizes, served, {str(text) for text in value["texts"]})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MalformedError):
        return Told()
