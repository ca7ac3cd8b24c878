"""The page about registrars at other computers: every line as it is typed, and every role and outcome explained."""

import re
from collections.abc import Iterator

import pytest

from node.registrar.people.roles import ACTS, MEANINGS
from node.registrar.people.trail import Outcome
from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint

PAGE = ROOT / "docs" / "registrars.md"


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """An empty folder beside the examples."""
    stage = QuietStage()
    try:
        yield Rehearsal(stage)
    finally:
        stage.close(keep=False)


def rows(heading: str) -> dict[str, str]:
    table = re.search(rf"^\| {heading} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert table is not None
    cells = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table[1].splitlines()]
    return {row[0].strip("`"): row[1] for row in cells}


def test_the_page_shows_what_really_happens(rehearsal: Rehearsal) -> None:
    """Every command ends as the page says and shows what it says."""
    played = list(rehearsal.play(PAGE))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 12


def test_every_role_act_and_outcome_is_explained() -> None:
    """In the words of the code."""
    assert rows("role") == {role.value: words for role, words in MEANINGS.items()}
    assert set(rows("outcome")) == set(Outcome)
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{act}`" in text for act in ACTS)
