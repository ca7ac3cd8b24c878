"""The page about backups: every line as it is typed, the fire included."""

from collections.abc import Iterator

import pytest

from examples.network import CONFLUENCE, GRANITE, LANTERN, TIDEWATER, admit, found
from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint

EVERYBODY = (CONFLUENCE, GRANITE, LANTERN, TIDEWATER)


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """A network of four, of whom Granite Hollow High has awarded five diplomas."""
    stage = QuietStage()
    try:
        found(stage, EVERYBODY)
        admit(stage, EVERYBODY)
        for file in ("sample/requirements/granite-hollow.json", "achievements/granite-hollow.json"):
            stage.run("cairn-node", "publish", "granite", f"examples/{file}")
        csv = ("--csv", "examples/awards/granite-hollow.csv")
        stage.run("cairn-node", "issue", "granite", *csv, "--achievement", "urn:cairn:achievement:granite-hollow")
        stage.run("cairn-node", "cut", "granite")
        stage.settle("granite")
        yield Rehearsal(stage)
    finally:
        stage.close(keep=False)


def test_the_way_back_goes_as_the_page_says(rehearsal: Rehearsal) -> None:
    """Every command ends as documented and shows the documented lines."""
    played = list(rehearsal.play(ROOT / "docs" / "backup.md"))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 15
