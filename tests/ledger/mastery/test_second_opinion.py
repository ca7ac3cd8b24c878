"""Two evaluators, written apart, on data sets nobody looked at."""

from collections import Counter

from hypothesis import given, settings

from ledger.mastery import evaluate
from ledger.mastery.dataset import parse_dataset
from tests.ledger.mastery.naive_diploma import NaiveDiploma
from tests.ledger.mastery.sample import Files, read_rows, results
from tests.ledger.mastery.worlds import make_files, worlds


@given(worlds())
@settings(max_examples=150)
def test_both_evaluators_agree(files: Files) -> None:
    """Every row of every random data set is the same, to the byte."""
    naive = NaiveDiploma(files)
    assert results(files).decode() == naive.results().decode()
    sharing = evaluate.encode_sharing(evaluate.decide_all_sharing(parse_dataset(files)))
    assert sharing == naive.sharing()


def test_random_data_sets_reach_every_reason() -> None:
    """The agreement means something: all reason codes and outcomes occur among the random data sets."""
    seen: Counter[str] = Counter()
    for seed in range(120):
        for row in read_rows(results(make_files(seed, 3, 12))):
            seen[row["reason_code"]] += 1
    expected = {
        "MASTERED", "MASTERED_BY_TRANSFER", "NO_EVIDENCE", "MISSING_SOURCE", "TOO_FEW_SOURCES", "TOO_FEW_ASSESSORS",
        "BELOW_FLOOR", "BELOW_THRESHOLD", "NO_SIGNOFF", "STALE_SIGNOFF", "SIGNOFF_DECLINED", "MISSING_CHILD",
        "TOO_FEW_CHILDREN", "MET", "UNMET", "PENDING", "WAIVED", "NOT_AWARDED",
    }  # fmt: skip
    assert expected <= seen.keys()
