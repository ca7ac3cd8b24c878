"""One thing that was looked at, and how it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import CairnError
from node.client.finding import DIRECTORY, Finding, Severity


class Outcome(StrEnum):
    """How a check came out; the last means that nothing was found because nothing could be looked at."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    COULD_NOT_CHECK = "could not check"


class Topic(StrEnum):
    """What is looked at, in this order. `docs/monitoring.md` explains each."""

    CONFIGURATION = "configuration"
    ACCOUNT = "account"
    KEYS = "keys"
    LEDGER = "ledger store"
    DATABASE = "registrar's database"
    DISK = "disk"
    PORTS = "ports"
    ADDRESSES = "addresses"
    CERTIFICATES = "certificates"
    CLOCK = "clock"
    NETWORK = "network"
    QUORUM = "quorum"
    PEERS = "peers"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        topic: what was looked at.
        outcome: how it stands.
        what: one sentence without full stop.
        why: the cause as far as it is known; may be empty.
        do: the remedy; empty when all is well. `DIR` in it stands for the node's directory.
    """

    topic: Topic
    outcome: Outcome
    what: str
    why: str = ""
    do: str = ""

    def describe(self, directory: str) -> list[str]:
        """The check in words, the first line first."""
        lines = [f"{self.outcome:<16} {self.topic}: {self.what}"]
        if self.why:
            lines.append(f"{'':<16}   why: {self.why}")
        if self.do:
            lines.append(f"{'':<16}   do:  {self.do.replace(DIRECTORY, directory)}")
        return lines

    def to_json(self) -> dict[str, str]:
        """Give it as JSON, the remedy with `DIR` in it."""
        return {
            "do": self.do,
            "outcome": self.outcome.value,
            "topic": self.topic.value,
            "what": self.what,
            "why": self.why,
        }


def fine(topic: Topic, what: str) -> Check:
    """All is well."""
    return Check(topic, Outcome.OK, what)


def warning(topic: Topic, what: str, *, do: str, why: str = "") -> Check:
    """Somebody should look within days."""
    return Check(topic, Outcome.WARNING, what, why, do)


def problem(topic: Topic, what: str, *, do: str, why: str = "") -> Check:
    """Something does not work."""
    return Check(topic, Outcome.PROBLEM, what, why, do)


def unknown(topic: Topic, what: str, *, do: str, why: str = "") -> Check:
    """It could not be looked at."""
    return Check(topic, Outcome.COULD_NOT_CHECK, what, why, do)


def from_error(topic: Topic, error: CairnError) -> Check:
    """A problem that an error of ours tells."""
    return problem(topic, str(error), do=error.hint or "see what the message names")


def from_finding(topic: Topic, finding: Finding) -> Check:
    """A finding of the node's own, met while looking."""
    outcome = Outcome.PROBLEM if finding.severity is Severity.PROBLEM else Outcome.WARNING
    return Check(topic, outcome, finding.what, finding.why, finding.do)


def worst(checks: Iterable[Check]) -> Outcome:
    """What all of them amount to: a problem, else a warning, else what could not be looked at, else ok."""
    outcomes = {check.outcome for check in checks}
    order = (Outcome.PROBLEM, Outcome.WARNING, Outcome.COULD_NOT_CHECK)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.OK)
