"""The page about corrections is played from top to bottom: the registrar's side and the learner's, with real nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.network import EVERYBODY, GRANITE, URN, admit, found
from tests.docs.rehearsal import ANSWERS, ROOT, QuietStage, Rehearsal, complaint, reader_environment
from tests.docs.terminal import type_line

PAGE = ROOT / "docs" / "corrections.md"
HOLDERS = ("L01", "L02")


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """The network, a school that has awarded and cut, and a wallet with two of its diplomas."""
    stage = QuietStage()
    try:
        http = found(stage, EVERYBODY)
        admit(stage, EVERYBODY)
        for document in (*(f"sample/{name}" for name in GRANITE.documents), "achievements/granite-hollow.json"):
            stage.run("cairn-node", "publish", "granite", f"examples/{document}")
        achievement = f"{URN}granite-hollow"
        stage.run(
            "cairn-node",
            "issue",
            "granite",
            "--csv",
            "examples/awards/granite-hollow.csv",
            "--achievement",
            achievement,
        )
        made = Rehearsal(stage)
        home = stage.folder / "home" / PAGE.stem
        home.mkdir()
        _type(stage, home, "cairn init")
        _type(stage, home, f"cairn sync --trust confluence.trust.json --node {http['granite']}")
        for learner in HOLDERS:
            (link,) = stage.ask("cairn-node", "offer", "granite", "--learner", learner)
            _type(stage, home, f"cairn receive '{link['link']}' --tx-code {link['tx_code']} --copies 1")
        stage.run("cairn-node", "cut", "granite")
        stage.settle("granite")
        _type(stage, home, "cairn refresh")
        yield made
    finally:
        stage.close(keep=False)


def _type(stage: QuietStage, home: Path, line: str) -> None:
    seen = type_line(line, stage.folder, reader_environment(stage, home), ANSWERS)
    assert seen.exit_code == 0, "\n".join(seen.lines)


def test_the_page_shows_what_really_happens(rehearsal: Rehearsal) -> None:
    """Every command ends as the page says and shows what it says."""
    played = list(rehearsal.play(PAGE))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 20
