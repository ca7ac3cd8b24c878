"""Replaying every log of a network from zero, and saying what an auditor found.

Two steps. First every log is judged again from its bytes by `judge_growth`, starting from nothing: a state that
somebody else computed is never believed. Then `ledger.log.audit` reads the replayed logs for findings. Bodies that
are not held are counted; the roots that bind them are checked all the same.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from ledger import base64url
from ledger.errors import CairnError, MalformedError
from ledger.log import snapshot
from ledger.log.audit import Finding, Severity, audit_network
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.merkle import root_at
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from ledger.log.state import LogState
from wallet_cli import files
from wallet_cli.progress import Progress, no_progress
from wallet_cli.refold import refold
from wallet_cli.replica import Replica, ReplicaLog, read_head
from wallet_cli.terminal import count

REPORT_VERSION = 1
MAX_REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedLog:
    """One replayed log.

    Attributes:
        log: its id.
        name: of the institution.
        size, root: of the tree its newest checkpoint signs.
        missing: bodies bound by entries but not held.
        items: items in the bodies that are held.
    """

    log: LogId
    name: str
    size: int
    root: bytes
    missing: int
    items: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes:
        network: its log id.
        logs: those that replayed, the network's first.
        findings: about any of them.
        remarks: what nodes refused, served wrongly or did not answer.
        lacking: names of logs that no node served in a form that is accepted.
    """

    network: LogId
    logs: tuple[AuditedLog, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 all replayed and clean, 1 findings, 3 a log could not be had."""
        if not self.is_clean:
            return 1
        return 3 if self.lacking else 0

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing broke a rule and no entry was void; notices do not count."""
        return all(finding.severity is Severity.NOTICE for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values; a later audit reads it with `--since`."""
        return {
            "clean": self.is_clean,
            "findings": [
                {
                    "index": finding.index,
                    "log": encode_log_id(finding.log),
                    "severity": finding.severity.value,
                    "text": finding.text,
                }
                for finding in self.findings
            ],
            "logs": [
                {
                    "items": log.items,
                    "log": encode_log_id(log.log),
                    "missing_bodies": log.missing,
                    "name": log.name,
                    "root": base64url.encode(log.root),
                    "size": log.size,
                }
                for log in self.logs
            ],
            "lacking": list(self.lacking),
            "network": encode_log_id(self.network),
            "remarks": list(self.remarks),
            "v": REPORT_VERSION,
        }

    def to_lines(self) -> list[str]:
        """Give the report in words, escaping left to whoever prints."""
        lines = []
        for log in self.logs:
            missing = f", {log.missing} bodies not held" if log.missing else ""
            lines.append(f"{log.name}: {count(log.size, 'entry', 'entries')}, {count(log.items, 'item')}{missing}")
            for finding in self.findings:
                if finding.log == log.log:
                    place = "" if finding.index is None else f" entry {finding.index}:"
                    lines.append(f"  {finding.severity.value}:{place} {finding.text}")
        held = {log.log for log in self.logs}
        lines += [f"{f.severity.value}: {f.text}" for f in self.findings if f.log not in held]
        lines += [f"remark: {remark}" for remark in self.remarks]
        lines += [f"could not be had: {name}" for name in self.lacking]
        lines.append("clean: every log replays from zero" if self.is_clean else "not clean: see the findings above")
        return lines


def audit_replica(
    folder: Path,
    trust: TrustRoot,
    *,
    workers: int = 1,
    since: Sequence[AuditedLog] = (),
    progress: Progress = no_progress,
) -> AuditReport:
    """Replay all logs in a replica folder and gather the findings.

    Args:
        folder: a light replica, or one fetched with its history.
        trust: names the network.
        workers: processes to replay with; a log is replayed by one of them.
        since: logs of an earlier report, which must be the beginning of what is held now.
        progress: told after each log.

    Raises:
        CairnError: the network's log is not held, or does not contain the head that the trust root pins.
    """
    ids = Replica(folder).log_ids()
    view = _Replayed(ids)
    broken: dict[LogId, str] = {}
    counts: dict[LogId, tuple[int, int]] = {}
    for done, (log_id, outcome) in enumerate(_replay_all(folder, ids, workers), 1):
        if isinstance(outcome, str):
            broken[log_id] = outcome
        else:
            note, encoded, missing, items = outcome
            view.logs[log_id] = ReplicaLog(folder / encode_log_id(log_id), note, snapshot.parse_state(encoded))
            counts[log_id] = missing, items
        progress("logs", done, len(ids))
    findings = [
        Finding(log_id, None, Severity.BROKEN, f"{_name_of(log_id, trust, view)}does not replay: {why}")
        for log_id, why in broken.items()
    ]
    if trust.network not in broken:
        findings += audit_network(Network(trust, view))
    # Else its finding says why it does not replay; who was a member with which rights cannot be told without it.
    logs = [_describe(view.logs[log_id].state, *counts[log_id]) for log_id in _network_first(view, trust.network)]
    findings += [finding for old in since for finding in _compare(old, view.log(old.log))]
    return AuditReport(trust.network, tuple(logs), tuple(findings))


def audit_nodes(
    nodes: Sequence[str],
    trust: TrustRoot,
    *,
    workers: int = 1,
    since: Sequence[AuditedLog] = (),
    progress: Progress = no_progress,
) -> AuditReport:
    """Fetch every log whole from these nodes into a temporary folder and replay it there; see `audit_replica`.

    Raises:
        CairnError: no node answers, or none has the network's log in a form that is accepted.
    """
    # Imported here: an audit of a dump opens no connection and need not load what could.
    from wallet_cli.replica_writer import ReplicaWriter
    from wallet_cli.sync import sync_replica

    with tempfile.TemporaryDirectory(prefix="cairn-audit-") as folder:
        with ReplicaWriter(Path(folder)) as writer:
            fetched = asyncio.run(sync_replica(writer, trust, nodes, history=True, progress=progress))
        report = audit_replica(Path(folder), trust, workers=workers, since=since, progress=progress)
    remarks = [*fetched.unreachable, *(problem for log in fetched.logs for problem in log.problems)]
    lacking = [log.name for log in fetched.logs if not log.size]
    return replace(report, remarks=tuple(remarks), lacking=tuple(lacking))


def read_report(data: bytes) -> tuple[AuditedLog, ...]:
    """Read the logs of an earlier report.

    Raises:
        MalformedError: not a report of `to_json`.
    """
    try:
        value = json.loads(data)
        if value["v"] != REPORT_VERSION:
            raise ValueError("its version is another")
        return tuple(
            AuditedLog(
                log=parse_log_id(log["log"]),
                name=str(log["name"]),
                size=int(log["size"]),
                root=base64url.decode(log["root"], 32),
                missing=int(log["missing_bodies"]),
                items=int(log["items"]),
            )
            for log in value["logs"]
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedError(f"audit report: cannot be read: {error}", hint="give a file made with --report") from error


def load_report(path: Path) -> tuple[AuditedLog, ...]:
    """Read an earlier report from its file; errors as `read_report`."""
    return read_report(files.read_bounded(path, MAX_REPORT_BYTES))


class _Replayed:
    """A ledger of the logs that replayed, each with the replayed state."""

    def __init__(self, held: Sequence[LogId]) -> None:
        self.logs: dict[LogId, ReplicaLog] = {}
        self._held = held

    def log_ids(self) -> Sequence[LogId]:
        return tuple(log_id for log_id in self._held if log_id in self.logs)

    def log(self, log_id: LogId) -> ReplicaLog | None:
        return self.logs.get(log_id)


Outcome = tuple[bytes, bytes, int, int] | str
"""The note, the replayed state, bodies missing and items held; or why the log does not replay."""


def _replay_all(folder: Path, ids: Sequence[LogId], workers: int) -> Iterable[tuple[LogId, Outcome]]:
    if workers <= 1 or len(ids) <= 1:
        for log_id in ids:
            yield log_id, _replay(folder, log_id)
        return
    # "spawn": the same on every system, and no lock of this process is inherited half held.
    with ProcessPoolExecutor(min(workers, len(ids)), mp_context=get_context("spawn")) as pool:
        yield from zip(ids, pool.map(_replay, [folder] * len(ids), ids), strict=True)


def _replay(folder: Path, log_id: LogId) -> Outcome:
    held = folder / encode_log_id(log_id)
    try:
        note = read_head(held / "head").note
        growth = refold(held, note, whole=True)
    except CairnError as error:
        return str(error)
    missing = items = 0
    for entry, body in zip(growth.entries, growth.bodies, strict=True):
        reference = entry.statement.body
        missing += reference is not None and body is None
        items += reference.items if reference is not None and body is not None else 0
    return note, snapshot.encode_state(growth.state), missing, items


def _name_of(log_id: LogId, trust: TrustRoot, view: _Replayed) -> str:
    """What the network calls a log that does not replay; its own word is worth nothing. Empty where nobody named it."""
    if log_id == trust.network:
        return f"{trust.name} ({trust.origin}) "
    network = view.log(trust.network)
    standing = None if network is None else network.state.members.standing_of(log_id)
    return "" if standing is None else f"{standing.name} ({standing.origin}) "


def _network_first(view: _Replayed, network: LogId) -> list[LogId]:
    return sorted(view.logs, key=lambda log_id: (log_id != network, view.logs[log_id].state.name))


def _describe(state: LogState, missing: int, items: int) -> AuditedLog:
    return AuditedLog(
        log=state.log_id, name=state.name, size=state.size, root=state.frontier.root(), missing=missing, items=items
    )


def _compare(old: AuditedLog, now: ReplicaLog | None) -> Iterable[Finding]:
    if now is None:
        yield Finding(old.log, None, Severity.BROKEN, f"the log of {old.name} was there in the earlier report")
    elif now.state.size < old.size:
        text = f"it has {now.state.size} entries, {old.size} in the earlier report: it was rewound"
        yield Finding(old.log, None, Severity.BROKEN, text)
    elif root_at(old.size, now.read_hashes) != old.root:
        text = f"its first {old.size} entries are not those of the earlier report: it was rewritten"
        yield Finding(old.log, old.size - 1, Severity.BROKEN, text)
