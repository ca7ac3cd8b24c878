"""The report of an audit: as plain values, as lines, and read back by a later audit."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ledger import base64url
from ledger.credential.validity import MAX_SECONDS
from ledger.errors import MalformedError, at_place
from ledger.log.finding import Finding, Severity
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from ledger.log.policy import TrustRoot
from wallet_cli import files
from wallet_cli.terminal import count

REPORT_VERSION = 1
MAX_REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DatedHead:
    """A head that the network's log records with a quorum: how large the log was at that time, at least."""

    seconds: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedLog:
    """One replayed log.

    Attributes:
        log: its id.
        name: of the institution.
        size, root: of the tree its newest checkpoint signs.
        missing: bodies bound by entries but not held.
        items: items in the bodies that are held.
        heads: its anchored heads with their times (Unix seconds, by quorum), ascending.
        before: entries in the earlier report that this one continues; `None` without one.
        kept: entries that an earlier audit of this account had checked and this one did not check again.
    """

    log: LogId
    name: str
    size: int
    root: bytes
    missing: int
    items: int
    heads: tuple[DatedHead, ...] = ()
    before: int | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found.

    Attributes:
        trust: what it started from.
        at: when it was made, Unix milliseconds by this computer's clock.
        logs: those that replayed, the network's first.
        findings: about any of them.
        remarks: what nodes refused, served wrongly or did not answer.
        lacking: names of logs that no node served in a form that is accepted.
    """

    trust: TrustRoot
    at: int
    logs: tuple[AuditedLog, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def network(self) -> LogId:
        """The log id of the network."""
        return self.trust.network

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

    @property
    def verdict(self) -> str:
        """The result in one line."""
        return "clean: every log replays from zero" if self.is_clean else "not clean: see the findings above"

    def about(self, log: LogId) -> tuple[Finding, ...]:
        """Give the findings about one log."""
        return tuple(finding for finding in self.findings if finding.log == log)

    def elsewhere(self) -> tuple[Finding, ...]:
        """Give the findings about logs that are not among those replayed."""
        held = {log.log for log in self.logs}
        return tuple(finding for finding in self.findings if finding.log not in held)

    def to_json(self) -> dict[str, object]:
        """Give the report as plain values; a later audit reads it with `--since`."""
        return {
            "at": self.at,
            "clean": self.is_clean,
            "findings": [_finding(finding) for finding in self.findings],
            "logs": [_log(log) for log in self.logs],
            "lacking": list(self.lacking),
            "network": encode_log_id(self.network),
            "remarks": list(self.remarks),
            "trust": {
                "head": {"root": base64url.encode(self.trust.head_root), "size": self.trust.head_size},
                "name": self.trust.name,
                "origin": self.trust.origin,
            },
            "v": REPORT_VERSION,
        }

    def to_lines(self) -> list[str]:
        """Give the report in words, escaping left to whoever prints."""
        lines = []
        for log in self.logs:
            lines.append(f"{log.name}: {describe(log)}")
            lines += [f"  {line}" for finding in self.about(log.log) for line in _in_words(finding)]
        lines += [line for finding in self.elsewhere() for line in _in_words(finding)]
        lines += [f"remark: {remark}" for remark in self.remarks]
        lines += [f"could not be had: {name}" for name in self.lacking]
        return [*lines, self.verdict]


def describe(log: AuditedLog) -> str:
    """Say how much of a log there is, and how much is new."""
    words = f"{count(log.size, 'entry', 'entries')}, {count(log.items, 'item')}"
    if log.before is not None:
        words += f", {log.size - log.before} new"
    if log.kept:
        words += f", {log.kept} checked in an earlier audit"
    if log.missing:
        words += f", {count(log.missing, 'body', 'bodies')} not held"
    return words


def at_second(seconds: int) -> str:
    """Give a time as people read it, in UTC. Times of witnesses, and of whoever attests, may lie beyond any calendar."""
    if seconds > MAX_SECONDS:
        return "after the year 9999"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


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
                size=_count(log["size"]),
                root=base64url.decode(log["root"], 32),
                missing=_count(log["missing_bodies"]),
                items=_count(log["items"]),
            )
            for log in value["logs"]
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MalformedError(
            f"audit report: cannot be read: {reason}", hint="give a file made with --report FILE.json"
        ) from error


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} counts nothing")
    return value


def load_report(path: Path) -> tuple[AuditedLog, ...]:
    """Read an earlier report from its file; errors as `read_report`."""
    data = files.read_bounded(path, MAX_REPORT_BYTES)
    try:
        return read_report(data)
    except MalformedError as error:
        raise at_place(error, str(path)) from error


def _in_words(finding: Finding) -> Iterable[str]:
    place = "" if finding.index is None else f" entry {finding.index}:"
    yield f"{finding.severity.value}:{place} {finding.text}"
    if finding.evidence:
        yield f"  evidence ({finding.rule.value}): {finding.evidence}"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "evidence": finding.evidence,
        "index": finding.index,
        "log": encode_log_id(finding.log),
        "rule": finding.rule.value,
        "severity": finding.severity.value,
        "text": finding.text,
    }


def _log(log: AuditedLog) -> dict[str, object]:
    return {
        "before": log.before,
        "heads": [{"seconds": head.seconds, "size": head.size} for head in log.heads],
        "items": log.items,
        "kept": log.kept,
        "log": encode_log_id(log.log),
        "missing_bodies": log.missing,
        "name": log.name,
        "root": base64url.encode(log.root),
        "size": log.size,
    }
