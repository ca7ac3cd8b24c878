"""Waivers: somebody with authority let one requirement go for one learner. The basis is private and is not read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import parse_day, parse_optional_day
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, parse_shared_text, parse_table, parse_text


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver of one requirement of one diploma."""

    id: str
    learner: str
    diploma: str
    requirement: str
    granted_by: str
    authority_role: str
    granted_on: date
    expires_on: date | None

    def is_in_force(self, day: date) -> bool:
        """Whether it was granted by a day and had not expired."""
        return self.granted_on <= day and (self.expires_on is None or day <= self.expires_on)


COLUMNS = (
    Column("waiver_id", parse_text),
    Column("learner_id", parse_shared_text),
    Column("diploma_id", parse_shared_text),
    Column("requirement_id", parse_shared_text),
    Column("granted_by", parse_shared_text),
    Column("authority_role", parse_shared_text),
    Column("granted_on", parse_day),
    Column("expires_on", parse_optional_day),
)


def parse_waivers(file: str, data: bytes, problems: ProblemCollector) -> list[Waiver]:
    """Read `waivers.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    return [row for _, row in table.read(COLUMNS, Waiver)] if table is not None else []


def latest_waiver(waivers: Iterable[Waiver]) -> Waiver | None:
    """The one that is named where several apply: the latest granted, then the highest id."""
    return max(waivers, key=lambda waiver: (waiver.granted_on, waiver.id), default=None)
