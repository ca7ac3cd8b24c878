"""Assessors: who may judge and sign, in which roles, in which window of time. Private; only kinds are ever shown."""

from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import is_within, parse_optional_day
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, parse_shared_text, parse_table, parse_yes_no

HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Assessor:
    """A person, machine or organisation that judges or signs."""

    id: str
    kind: str
    roles: frozenset[str]
    is_external: bool
    calibrated_from: date | None
    """None: never calibrated, whatever the end of the window says."""
    calibrated_until: date | None
    active_from: date | None
    active_until: date | None

    @property
    def is_human(self) -> bool:
        """Whether a person judges; only persons count towards `minAssessors`."""
        return self.kind == HUMAN

    def is_active(self, day: date) -> bool:
        """Whether the assessor could judge and sign on a day."""
        return is_within(day, self.active_from, self.active_until)

    def is_calibrated(self, day: date) -> bool:
        """Whether the assessor's calibration covered a day; both ends of the window count."""
        return self.calibrated_from is not None and is_within(day, self.calibrated_from, self.calibrated_until)


def _parse_roles(text: str) -> frozenset[str]:
    return frozenset(role.strip() for role in text.split(";") if role.strip())


COLUMNS = (
    Column("assessor_id", parse_shared_text),
    Column("kind", parse_shared_text),
    Column("roles", _parse_roles),
    Column("external", parse_yes_no),
    Column("calibrated_from", parse_optional_day),
    Column("calibrated_until", parse_optional_day),
    Column("active_from", parse_optional_day),
    Column("active_until", parse_optional_day),
)


def parse_assessors(file: str, data: bytes, problems: ProblemCollector) -> dict[str, Assessor]:
    """Read `assessors.csv`, by id."""
    table = parse_table(file, data, COLUMNS, problems)
    return {row.id: row for _, row in table.read(COLUMNS, Assessor)} if table is not None else {}
