"""A finding: one thing an operator should know about, with its age, its cause and its remedy.

Findings are told by `cairn-node status`, counted by code in `/metrics`, and kept in no ledger. They name institutions,
addresses, sizes and reasons; nothing about a learner can be a finding.
"""

from dataclasses import dataclass
from enum import StrEnum

DIRECTORY = "DIR"
"""Stands in a remedy for the node's directory; whoever shows it puts the directory in its place."""


class Severity(StrEnum):
    """How pressing it is: a `warning` wants a look within days, a `problem` means that something does not work now."""

    WARNING = "warning"
    PROBLEM = "problem"


class FindingCode(StrEnum):
    """What is wrong, as monitoring sees it. `docs/monitoring.md` explains each."""

    NOT_RUNNING = "not-running"
    WAITING_FOR_PEERS = "waiting-for-peers"
    OLDER_COPY = "older-copy"
    OTHER_HISTORY = "other-history"
    NO_SIGNING_RECORD = "no-signing-record"
    SIGNING_RECORD_UNWRITABLE = "signing-record-unwritable"
    WRITE_FAILED = "write-failed"
    NOT_WRITING = "not-writing"
    KEY_MISSING = "key-missing"
    FORK = "fork"
    OVERRULED = "overruled"
    NOT_A_MEMBER = "not-a-member"
    NO_NETWORK = "no-network"
    NETWORK_UNREADABLE = "network-unreadable"
    NO_WITNESSES = "no-witnesses"
    NO_QUORUM = "no-quorum"
    WITNESS_MISSING = "witness-missing"
    CUT_OVERDUE = "cut-overdue"
    CUT_AHEAD = "cut-ahead"
    OUTBOX_WAITING = "outbox-waiting"
    RESTORED = "restored"
    NOT_INHERITED = "not-inherited"
    ENTRIES_VOID = "entries-void"
    DATABASE = "database"
    DISK_LOW = "disk-low"
    CLOCK_OFF = "clock-off"
    BACKUP_OLD = "backup-old"
    CERTIFICATE = "certificate"
    PEER_SILENT = "peer-silent"
    PEER_WRONG_LOG = "peer-wrong-log"
    LOG_PAUSED = "log-paused"
    OTHER = "other"
    """Told by a node of another version, in words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at.

    Attributes:
        code: what kind of thing; never changes its meaning.
        severity: how pressing it is.
        subject: which peer, witness, log, key or disk; empty where there is only one.
        since: Unix milliseconds from which on it is known; None where nobody can tell.
        what: one sentence without full stop.
        why: the cause as far as it is known; may be empty.
        do: the remedy; `DIR` in it stands for the node's directory.
    """

    code: FindingCode
    severity: Severity
    what: str
    do: str
    subject: str = ""
    since: int | None = None
    why: str = ""

    @property
    def key(self) -> tuple[FindingCode, str]:
        """What makes two findings the same one at different times."""
        return self.code, self.subject

    def to_json(self) -> dict[str, object]:
        """Give it as JSON, the remedy with `DIR` in it."""
        return {
            "code": self.code.value,
            "do": self.do,
            "severity": self.severity.value,
            "since": self.since,
            "subject": self.subject,
            "what": self.what,
            "why": self.why,
        }

    def describe(self, directory: str, now: int) -> list[str]:
        """The finding in words, the first line first.

        Args:
            directory: what to put in the place of `DIR`.
            now: Unix milliseconds.
        """
        age = "" if self.since is None else f" (for {describe_duration(max(0, now - self.since))})"
        lines = [f"{self.severity}: {self.what}{age}"]
        if self.why:
            lines.append(f"  why: {self.why}")
        return [*lines, f"  do:  {self.do.replace(DIRECTORY, directory)}"]


def describe_duration(milliseconds: int) -> str:
    """A span of time in the largest unit of which there are at least two: `2 days`, `90 minutes`."""
    seconds = milliseconds // 1000
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} {'second' if seconds == 1 else 'seconds'}"
