"""The page about misfortunes is played on a real network: damage, a lost store, a fire, each as it is told."""

import tomllib
from collections.abc import Iterator

import pytest

from examples.network import CONFLUENCE, LANTERN, TIDEWATER, URN, Institution, admit, found
from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint

PORTS = {
    "8482": (LANTERN, "http_listen"),
    "8483": (LANTERN, "grpc_listen"),
    "8485": (TIDEWATER, "grpc_listen"),
}
"""Where the page says that these nodes answer."""


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    """Lantern Academy as a member that has awarded, with a key backup on a stick."""
    stage = QuietStage()
    everybody = (CONFLUENCE, LANTERN, TIDEWATER)

    def port(one: Institution, setting: str) -> str:
        config = tomllib.loads((stage.folder / one.folder / "node.toml").read_text())
        return str(config[setting]).rpartition(":")[2]

    try:
        found(stage, everybody)
        admit(stage, everybody)
        for document in LANTERN.documents:
            stage.run("cairn-node", "publish", "lantern", f"examples/sample/{document}")
        stage.run("cairn-node", "publish", "lantern", f"examples/achievements/{LANTERN.achievement}.json")
        csv = f"examples/awards/{LANTERN.achievement}.csv"
        stage.run("cairn-node", "issue", "lantern", "--csv", csv, "--achievement", URN + LANTERN.achievement)
        stage.run("cairn-node", "cut", "lantern")
        stage.settle("lantern")
        yield Rehearsal(stage, {named: port(*where) for named, where in PORTS.items()})
    finally:
        stage.close(keep=False)


def test_every_misfortune_ends_as_its_page_says(rehearsal: Rehearsal) -> None:
    """Every command of the page ends as documented and shows the documented lines."""
    played = list(rehearsal.play(ROOT / "docs" / "disaster.md"))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) > 10
