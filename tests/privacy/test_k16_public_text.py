"""K16, free text in public entries: `Requirement set for the autism unit`.

Answer: batches and pages have no text. What is published has, and can never be taken back, so `cairn-node publish` names what
may be about a person and publishes nothing until somebody says that it was read; `explain-privacy` looks at ids that stand.
"""

import json
from pathlib import Path

import pytest

from node.privacy.publictext import find_remarks, review_document
from tests.node.commands.cli import Shell

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    path
    for folder in ("achievements", "sample")
    for path in sorted((ROOT / "examples" / folder).rglob("*.json"))
    if path.name != "dataset.json"
]
PLANTED = {
    "title": "Requirement set for the autism unit",
    "id": "resource-room",
    "criteria": {"narrative": "Ask Ann Doe, ann.doe@school.example, +1 207 555 0100"},
    "notes": [{"text": "replaces 123-45-6789"}],
}


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)


def review(value: object) -> tuple[str, ...]:
    return review_document(json.dumps(value).encode(), 1 << 20)


def test_k16_planted_texts_are_found_and_never_repeated() -> None:
    """Control: each kind, with the place where it stands."""
    found = review(PLANTED)
    assert found == (
        "title says 'autism'",
        "id says 'resource room'",
        "criteria.narrative looks as if it held an e-mail address",
        "criteria.narrative looks as if it held a telephone number",
        "notes[0].text looks as if it held a social security number",
    )
    assert "ann.doe" not in str(found) and "6789" not in str(found)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_k16_what_schools_publish_every_day_has_no_remark(path: Path) -> None:
    assert review_document(path.read_bytes(), 1 << 24) == ()


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-15",
        "https://ledger.example/m/a/1",
        "RFC 9901-1",
        "v1.2.3-4",
        "Wells, cells and novelles",
        "Ellsworth",
        "8-4-2026",
    ],
)
def test_k16_ordinary_text_has_no_remark(text: str) -> None:
    assert list(find_remarks(text)) == []


def test_k16_items_of_a_framework_may_be_about_anything_but_people() -> None:
    """What learners learn is not who they are; an address is somebody's all the same."""
    items = [{"fullStatement": "Explain why refugees leave, and what dyslexia is"}, {"notes": "by ann@school.example"}]
    assert review({"CFDocument": {"title": "Civics"}, "CFItems": items}) == (
        "CFItems[1].notes looks as if it held an e-mail address",
    )
    assert review({"CFDocument": {"title": "Civics for refugees"}}) == ("CFDocument.title says 'refugees'",)


def test_k16_publish_stops_until_somebody_has_read_it(shell: Shell, tmp_path: Path) -> None:
    """No node runs here, so whoever gets past the review is told that."""
    directory, file = shell.found("granite"), tmp_path / "set.json"
    file.write_text(json.dumps(PLANTED))
    said = shell("publish", directory, file)
    assert said.code == 1
    assert "remark: title says 'autism'" in said.err
    assert "publish: 5 remarks" in said.err and "--reviewed" in said.err
    past = shell("publish", directory, file, "--reviewed")
    assert past.code == 3 and "remark: title says 'autism'" in past.err
    file.write_text(json.dumps({"title": "Requirement set"}))
    assert "remark" not in shell("publish", directory, file).err


@pytest.mark.parametrize("piece", ["a", "1 ", "+1 ", "(", "@a", "a@", ".", "-a"])
@pytest.mark.timeout(20)
def test_k16_a_document_without_end_is_looked_through_in_time_that_follows_its_length(piece: str) -> None:
    """Also one that is no JSON at all; by the square of its length, half a megabyte took a minute."""
    text = piece * (1 << 18)
    assert not any("social security" in remark for remark in find_remarks(text))
    review_document(b'{"a":' * 100_000 + text.encode(), 8 << 20)
