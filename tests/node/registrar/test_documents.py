"""Documents name themselves, and the sample's are recognised."""

import json
from pathlib import Path

import pytest

from ledger.credential.openbadge import parse_achievement
from ledger.errors import MalformedError, RuleError
from ledger.log.records import DocumentName, DocumentType
from node.registrar.documents import derive_achievement, read_document
from tests.node.registrar.desks import achievement_json

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample"


@pytest.mark.parametrize(
    ("file", "kind"),
    [("framework.json", DocumentType.FRAMEWORK), ("requirements/lantern.json", DocumentType.REQUIREMENT_SET)],
)
def test_the_sample_is_recognised(file: str, kind: DocumentType) -> None:
    document = read_document((SAMPLE / file).read_bytes(), document_id="" if "req" in file else "stonepath", version=1)
    assert document.type is kind


def test_a_requirement_set_and_its_achievement_have_two_names() -> None:
    requirements = read_document((SAMPLE / "requirements" / "lantern.json").read_bytes())
    achievement = derive_achievement(requirements, "https://ledger.example/m/abc")

    assert requirements.name == DocumentName("requirements/lantern", 1)
    assert (achievement.name, achievement.type) == (DocumentName("lantern", 1), DocumentType.ACHIEVEMENT)
    assert parse_achievement(achievement.data).id == "https://ledger.example/m/abc/achievements/lantern/1"
    assert derive_achievement(requirements, "https://ledger.example/m/abc") == achievement


def test_an_achievement_is_named_after_its_url() -> None:
    assert read_document(achievement_json("dual", 4)).name == DocumentName("dual", 4)


def test_names_can_be_given() -> None:
    document = read_document(b'{"rules": []}', document_id="rules", version=2)
    assert (document.name, document.type) == (DocumentName("rules", 2), DocumentType.RULE)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"[]", {}, "document"),
        (b"{}", {}, "its type is not one of"),
        (b'{"rules": []}', {}, "id of 1 to 200 characters"),
        (b'{"rules": [], "id": "a"}', {}, "no version"),
        (b'{"rules": []}', {"type_name": "poem"}, "its type is not one of"),
        (b'{"type": "Achievement", "id": "urn:x:1"}', {}, "achievement"),
    ],
)
def test_refused(data: bytes, options: dict[str, str], message: str) -> None:
    with pytest.raises(MalformedError, match=message) as refusal:
        read_document(data, type_name=options.get("type_name", ""))
    assert str(refusal.value)


def test_only_requirement_sets_have_an_achievement() -> None:
    with pytest.raises(RuleError, match="only a requirement set"):
        derive_achievement(
            read_document(json.dumps({"rules": []}).encode(), document_id="r", version=1), "https://x.example"
        )
