"""The README's own network is founded as it says, every line as it is typed; its other commands exist."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.rehearsal import ROOT, QuietStage, Rehearsal, complaint

README = ROOT / "README.md"


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    """An empty folder beside the examples."""
    stage = QuietStage()
    try:
        yield Rehearsal(stage)
    finally:
        stage.close(keep=False)


def test_a_newcomer_can_found_the_network_of_the_readme(rehearsal: Rehearsal) -> None:
    """Every command ends as the README says and shows what it says."""
    played = list(rehearsal.play(README))
    wrong = [complaint(typed, seen, problem) for typed, seen, problem in played if problem]
    assert not wrong, "\n\n".join(wrong)
    assert len(played) >= 15


def test_every_make_target_of_the_readme_exists() -> None:
    """What stands in a `sh` block of the README and of the documentation is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set()
    for page in (README, ROOT / "docs" / "README.md"):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            named |= set(re.findall(r"^make ([a-z-]+)", block, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    """Files named in Markdown links, and Markdown files named in running text, are there."""
    missing = []
    for page in (README, *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"\]\(([^):#]+)\)", text) + re.findall(r"`((?:[a-z]+/)*[\w.-]+\.(?:md|toml))`", text):
            if not name.endswith("node.toml") and not any((folder / name).exists() for folder in (page.parent, ROOT)):
                missing.append(f"{page.name}: {name}")
    assert missing == []
