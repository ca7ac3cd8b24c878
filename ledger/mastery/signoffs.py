"""Sign-offs: a person's decision about an item, an award or a subject of its own such as a learning plan.

Human judgments are inputs: no passing of time implies one.
"""

from dataclasses import dataclass
from datetime import date

from ledger.mastery.days import parse_day
from ledger.mastery.exact import parse_whole
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import Column, choice, parse_shared_text, parse_table, parse_text

APPROVE = "approve"
DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Signoff:
    """One decision."""

    id: str
    seq: int
    learner: str
    subject: str
    signer: str
    decision: str
    signed_on: date

    @property
    def is_approval(self) -> bool:
        """Whether the signer said yes."""
        return self.decision == APPROVE

    @property
    def order(self) -> tuple[date, int, str]:
        """What "latest" means. The id settles what two rows with one `seq` would leave open."""
        return self.signed_on, self.seq, self.id


COLUMNS = (
    Column("signoff_id", parse_text),
    Column("seq", parse_whole),
    Column("learner_id", parse_shared_text),
    Column("subject", parse_shared_text),
    Column("signer_id", parse_shared_text),
    Column("decision", choice(APPROVE, DECLINE)),
    Column("signed_on", parse_day),
)


def parse_signoffs(file: str, data: bytes, problems: ProblemCollector) -> list[Signoff]:
    """Read `signoffs.csv`, in its order."""
    table = parse_table(file, data, COLUMNS, problems)
    return [row for _, row in table.read(COLUMNS, Signoff)] if table is not None else []
