"""Replaying every log of a network from zero, and saying what an auditor found.

Two steps. First every log is folded again from its bytes, starting from nothing or from what this very auditor folded
before (`audit_state`): a state that somebody else computed is never believed. Then `ledger.log.audit` reads the replayed
logs for findings. Bodies that are not held are counted; the roots that bind them are checked all the same.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ledger import base64url
from ledger.errors import CairnError
from ledger.log.audit import Looked, audit_whole, find_missing_logs, look
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import root_at
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.state import LogState
from wallet_cli.audit_report import AuditedLog, AuditReport, DatedHead
from wallet_cli.audit_state import AuditState, Kept
from wallet_cli.page_audit import PageKeys, audit_pages
from wallet_cli.precheckers import Precheckers
from wallet_cli.progress import Progress, no_progress
from wallet_cli.refold import Fold, fold_log
from wallet_cli.replica import Replica, ReplicaLog, read_head
from wallet_cli.verify import NotHeldError

KEEP_SECONDS = 30.0
"""How often a long replay writes down how far it is: what an interruption costs at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """How to audit.

    Attributes:
        at: Unix milliseconds, for the report.
        workers: processes that check signatures and bodies; with one, this process does it by itself.
        since: logs of an earlier report, which must be the beginning of what is held now.
        state: what earlier audits of this account left, and where this one leaves its own; `None` to start from zero.
        page_keys: that schools handed over, to look into their status pages.
        progress: told how far each log is.
    """

    at: int = 0
    workers: int = 1
    since: Sequence[AuditedLog] = ()
    state: AuditState | None = None
    page_keys: Sequence[PageKeys] = ()
    progress: Progress = no_progress


DEFAULT_OPTIONS = AuditOptions()


def audit_replica(folder: Path, trust: TrustRoot, options: AuditOptions = DEFAULT_OPTIONS) -> AuditReport:
    """Replay all logs in a replica folder and gather the findings.

    Args:
        folder: a light replica, or one fetched with its history.
        trust: names the network.
        options: how.

    Raises:
        NotHeldError: the network's log is not held.
        CairnError: it does not contain the head that the trust root pins.
    """
    run = _Audit(folder, trust, options)
    if trust.network not in run.ids:
        raise NotHeldError(
            f"{folder}: the log of {trust.name} is not in it",
            hint="name a folder that cairn sync or cairn audit --save wrote for this network",
        )
    with Precheckers(options.workers) as precheckers:
        for log_id in run.ids:
            run.replay(log_id, precheckers if options.workers > 1 else None)
    return run.report()


def audit_nodes(
    nodes: Sequence[str],
    trust: TrustRoot,
    options: AuditOptions = DEFAULT_OPTIONS,
    *,
    save: Path | None = None,
    key: bytes | None = None,
) -> AuditReport:
    """Fetch every log whole from these nodes and replay it; see `audit_replica`.

    Args:
        nodes: base URLs; where one serves badly, the next is asked.
        trust: names the network.
        options: how.
        save: folder to keep what was fetched in; a temporary one is used and removed otherwise.
        key: of this account (`replica_key`), so that it knows the folder again.

    Raises:
        CairnError: no node answers, or none has the network's log in a form that is accepted.
    """
    if save is not None:
        return _fetch_and_audit(save, nodes, trust, options, key)
    with tempfile.TemporaryDirectory(prefix="cairn-audit-") as folder:
        return _fetch_and_audit(Path(folder), nodes, trust, options, None)


def _fetch_and_audit(
    folder: Path, nodes: Sequence[str], trust: TrustRoot, options: AuditOptions, key: bytes | None
) -> AuditReport:
    # Imported here: an audit of a dump opens no connection and need not load what could.
    from wallet_cli.replica_writer import ReplicaWriter
    from wallet_cli.sync import sync_replica

    with ReplicaWriter(folder, key) as writer:
        fetched = asyncio.run(sync_replica(writer, trust, nodes, history=True, progress=options.progress))
    report = audit_replica(folder, trust, options)
    remarks = [*fetched.unreachable, *(problem for log in fetched.logs for problem in log.problems)]
    lacking = [log.name for log in fetched.logs if not log.size]
    return replace(report, remarks=tuple(remarks), lacking=tuple(lacking))


@dataclass(frozen=True, slots=True)
class _Done:
    """A log that replayed: how it was folded, and how much of it an earlier audit had done."""

    fold: Fold
    kept: int
    looked: Looked | None


