"""Evidence: one row for each piece, who judged it, when it was seen and when it was written down.

`setting` and `context` are not read: out-of-school evidence counts like any other.
"""

from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import parse_day
from ledger.mastery.exact import parse_whole
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.scales import Scales
from ledger.mastery.table import Column, choice, parse_optional_text, parse_shared_text, parse_table, parse_text

JUDGING = "judging"
PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence. `seq` is the order of recording."""

    id: str
    seq: int
    learner: str
    item: str
    source_type: str
    purpose: str
    """`judging`, or `practice`, which informs learning only."""
    scale: str
    value: str
    observed_on: date
    recorded_on: date
    assessor: str

    @property
    def order(self) -> tuple[date, int, str]:
        """What "latest" means. The id settles what two rows with one `seq` would leave open."""
        return self.observed_on, self.seq, self.id


COLUMNS = (
    Column("evidence_id", parse_text),
    Column("seq", parse_whole),
    Column("learner_id", parse_shared_text),
    Column("item_code", parse_shared_text),
    Column("source_type", parse_shared_text),
    Column("purpose", choice(JUDGING, PRACTICE)),
    Column("scale", parse_shared_text),
    Column("value", parse_shared_text),
    Column("observed_on", parse_day),
    Column("recorded_on", parse_day),
    Column("assessor_id", parse_optional_text),
)


def parse_evidence(file: str, data: bytes, scales: Scales | None, problems: ProblemCollector) -> list[Evidence]:
    """Read `evidence.csv`, in its order. A number that is off its scale is a problem of the file."""
    table = parse_table(file, data, COLUMNS, problems)
    if table is None:
        return []
    rows: list[Evidence] = []
    known: dict[tuple[str, str], bool] = {}
    for place, row in table.read(COLUMNS, Evidence):
        key = row.scale, row.value
        if key not in known:
            known[key] = scales is None or scales.is_readable(*key)
        if not known[key]:
            table.complain(place, "value", f"{row.value[:40]!r} is not on the scale {row.scale}")
        rows.append(row)
    return rows
