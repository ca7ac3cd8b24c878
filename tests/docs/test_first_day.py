"""The five first-day pages are played in order, every line as it is typed, and show what they say they show."""

from collections.abc import Iterator

import pytest

from examples.network import CONFLUENCE, LANTERN, TIDEWATER, admit, found
from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint
from tests.shared import shared_path

ROLES = ("operator", "registrar", "learner", "admissions", "auditor")
PORTS = {"confluence": "8480", "lantern": "8482", "tidewater": "8484"}
"""Where the pages say that these nodes answer over HTTP."""


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    """The network as the first page finds it: founded, with two members besides itself, its trust root written."""
    stage = QuietStage()
    try:
        http = found(stage, (CONFLUENCE, LANTERN, TIDEWATER))
        admit(stage, (CONFLUENCE, LANTERN, TIDEWATER))
        yield Rehearsal(stage, {PORTS[name]: url.rpartition(":")[2] for name, url in http.items()})
    finally:
        stage.close(keep=False)


@pytest.mark.parametrize("role", ROLES)
def test_a_first_day_goes_as_its_page_says(rehearsal: Rehearsal, role: str) -> None:
    """Every command of the page ends as documented and shows the documented lines."""
    played = list(rehearsal.play(ROOT / "docs" / f"first-day-{role}.md"))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert 8 <= len(played) <= 20, "about ten commands"


def test_then_the_network_countersigns_a_badge(rehearsal: Rehearsal) -> None:
    """What docs/credentials.md shows goes on from there."""
    home = rehearsal.stage.folder / "home" / "credentials"
    home.mkdir()
    (home / "jsonld-contexts").symlink_to(shared_path("vectors/formats/contexts"))
    played = list(rehearsal.play(ROOT / "docs" / "credentials.md"))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 8


def test_a_learner_takes_badges_elsewhere(rehearsal: Rehearsal) -> None:
    """After the five pages: from a claim link to a file for other wallets, and a record of several."""
    contexts = shared_path("vectors/formats/contexts")
    home = rehearsal.stage.folder / "home" / "badges"
    home.mkdir(parents=True)
    (home / "jsonld-contexts").symlink_to(contexts)
    played = list(Rehearsal(rehearsal.stage, rehearsal.addresses).play(ROOT / "docs" / "badges.md"))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
