"""The roster: which learner works towards which diploma, and who agreed to sharing.

Names are not read at all, and the date of birth never shows in a `repr`: it serves only to count birthdays.
"""

from dataclasses import dataclass, field
from datetime import date

from ledger.errors import MalformedError
from ledger.mastery.days import parse_day
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, choice, parse_optional_text, parse_shared_text, parse_table


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner, by the school's own id."""

    id: str
    born_on: date = field(repr=False)
    diploma: str
    """Id of the requirement set; empty for a learner who works towards none yet."""
    learner_consent: str = field(repr=False)
    """`yes`, `no` or nothing; only `yes` is consent."""
    guardian_consent: str = field(repr=False)


def _parse_birth(text: str) -> date:
    try:
        return parse_day(text)
    except MalformedError:
        # Not even a mistyped date of birth is repeated: messages end up in terminals' histories and in mails.
        raise MalformedError("is not a date (YYYY-MM-DD)") from None


_consent = choice("yes", "no", "")

COLUMNS = (
    Column("learner_id", parse_shared_text),
    Column("date_of_birth", _parse_birth),
    Column("diploma_id", parse_optional_text),
    Column("learner_consent", _consent),
    Column("guardian_consent", _consent),
)


def parse_roster(file: str, data: bytes, diplomas: frozenset[str] | None, problems: ProblemCollector) -> list[Learner]:
    """Read `roster.csv`, in its order; `diplomas` are the ids a learner may name, None where they are not known."""
    table = parse_table(file, data, COLUMNS, problems)
    if table is None:
        return []
    learners: list[Learner] = []
    for place, learner in table.read(COLUMNS, Learner):
        if learner.diploma and diplomas is not None and learner.diploma not in diplomas:
            table.complain(place, "diploma_id", f"no requirement set is called {learner.diploma}")
        learners.append(learner)
    return learners
