"""Answers and codes of the numbered steps, gathered while a foreign credential is judged.

The steps are those of every report (`report.STEP_NAMES`), so that people and programs read one list. 6 to 8 and 12 ask
a ledger and do not apply to what was issued outside of one. After a bad signature nothing else is believed.
"""

from dataclasses import dataclass, field

from ledger.credential.countersignature import Countersignature
from ledger.credential.external.kind import Envelope, Kind
from ledger.credential.report import Answer, Code, CredentialReport, ShownLine, Step, first_code, make_step
from ledger.errors import MalformedError

OUTSIDE = "issued outside of this ledger"
EXTERNAL_NOTE = "external: not issued on this ledger"
_ASK = "ask for the file again, as it was issued"


@dataclass(slots=True)
class Findings:
    """What was found about one credential so far."""

    kind: Kind
    envelope: Envelope
    steps: dict[int, Step] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    countersignatures: tuple[Countersignature, ...] = ()

    def yes(self, number: int, detail: str = "") -> None:
        """Answer a step with yes."""
        self.steps[number] = make_step(number, Answer.YES, detail)

    def no(self, number: int, code: Code, detail: str, remedy: str = "") -> None:
        """Answer a step with no, and why."""
        self.steps[number] = make_step(number, Answer.NO, detail, remedy or _ASK)
        self.codes.append(code)

    def unclear(self, number: int, code: Code, detail: str, remedy: str = "") -> None:
        """Answer a step with could not check, and what to do."""
        self.steps[number] = make_step(number, Answer.COULD_NOT_CHECK, detail, remedy)
        self.codes.append(code)

    def remark(self, number: int, detail: str, remedy: str) -> None:
        """Say that a step which only informs could not be checked."""
        self.steps[number] = make_step(number, Answer.COULD_NOT_CHECK, detail, remedy)

    def skip(self, number: int, detail: str) -> None:
        """Say why a step does not apply."""
        self.steps[number] = make_step(number, Answer.NOT_APPLICABLE, detail)

    def is_answered(self, number: int) -> bool:
        """Whether a step has an answer."""
        return number in self.steps

    def is_no(self, number: int) -> bool:
        """Whether a step was answered with no."""
        return number in self.steps and self.steps[number].answer is Answer.NO

    def is_yes(self, number: int) -> bool:
        """Whether a step was answered with yes."""
        return number in self.steps and self.steps[number].answer is Answer.YES

    def stop(self) -> CredentialReport:
        """The report on what is not believed: the steps so far, and nothing of the content."""
        steps = tuple(self.steps[number] for number in sorted(self.steps))
        return CredentialReport(steps=steps, code=first_code(self.codes), notes=(self._note(), *self.notes))

    def unreadable(self, error: MalformedError) -> CredentialReport:
        """The report on a file that ends at step 1, and why it cannot be read."""
        self.no(1, Code.MALFORMED, str(error), error.hint)
        return self.stop()

    def report(
        self, *, title: str = "", issuer: str = "", achievement: str = "", shown: tuple[ShownLine, ...] = ()
    ) -> CredentialReport:
        """The whole report; steps without an answer do not apply."""
        for number in range(1, 15):
            if number not in self.steps:
                self.skip(number, OUTSIDE if number in (6, 7, 8, 12) else "")
        return CredentialReport(
            steps=tuple(self.steps[number] for number in sorted(self.steps)),
            code=first_code(self.codes),
            title=title,
            issuer=issuer,
            achievement=achievement,
            shown=shown,
            notes=(self._note(), *(one.to_line() for one in self.countersignatures), *self.notes),
            countersignatures=self.countersignatures,
        )

    def _note(self) -> str:
        return f"{EXTERNAL_NOTE} ({self.kind}, {self.envelope})"
