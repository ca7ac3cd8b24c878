"""Award lists: the awarded learners of one diploma as CSV, in the columns from which a registrar issues (README 11).

Here alone a name is read, from the roster, because a diploma bears one; nothing of the evidence gets into the list.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ledger import canonical
from ledger.canonical import Fields
from ledger.credential.evaluation import COLUMNS, encode_columns
from ledger.errors import MalformedError
from ledger.mastery import exact, table
from ledger.mastery.dataset import Dataset
from ledger.mastery.digest import Transcript, make_transcript, parse_transcript, record_evaluation
from ledger.mastery.evaluate import DiplomaOutcome, Evaluation
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.requirements import RequirementSet

NAME_COLUMNS = ("name", "fictional_name")
"""What a roster may call the column with the names; the first that is there counts."""
MAX_TRANSCRIPT_BYTES = 64 * 1024 * 1024


def parse_names(file: str, data: bytes, problems: ProblemCollector) -> dict[str, str]:
    """Names by learner id, from the bytes of the roster; without a column of names, that is a problem."""
    first = data.partition(b"\n")[0].decode("utf-8", "replace")
    header = first.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").removesuffix("\r").replace('"', "").split(",")
    column = next((name for name in NAME_COLUMNS if name in header), NAME_COLUMNS[0])
    columns = (table.Column("learner_id", table.parse_shared_text), table.Column(column, _parse_name))
    found = table.parse_table(file, data, columns, problems)
    return dict(pair for _, pair in found.read(columns, lambda *pair: pair)) if found is not None else {}


class AwardLists:
    """The list of every diploma of a data set, filled evaluation by evaluation; only the rows are kept."""

    def __init__(self, dataset: Dataset, names: Mapping[str, str], *, has_transcripts: bool = False) -> None:
        """Begin with headers alone.

        Args:
            dataset: where the evaluations come from; its `asOf` is the day of the awards.
            names: by learner id.
            has_transcripts: whether to keep those too, for `encode_transcripts`.
        """
        self._day = dataset.as_of.isoformat()
        self._names = names
        self._born = {learner.id: learner.born_on.isoformat() for learner in dataset.learners}
        self._has_transcripts = has_transcripts
        self._transcripts: dict[str, list[bytes]] = {one: [] for one in dataset.requirement_sets}
        self._rows = {one.id: [_header(one)] for one in dataset.requirement_sets.values()}

    def add(self, evaluation: Evaluation) -> None:
        """Put a learner on the list, if the diploma is awarded."""
        if evaluation.outcome is not DiplomaOutcome.AWARDED:
            return
        definition, learner = evaluation.definition, evaluation.learner
        total = [exact.show(count_credits(evaluation))] if definition.awards else []
        results = [found.outcome.lower() for found in evaluation.requirements]
        transcript = make_transcript(evaluation)
        decided = encode_columns(record_evaluation(evaluation, transcript)).values()
        row = (learner, self._names[learner], self._born[learner], self._day, *total, *results, *decided)
        self._rows[definition.id].append(row)
        if self._has_transcripts:
            line = canonical.encode({"learner": learner, "transcript": transcript.to_json()})
            self._transcripts[definition.id].append(line + b"\n")

    def encode(self) -> dict[str, bytes]:
        """Each list as CSV, by the diploma's id; learners in the order they were added."""
        return {diploma: table.encode_table(rows) for diploma, rows in self._rows.items()}

    def encode_transcripts(self) -> dict[str, bytes]:
        """What each list rests on, by the diploma's id: one line of canonical JSON a learner. Private."""
        return {diploma: b"".join(lines) for diploma, lines in self._transcripts.items()}


def find_transcript(data: bytes, learner: str) -> Transcript | None:
    """One learner's transcript in what `encode_transcripts` wrote; None if there is none.

    Raises:
        MalformedError: it was not written so.
    """
    for line in data.splitlines():
        found = Fields(canonical.parse(line, max_bytes=MAX_TRANSCRIPT_BYTES), "transcript")
        if found.text("learner", max_length=table.MAX_CELL_CHARACTERS) == learner:
            return parse_transcript(found.object("transcript"))
    return None


def count_credits(evaluation: Evaluation) -> Fraction:
    """All credits of the awards that are mastered, whatever their tier."""
    mastered = {one.code for one in evaluation.awards if one.is_mastered}
    return sum((award.credits for award in evaluation.definition.awards if award.code in mastered), Fraction(0))


def _header(definition: RequirementSet) -> Sequence[str]:
    results = (f"result.{requirement.id}" for requirement in definition.requirements)
    person = ("learner_id", "name", "date_of_birth", "awarded_on")
    return *person, *(["credits"] if definition.awards else []), *results, *COLUMNS


def _parse_name(text: str) -> str:
    if not text.strip():
        raise MalformedError("is empty")
    return text
