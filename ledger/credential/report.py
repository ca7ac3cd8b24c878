"""What a verification says: answers, codes, verdicts, exit codes, and the words for an admissions officer (DESIGN 6).

Every step answers `yes`, `no`, `could not check` or `not applicable`; the third is never folded into another. A
credential gets one code, the first of the table that applies; a record (one file) the worst verdict of its
credentials; a batch an exit code. Text that came from a file or a log is escaped here, once, on its way out. Nothing
in a report may hold a slot key, a salt or a disclosure: `verify` passes none. (The salt in the field `evaluation` is
no disclosure's: it is there to be seen.)
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.credential.as_of_report import AsOfReport
    from ledger.credential.countersignature import Countersignature

CLOSING = "Verification says nothing about whether the claims are true."
UNBOUND_NOTE = "not bound to a person: accept it only from the school itself"
"""Added to the verdict of a copy without a holder key."""

STEP_NAMES = (
    "Can the file be read?",
    "Is the issuer's signature good?",
    "Is everything shown exactly what the issuer signed?",
    "Was it made for you, by the person it was issued to?",
    "Is it within its dates?",
    "Does it stand on the ledger?",
    "Do independent witnesses confirm that state of the ledger?",
    "Is the issuer's log free of contradictions?",
    "Was the issuer allowed to issue this?",
    "Was the signing key in force?",
    "Is it neither revoked, suspended nor replaced?",
    "Are the requirements it names met?",
    "Are its endorsements good?",
    "Is it clear who says what, and what is not shown?",
)
"""One question per numbered step, from step 1; every `yes` is good news."""

INFORMING_STEPS = frozenset({12, 13, 14})
"""Steps that inform and never change the verdict."""

# Left and right marks, embeddings, overrides, isolates, and characters that show nothing: with them a line reads as
# something it does not say.
_DECEPTIVE = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


class Answer(StrEnum):
    """What one step found."""

    YES = "yes"
    NO = "no"
    COULD_NOT_CHECK = "could_not_check"
    NOT_APPLICABLE = "not_applicable"

    @property
    def words(self) -> str:
        """The answer as people read it."""
        return self.value.replace("_", " ")


class Verdict(Enum):
    """The verdict in words with its exit code, worst first: this order decides a record's verdict.

    Third stand the words about a moment in the past.
    """

    NOT_AUTHENTIC = ("Not authentic", 1, "Not authentic")
    WAS_VALID = ("Was valid, not now", 1, "No longer valid then")
    NOT_YET = ("Not valid yet", 1, "Not valid yet then")
    NOT_READABLE = ("Not readable", 2, "Not readable")
    CANNOT_TELL = ("Cannot tell yet", 3, "Cannot tell")
    VALID = ("Valid now", 0, "Valid then")

    @property
    def text(self) -> str:
        """The words of DESIGN 6."""
        return self.value[0]

    @property
    def exit_code(self) -> int:
        """0 yes, 1 a true no, 2 unreadable, 3 could not decide."""
        return self.value[1]

    @property
    def then(self) -> str:
        """The words of an answer about a moment in the past."""
        return self.value[2]

    @property
    def rank(self) -> int:
        """Place from the worst (0) up."""
        return list(Verdict).index(self)


class Code(StrEnum):
    """Why, for machines, in the order of DESIGN 6: of several that apply the first counts."""

    MALFORMED = "MALFORMED"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    NOT_BOUND = "NOT_BOUND"
    KEY_COMPROMISED = "KEY_COMPROMISED"
    ISSUER_NOT_AUTHORISED = "ISSUER_NOT_AUTHORISED"
    NOT_ON_LEDGER = "NOT_ON_LEDGER"
    REVOKED = "REVOKED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    FORKED_LOG = "FORKED_LOG"
    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    NO_RECEIPT = "NO_RECEIPT"
    NO_QUORUM = "NO_QUORUM"
    STALE = "STALE"
    INCOMPLETE = "INCOMPLETE"
    SUSPENDED = "SUSPENDED"
    NOT_YET_VALID = "NOT_YET_VALID"
    VALID = "VALID"

    @property
    def verdict(self) -> Verdict:
        """The verdict this code stands for."""
        return _VERDICTS[self]

    @property
    def exit_code(self) -> int:
        """The exit code of that verdict."""
        return self.verdict.exit_code


_VERDICTS = {
    Code.MALFORMED: Verdict.NOT_READABLE,
    Code.BAD_SIGNATURE: Verdict.NOT_AUTHENTIC,
    Code.NOT_BOUND: Verdict.NOT_AUTHENTIC,
    Code.KEY_COMPROMISED: Verdict.NOT_AUTHENTIC,
    Code.ISSUER_NOT_AUTHORISED: Verdict.NOT_AUTHENTIC,
    Code.NOT_ON_LEDGER: Verdict.NOT_AUTHENTIC,
    Code.REVOKED: Verdict.WAS_VALID,
    Code.SUPERSEDED: Verdict.WAS_VALID,
    Code.EXPIRED: Verdict.WAS_VALID,
    Code.FORKED_LOG: Verdict.CANNOT_TELL,
    Code.UNKNOWN_ISSUER: Verdict.CANNOT_TELL,
    Code.NO_RECEIPT: Verdict.CANNOT_TELL,
    Code.NO_QUORUM: Verdict.CANNOT_TELL,
    Code.STALE: Verdict.CANNOT_TELL,
    Code.INCOMPLETE: Verdict.CANNOT_TELL,
    Code.SUSPENDED: Verdict.WAS_VALID,
    Code.NOT_YET_VALID: Verdict.NOT_YET,
    Code.VALID: Verdict.VALID,
}
_ORDER = tuple(Code)


class ClaimClass(StrEnum):
    """Who says so (DOMAIN 2.12), strongest first; every line shown carries exactly one."""

    ISSUED_CALIBRATED = "issued-calibrated"
    ISSUED = "issued"
    ISSUED_MACHINE = "issued-machine"
    VERIFIED_EXPERIENCE = "verified-experience"
    ENDORSED = "endorsed"
    SELF_ASSERTED = "self-asserted"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: what was asked, the answer, why (and how old the evidence is), who can do what about it.

    `lines` say more where one fact a line is easier to read.
    """

    number: int
    name: str
    answer: Answer
    detail: str = ""
    remedy: str = ""
    lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The step for machines, text escaped."""
        return {
            "number": self.number,
            "name": self.name,
            "answer": self.answer.value,
            "detail": escape_text(self.detail),
            "remedy": escape_text(self.remedy),
            "lines": [escape_text(line) for line in self.lines],
        }

    def to_lines(self) -> list[str]:
        """The step for people: a line, further facts below it, then the remedy."""
        lines = [f"{self.number:>2}. {self.name} {self.answer.words}" + (f" ({self.detail})" if self.detail else "")]
        lines += [f"    {line}" for line in self.lines]
        if self.remedy:
            lines.append(f"    What to do: {self.remedy}")
        return [escape_text(line) for line in lines]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One thing a file shows, and who says so."""

    label: str
    value: str
    claim_class: ClaimClass

    def to_json(self) -> dict[str, object]:
        """The line for machines, text escaped."""
        return {
            "label": escape_text(self.label),
            "value": escape_text(self.value),
            "claim_class": self.claim_class.value,
        }

    def to_line(self) -> str:
        """The line for people; the class stands first, where no foreign text can imitate it."""
        return escape_text(f"[{self.claim_class.value}] {self.label}: {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReport:
    """All that was found about one credential.

    `title` is what it is (the achievement's name), `issuer` who issued it, `shown` and `not_shown` its content. After a
    bad signature nothing else about a file is believed: `verify` then leaves these empty. `notes` are repeated with
    the verdict (`quorum none`, `UNBOUND_NOTE`, each of `countersignatures`). All of it is about now; `as_of` is about the
    moment that was asked about besides, if any (none about a file that is not believed, which was no better then).
    """

    steps: tuple[Step, ...]
    code: Code
    title: str = ""
    issuer: str = ""
    achievement: str = ""
    shown: tuple[ShownLine, ...] = ()
    not_shown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    as_of: "AsOfReport | None" = None
    countersignatures: tuple["Countersignature", ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of the code."""
        return self.code.verdict

    @property
    def asked(self) -> Code:
        """The code that answers what was asked: about now or, where a moment was named, as known then."""
        return self.code if self.as_of is None else self.as_of.known_then.code

    @property
    def exit_code(self) -> int:
        """The exit code for this credential alone, by what was asked."""
        return self.asked.exit_code

    def to_json(self) -> dict[str, object]:
        """The report for machines; the shape is stable, empty members stay."""
        return {
            "verdict": self.verdict.text,
            "code": self.code.value,
            "exit_code": self.exit_code,
            "title": escape_text(self.title),
            "issuer": escape_text(self.issuer),
            "achievement": escape_text(self.achievement),
            "shown": [line.to_json() for line in self.shown],
            "not_shown": [escape_text(name) for name in self.not_shown],
            "notes": [escape_text(note) for note in self.notes],
            "steps": [step.to_json() for step in self.steps],
            "as_of": None if self.as_of is None else self.as_of.to_json(),
            "countersignatures": [one.to_json() for one in self.countersignatures],
        }

    def to_lines(self) -> list[str]:
        """The report for people: the verdict first, then what it is about, what it shows, and every step."""
        lines = [] if self.as_of is None else self.as_of.to_lines()
        lines.append(f"{'' if self.as_of is None else 'Today: '}{self.verdict.text} ({self.code.value})")
        lines += [f"  Note: {note}" for note in self.notes]
        lines += [
            f"  {what}" for what in (self.title, self.issuer and f"issued by {self.issuer}", self.achievement) if what
        ]
        if self.shown:
            lines += ["  Shown, and who says so:", *(f"    {line.to_line()}" for line in self.shown)]
        if self.not_shown:
            lines.append(f"  Not shown: {', '.join(self.not_shown)}")
        lines.append("  What was checked:")
        lines += [f"    {line}" for step in self.steps for line in step.to_lines()]
        return [escape_text(line) for line in lines]


@dataclass(frozen=True, slots=True)
class RecordReport:
    """All that was found about one file: its credentials, and what the learner wrote beside them.

    `shown` holds the learner's own lines (`self-asserted`), `notes` what concerns the file as a whole.
    """

    credentials: tuple[CredentialReport, ...]
    shown: tuple[ShownLine, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.credentials:
            raise ValueError("record report: at least one credential report is needed")

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its credentials."""
        return worst_verdict(report.verdict for report in self.credentials)

    @property
    def summary(self) -> str:
        """The worst verdict in words, by what was asked."""
        worst = worst_verdict(report.asked.verdict for report in self.credentials)
        return worst.text if all(report.as_of is None for report in self.credentials) else worst.then

    @property
    def exit_code(self) -> int:
        """The exit code of the file; an unreadable credential beside readable ones makes it 3, not 2."""
        return batch_exit_code(report.exit_code for report in self.credentials)

    def to_json(self) -> dict[str, object]:
        """The report for machines; the shape is stable, empty members stay."""
        return {
            "verdict": self.verdict.text,
            "exit_code": self.exit_code,
            "credentials": [report.to_json() for report in self.credentials],
            "shown": [line.to_json() for line in self.shown],
            "notes": [escape_text(note) for note in self.notes],
            "closing": CLOSING,
        }

    def to_lines(self, *, closing: bool = True) -> list[str]:
        """The report for people. A batch prints `CLOSING` once at its end and passes `closing=False` here."""
        lines: list[str] = []
        if len(self.credentials) > 1:
            lines += [f"{self.summary}: {len(self.credentials)} credentials, the worst of them decides", ""]
        lines += [escape_text(f"Note: {note}") for note in self.notes]
        for report in self.credentials:
            lines += [*report.to_lines(), ""]
        if self.shown:
            lines += ["Written by the learner:", *(f"  {line.to_line()}" for line in self.shown), ""]
        if closing:
            lines.append(CLOSING)
        elif lines and not lines[-1]:
            lines.pop()
        return lines


def make_step(number: int, answer: Answer, detail: str = "", remedy: str = "") -> Step:
    """Step `number` (from 1) under its name of `STEP_NAMES`."""
    return Step(number, STEP_NAMES[number - 1], answer, detail, remedy)


def first_code(codes: Iterable[Code]) -> Code:
    """Of the codes that apply the one that counts; `VALID` if there is none."""
    return min(codes, key=_ORDER.index, default=Code.VALID)


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of at least one verdict."""
    return min(verdicts, key=lambda verdict: verdict.rank)


def batch_exit_code(exit_codes: Iterable[int]) -> int:
    """Exit code of several files: 0 all valid, 1 any true no, 2 only if nothing could be read, else 3."""
    seen = set(exit_codes)
    if 1 in seen:
        return 1
    if not seen or seen == {2}:
        return 2
    return 0 if seen == {0} else 3


def unreadable(detail: str, remedy: str = "") -> CredentialReport:
    """The report on what does not parse: step 1 says why, nothing else is believed."""
    steps: Sequence[Step] = (make_step(1, Answer.NO, detail, remedy),)
    return CredentialReport(steps=tuple(steps), code=Code.MALFORMED)


def escape_text(text: str) -> str:
    r"""Make foreign text harmless on a terminal: control and direction characters become `\u{...}`.

    Joiners stay, since names in Persian or Sinhala need them. Escaping twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{{{ord(char):x}}}" if _is_harmful(char) else char for char in text)


def _is_harmful(char: str) -> bool:
    return char in _DECEPTIVE or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}
