"""Findings: single facts about a log that an auditor reports, each with the rule it is about and the evidence for it."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.log.identity import LogId


class Severity(StrEnum):
    """How much a finding matters."""

    BROKEN = "broken"
    VOID = "void"
    NOTICE = "notice"


class Rule(StrEnum):
    """What a finding is about."""

    REPLAY = "replay"
    HEAD = "head"
    QUORUM = "quorum"
    EFFECT = "effect"
    RIGHTS = "rights"
    CUT = "cut"
    BOUNDARY = "boundary"
    ANCHOR = "anchor"
    FORK = "fork"
    UNKNOWN = "unknown"
    HELD = "held"
    GROWTH = "growth"
    PAGE = "page"


EXPLANATIONS = {
    Rule.REPLAY: "every entry follows on the one before, is signed by keys its log has named, and has the body it names",
    Rule.HEAD: "the newest checkpoint is signed by the log's key and is over exactly the entries held",
    Rule.QUORUM: "more than half of the independent witnesses have cosigned the newest head",
    Rule.EFFECT: "an entry takes effect only if the right keys signed it, in force at that place, and the change is legal",
    Rule.RIGHTS: "an institution issues only while the network's member entries give it rights",
    Rule.CUT: "every cut is an anchor, a batch and a status page, in that order",
    Rule.BOUNDARY: "a member entry names a size and root of the member's log that lie on that log",
    Rule.ANCHOR: "a head that another log has recorded is the beginning of the log held",
    Rule.FORK: "a log has one history: no two checkpoints of it contradict each other",
    Rule.UNKNOWN: "entries of kinds this version does not know are kept, and nothing is concluded from them",
    Rule.HELD: "every log the network has decided about can be had",
    Rule.GROWTH: "what an earlier report saw is the beginning of what is there now",
    Rule.PAGE: "every slot of a status page reads 0 to 3, and what was revoked or replaced stays so",
}
"""Each rule in words, as reports explain it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about one log: where, how bad, what, about which rule, and by what it can be seen.

    Attributes:
        log: the log it is about.
        index: the entry, `None` where it is about the log as a whole.
        severity: how much it matters.
        text: what was found, in words.
        rule: what should have been.
        evidence: what shows it: entries, sizes, hashes; empty where `text` says all.
    """

    log: LogId
    index: int | None
    severity: Severity
    text: str
    rule: Rule
    evidence: str = ""
