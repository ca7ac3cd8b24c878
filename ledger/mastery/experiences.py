"""Experiences outside school, as their host confirmed them: a placement, a project, a featured work."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ledger.errors import MalformedError
from ledger.mastery.days import parse_optional_day
from ledger.mastery.exact import parse_decimal
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, parse_optional_text, parse_shared_text, parse_table, parse_text


@dataclass(frozen=True, slots=True)
class Experience:
    """One experience; without an end it is still going on and does not count yet."""

    id: str
    learner: str
    type: str
    ended_on: date | None
    hours: Fraction
    verified_by: str


def _parse_hours(text: str) -> Fraction:
    hours = parse_decimal(text) if text else Fraction(0)
    if hours < 0:
        raise MalformedError(f"{text} is below zero")
    return hours


COLUMNS = (
    Column("experience_id", parse_text),
    Column("learner_id", parse_shared_text),
    Column("type", parse_shared_text),
    Column("ended_on", parse_optional_day),
    Column("hours", _parse_hours),
    Column("verified_by", parse_optional_text),
)


def parse_experiences(file: str, data: bytes, problems: ProblemCollector) -> list[Experience]:
    """Read `experiences.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    return [row for _, row in table.read(COLUMNS, Experience)] if table is not None else []
