"""Credentials a learner already holds: micro-credentials, badges, state-issued units."""

from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import parse_day, parse_optional_day
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, parse_shared_text, parse_table, parse_text


@dataclass(frozen=True, slots=True)
class Holding:
    """One credential of a learner; valid without end where `valid_until` is None."""

    id: str
    learner: str
    code: str
    issuer: str
    issued_on: date
    valid_until: date | None

    def is_valid(self, day: date) -> bool:
        """Whether it was issued by a day and had not run out."""
        return self.issued_on <= day and (self.valid_until is None or day <= self.valid_until)


COLUMNS = (
    Column("credential_id", parse_text),
    Column("learner_id", parse_shared_text),
    Column("achievement_code", parse_shared_text),
    Column("issuer_id", parse_shared_text),
    Column("issued_on", parse_day),
    Column("valid_until", parse_optional_day),
)


def parse_holdings(file: str, data: bytes, problems: ProblemCollector) -> list[Holding]:
    """Read `credentials.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    return [row for _, row in table.read(COLUMNS, Holding)] if table is not None else []
