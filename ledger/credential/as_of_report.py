"""What a verification says about a moment: the answer as of then, what is known about then today, and what changed since."""

from dataclasses import dataclass

from ledger.credential.report import Code, Step, escape_text
from ledger.credential.validity import format_instant

FILE_NOTE = "steps 1 to 4 are about the file in hand, which is judged as of today"


@dataclass(frozen=True, slots=True)
class AnswerThen:
    """One answer about a moment: its code, and the steps that depend on the moment (5 to 11)."""

    code: Code
    steps: tuple[Step, ...]

    @property
    def words(self) -> str:
        """The verdict, with its code."""
        return f"{self.code.verdict.then} ({self.code.value})"

    def to_json(self) -> dict[str, object]:
        """The answer for machines, text escaped."""
        return {
            "verdict": self.code.verdict.then,
            "code": self.code.value,
            "steps": [step.to_json() for step in self.steps],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that became known after the moment.

    Attributes:
        step: the step whose answer it changed.
        what: in words.
        log: the name of the institution in whose log it stands; empty where it stands in none.
        index: of the entry; `None` where there is none.
        known_by: when it was known at the latest (Unix ms); `None` where no witnessed head says.
        reaches_back: whether it changes what is known about the moment, and not only what came after.
    """

    step: int
    what: str
    log: str = ""
    index: int | None = None
    known_by: int | None = None
    reaches_back: bool = False

    def to_json(self) -> dict[str, object]:
        """The change for machines, text escaped; what is not known is null."""
        return {
            "step": self.step,
            "what": escape_text(self.what),
            "log": escape_text(self.log),
            "index": self.index,
            "known_by": self.known_by,
            "reaches_back": self.reaches_back,
        }

    def to_line(self) -> str:
        """The change for people."""
        where = "" if self.index is None else f"; by entry {self.index} of the log of {self.log}"
        when = "" if self.known_by is None else f", known by {format_instant(self.known_by)} at the latest"
        back = "; this reaches back to then" if self.reaches_back else ""
        return escape_text(f"step {self.step}: {self.what}{where}{when}{back}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfReport:
    """All that was found about a moment.

    Attributes:
        at: the moment (Unix ms).
        state: in words, the newest state that was confirmed by then; or why there is none.
        known_then: what was known then. It decides the exit code.
        known_now: what is known today about then.
        changes: what became known since, in the order of the steps.
        notes: what else has to be said.
    """

    at: int
    state: str
    known_then: AnswerThen
    known_now: AnswerThen
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The report for machines; the shape is stable, empty members stay."""
        return {
            "at": self.at,
            "state": escape_text(self.state),
            "known_then": self.known_then.to_json(),
            "known_now": self.known_now.to_json(),
            "changes": [change.to_json() for change in self.changes],
            "notes": [escape_text(note) for note in self.notes],
        }

    def to_lines(self) -> list[str]:
        """The report for people: both answers, what became known in between, then the steps."""
        lines = [
            f"As known on {format_instant(self.at)}: {self.known_then.words}",
            f"As known today about then: {self.known_now.words}",
            f"  {self.state}",
            *(f"  Note: {note}" for note in self.notes),
        ]
        if self.changes:
            lines += ["  What became known since:", *(f"    {change.to_line()}" for change in self.changes)]
        lines.append("  What was checked, as known then:")
        lines += [f"    {line}" for step in self.known_then.steps for line in step.to_lines()]
        answered = {(step.number, step.answer) for step in self.known_then.steps}
        other = [step for step in self.known_now.steps if (step.number, step.answer) not in answered]
        if other:
            lines.append("  Answered otherwise, as known today about then:")
            lines += [f"    {line}" for step in other for line in step.to_lines()]
        return [escape_text(line) for line in lines]