class _Audit:
    """One run over all logs of a replica."""

    def __init__(self, folder: Path, trust: TrustRoot, options: AuditOptions) -> None:
        self._folder = folder
        self._trust = trust
        self._options = options
        self.ids = Replica(folder).log_ids()
        self._view = _Replayed(self.ids)
        self._done: dict[LogId, _Done] = {}
        self._broken: dict[LogId, str] = {}
        self._rewritten: list[Finding] = []

    def replay(self, log_id: LogId, precheckers: Precheckers | None) -> None:
        """Fold one log; what is wrong with it is remembered."""
        folder = self._folder / encode_log_id(log_id)
        try:
            note = read_head(folder / "head").note
            kept = self._load(log_id)
            done = _Done(kept.fold, kept.fold.size, kept.looked)
            self._fold(log_id, note, done, precheckers)
        except CairnError as error:
            self._broken[log_id] = str(error)
            return
        if done.fold.state is None:
            self._broken[log_id] = "its checkpoint is over no entries"
            return
        self._view.logs[log_id] = ReplicaLog(folder, note, done.fold.state)
        self._done[log_id] = done

    def _load(self, log_id: LogId) -> Kept:
        kept = None if self._options.state is None else self._options.state.load(log_id)
        if kept is None or kept.fold.state is None:
            return Kept(Fold(), None)
        held = Replica(self._folder).files(log_id)
        size, root = kept.fold.size, kept.fold.state.frontier.root()
        if held is not None and (held.size < size or root_at(size, held.read_hashes) != root):
            what = _difference(size, root, held.size, "your last audit")
            self._rewritten.append(Finding(log_id, None, Severity.BROKEN, what[0], Rule.GROWTH, what[1]))
            return Kept(Fold(), None)
        return kept

    def _fold(self, log_id: LogId, note: bytes, done: _Done, precheckers: Precheckers | None) -> None:
        state, fold = self._options.state, done.fold
        written = time.monotonic()
        folder = self._folder / encode_log_id(log_id)
        for size, total in fold_log(folder, note, fold, whole=True, precheckers=precheckers):
            name = encode_log_id(log_id)[:8] if fold.state is None else fold.state.name
            self._options.progress(name, size, total)
            if state is not None and time.monotonic() - written > KEEP_SECONDS:
                state.keep(log_id, Kept(fold, done.looked))
                written = time.monotonic()

    def report(self) -> AuditReport:
        """Look at what was replayed."""
        findings = [
            Finding(log_id, None, Severity.BROKEN, f"{self._name_of(log_id)}does not replay: {why}", Rule.REPLAY)
            for log_id, why in self._broken.items()
        ]
        findings += self._rewritten
        network = None
        if self._trust.network not in self._broken:
            # Else its finding says why it does not replay; who was a member cannot be told without it.
            network = Network(self._trust, self._view, self._view.log_ids())
            findings += self._look(network)
        earlier = {log.log: log for log in self._options.since}
        for old in earlier.values():
            findings += _compare(old, self._view.log(old.log))
        described = [self._describe(log_id, network, earlier.get(log_id)) for log_id in self._done]
        logs = tuple(sorted(described, key=lambda log: (log.log != self._trust.network, log.name)))
        return AuditReport(trust=self._trust, at=self._options.at, logs=logs, findings=tuple(findings))

    def _look(self, network: Network) -> Iterator[Finding]:
        yield from find_missing_logs(network)
        for log_id, done in self._done.items():
            try:
                yield from self._look_at(network, log_id, done)
            except CairnError as error:
                # It replayed, so this is a file that was only now needed again, damaged since an earlier audit.
                yield Finding(log_id, None, Severity.BROKEN, f"cannot be read again: {error}", Rule.REPLAY)

    def _look_at(self, network: Network, log_id: LogId, done: _Done) -> Iterator[Finding]:
        view = self._view.logs[log_id]
        yield from audit_whole(network, log_id, view)
        looked, later = look(network, log_id, view, done.looked)
        if self._options.state is not None:
            self._options.state.keep(log_id, Kept(done.fold, looked))
        yield from (*looked.findings, *later)
        for keys in self._options.page_keys:
            if keys.log == log_id:
                yield from audit_pages(view, keys, self._options.progress)

    def _state(self, log_id: LogId) -> LogState:
        return self._view.logs[log_id].state

    def _describe(self, log_id: LogId, network: Network | None, earlier: AuditedLog | None) -> AuditedLog:
        state, done = self._state(log_id), self._done[log_id]
        return AuditedLog(
            log=log_id,
            name=state.name if network is None else network.name_of(log_id),
            size=state.size,
            root=state.frontier.root(),
            missing=done.fold.missing,
            items=done.fold.items,
            heads=() if network is None else _dated_heads(network, log_id),
            before=None if earlier is None else earlier.size,
            kept=done.kept,
        )

    def _name_of(self, log_id: LogId) -> str:
        """What the network calls a log that does not replay; its own word is worth nothing. Empty where nobody named it."""
        if log_id == self._trust.network:
            return f"{self._trust.name} ({self._trust.origin}) "
        network = self._view.log(self._trust.network)
        standing = None if network is None else network.state.members.standing_of(log_id)
        return "" if standing is None else f"{standing.name} ({standing.origin}) "


class _Replayed:
    """A ledger of the logs that replayed, each with the replayed state."""

    def __init__(self, held: Sequence[LogId]) -> None:
        self.logs: dict[LogId, ReplicaLog] = {}
        self._held = held

    def log_ids(self) -> Sequence[LogId]:
        return tuple(log_id for log_id in self._held if log_id in self.logs)

    def log(self, log_id: LogId) -> ReplicaLog | None:
        return self.logs.get(log_id)


def _dated_heads(network: Network, log_id: LogId) -> tuple[DatedHead, ...]:
    heads = network.state.members.anchored.get(log_id, ())
    dated = {(head.seconds, head.size) for head in heads if head.seconds is not None}
    return tuple(DatedHead(seconds, size) for seconds, size in sorted(dated))


def _compare(old: AuditedLog, now: ReplicaLog | None) -> Iterable[Finding]:
    if now is None:
        text = f"the log of {old.name} was there in the earlier report"
        evidence = f"it had {old.size} entries, root {base64url.encode(old.root)}"
        yield Finding(old.log, None, Severity.BROKEN, text, Rule.GROWTH, evidence)
    elif now.state.size < old.size or root_at(old.size, now.read_hashes) != old.root:
        text, evidence = _difference(old.size, old.root, now.state.size, "the earlier report")
        index = None if now.state.size < old.size else old.size - 1
        yield Finding(old.log, index, Severity.BROKEN, text, Rule.GROWTH, evidence)


def _difference(size: int, root: bytes, now: int, source: str) -> tuple[str, str]:
    evidence = f"{source}: {size} entries, root {base64url.encode(root)}"
    if now < size:
        return f"it has {now} entries, {size} in {source}: it was rewound", evidence
    return f"its first {size} entries are not those of {source}: it was rewritten", evidence
