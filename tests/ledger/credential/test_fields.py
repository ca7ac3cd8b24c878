"""Fields: the names of what can be shown, and what must never be hidden."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential import fields, sdjwt
from ledger.credential.disclosure import Path
from ledger.credential.issuance import issue_sd_jwt
from ledger.errors import RuleError
from tests.ledger.credential.award import ACHIEVEMENT, CONTENT, ISSUED_AT, ISSUER_KEY, PLAIN, mint, seeded

TOKEN = mint()
NAMES = [
    "awarded_on",
    "credits",
    "date_of_birth",
    "email",
    "name",
    "replaces",
    "result.R1",
    "result.R2",
    "result.R5",
]


def test_fields_have_the_names_people_use() -> None:
    """Every field by name, with its value in words."""
    assert {name: field.value for name, field in fields.field_names(TOKEN).items()} == {
        "awarded_on": "2026-06-12",
        "credits": "7.5",
        "date_of_birth": "2008-02-29",
        "email": "zoe@example.org",
        "name": "Zoë Sample",
        "replaces": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "result.R1": "met",
        "result.R2": "met",
        "result.R5": "waived",
    }
    assert sorted(fields.field_names(mint(PLAIN))) == ["awarded_on", "name"]


@given(st.sets(st.sampled_from(NAMES)))
def test_only_what_was_chosen_is_shown(names: set[str]) -> None:
    """A selection discloses exactly the named fields, and still verifies."""
    shown = fields.select_fields(TOKEN, names)
    verified = sdjwt.verify_sd_jwt(shown, ISSUER_KEY.public, now=ISSUED_AT * 1000)
    assert fields.name_fields(verified.shown).keys() == names
    text = str(verified.payload)
    assert ("Zoë" in text) == ("name" in names)
    assert ("2008-02-29" in text) == ("date_of_birth" in names)


@pytest.mark.parametrize("name", ["nme", "result.R3", "ld.id", "", "identifier"])
def test_unknown_fields_are_refused(name: str) -> None:
    """A name that is no field of this copy is refused, with a list of those that are."""
    with pytest.raises(RuleError, match="has no field") as caught:
        fields.select_fields(TOKEN, ["name", name])
    assert caught.value.hint == f"it can show {', '.join(NAMES)}"


def test_declared_fields_are_those_any_copy_may_have() -> None:
    """The list depends on the achievement alone and holds every field a copy has."""
    declared = fields.declared_fields(ACHIEVEMENT)
    assert declared == (
        "name",
        "email",
        "date_of_birth",
        "awarded_on",
        "credits",
        *(f"result.R{n}" for n in range(1, 6)),
        "statement",
        "replaces",
        "evaluation",
    )
    assert set(NAMES) < set(declared)


def test_nothing_is_missing_in_our_copies() -> None:
    """What must stand in clear does, with everything hidden too."""
    for content in (CONTENT, PLAIN):
        token = fields.select_fields(mint(content), [])
        assert fields.missing_in_clear(sdjwt.parse_sd_jwt(token).payload) == ()


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (("ld", "issuer"), ["ld.issuer"]),
        (("ld", "issuer", "name"), ["ld.issuer"]),
        (("ld", "validFrom"), ["ld.validFrom"]),
        (("ld", "type"), ["ld.type"]),
        (("ld", "type", 0), ["ld.type"]),
        (("ld", "credentialSubject", "id"), ["ld.credentialSubject.id"]),
        (("ld", "credentialSubject", "achievement"), ["ld.credentialSubject.achievement"]),
        (("ld", "credentialSubject", "achievement", "criteria"), ["ld.credentialSubject.achievement"]),
        (
            ("ld", "credentialSubject"),
            ["ld.credentialSubject.id", "ld.credentialSubject.type", "ld.credentialSubject.achievement"],
        ),
    ],
)
def test_what_can_be_hidden_counts_as_missing(path: Path, missing: list[str]) -> None:
    """A never-hideable field that was hidden is missing, also where its disclosure is there."""
    claims = sdjwt.verify_sd_jwt(TOKEN, ISSUER_KEY.public, now=ISSUED_AT * 1000).payload
    token = issue_sd_jwt(claims, [path], sign=ISSUER_KEY.sign, draw=seeded("x"))
    assert list(fields.missing_in_clear(sdjwt.parse_sd_jwt(token).payload)) == missing


def test_what_is_not_there_is_missing() -> None:
    """A credential of another kind lacks nearly all of it."""
    assert len(fields.missing_in_clear({"vct": "x", "ld": None})) == len(fields.NEVER_HIDEABLE) - 1


def test_foreign_fields_are_called_by_their_path() -> None:
    """What has no name of ours, or one that is taken, is still listed and can be selected."""
    claims: dict[str, Any] = {
        "vct": "https://other.example/type",
        "given_name": "Ada",
        "address": {"city": "Paris", "since": [1999, True, None]},
        "ld": {
            "credentialSubject": {
                "identifier": [
                    {"identityType": "name", "identityHash": "Ada"},
                    {"identityType": "name", "identityHash": "Countess"},
                    {"identityType": "userName", "identityHash": "ada"},
                ],
                "result": [{"achievedLevel": "urn:x"}],
            }
        },
    }
    subject = ("ld", "credentialSubject")
    paths: list[Path] = [("given_name",), ("address",), *((*subject, "identifier", n) for n in range(3))]
    paths.append((*subject, "result", 0))
    token = issue_sd_jwt(claims, paths, sign=ISSUER_KEY.sign, draw=seeded("x"))
    assert {name: field.value for name, field in fields.field_names(token).items()} == {
        "given_name": "Ada",
        "address": "city: Paris, since: 1999, yes, ",
        "name": "Ada",
        "ld.credentialSubject.identifier.1": "Countess",
        "ld.credentialSubject.identifier.2": "ada",
        "ld.credentialSubject.result.0": "urn:x",
    }
    assert fields.field_names(fields.select_fields(token, ["given_name"])).keys() == {"given_name"}


def test_an_achievement_with_other_results_has_other_fields() -> None:
    """Names of results come from the achievement the copy carries."""
    content = replace(CONTENT, results=(("R4", "met"),))
    assert "result.R4" in fields.field_names(mint(content))
    assert "result.R1" not in fields.field_names(mint(content))
