"""The page about evidence and diplomas: every line as it is typed, every outcome and reason explained."""

import re
from collections.abc import Iterator

import pytest

from ledger.mastery.evaluate import DiplomaOutcome
from ledger.mastery.judgment import Outcome, Reason
from ledger.mastery.verdict import Status
from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint

PAGE = ROOT / "docs" / "mastery.md"


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """An empty folder beside the examples."""
    stage = QuietStage()
    try:
        yield Rehearsal(stage)
    finally:
        stage.close(keep=False)


def first_cells(heading: str) -> set[str]:
    table = re.search(rf"^\| {heading} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert table is not None
    return {line.strip("|").split("|")[0].strip().strip("`") for line in table[1].splitlines()}


def test_the_page_shows_what_really_happens(rehearsal: Rehearsal) -> None:
    """Every command ends as the page says and shows what it says."""
    played = list(rehearsal.play(PAGE))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 8


def test_every_outcome_and_reason_is_explained() -> None:
    """Those of items, requirements and diplomas; none that does not exist."""
    assert first_cells("outcome") == {*Outcome, *Status, *DiplomaOutcome, "WAIVED"}
    assert first_cells("reason") == set(Reason)
