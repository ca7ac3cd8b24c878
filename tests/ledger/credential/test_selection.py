"""Tests of ledger.credential.selection."""

from typing import Any

import pytest

from ledger.credential.disclosure import Path, format_path
from ledger.credential.issuance import issue_sd_jwt
from ledger.credential.sdjwt import parse_sd_jwt, verify_sd_jwt
from ledger.credential.selection import list_disclosable, select_disclosures
from ledger.errors import CairnError, MalformedError, RuleError
from tests.ledger.credential.tokens import EXAMPLES, ISSUER, NOW, bound, counter, disclosure, present, token
from tests.shared import shared_path

CLAIMS: dict[str, Any] = bound(
    name="Ada",
    ld={
        "subject": {"name": "Ada L.", "email": "a@b.example", "result": [{"code": "X", "value": 1}, {"code": "Y"}]},
        "address": {"country": "IT", "city": "Turin"},
    },
)
PATHS: list[Path] = [
    ("name",),
    ("ld", "subject", "name"),
    ("ld", "subject", "email"),
    ("ld", "subject", "result", 0),
    ("ld", "subject", "result", 0, "value"),
    ("ld", "subject", "result", 1),
    ("ld", "address"),
    ("ld", "address", "city"),
]
ISSUED = issue_sd_jwt(CLAIMS, PATHS, sign=ISSUER.sign, draw=counter(), decoys={("ld", "subject"): 8})


def shown(text: str) -> set[str]:
    return {format_path(one.path) for one in verify_sd_jwt(text, ISSUER.public, now=NOW).shown}


def test_everything_that_can_be_hidden_is_listed() -> None:
    """With the values people would see, outer ones whole."""
    listed = {one.path: one.value for one in list_disclosable(ISSUED)}
    assert listed.keys() == set(PATHS)
    assert listed[("ld", "address")] == {"country": "IT", "city": "Turin"}
    assert listed[("ld", "subject", "result", 0)] == {"code": "X", "value": 1}


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([], set()),
        ([("name",)], {"name"}),
        (["name"], {"name"}),
        (["email"], {"ld.subject.email"}),
        (["subject.name"], {"ld.subject.name"}),
        (["city"], {"ld.address", "ld.address.city"}),
        (["address"], {"ld.address"}),
        (["result.0"], {"ld.subject.result.0"}),
        ([("ld", "subject", "result", 0, "value")], {"ld.subject.result.0", "ld.subject.result.0.value"}),
        (["result"], {"ld.subject.result.0", "ld.subject.result.0.value", "ld.subject.result.1"}),
        (["name", "email", "name"], {"name", "ld.subject.email"}),
        (["ld"], {format_path(path) for path in PATHS if path[0] == "ld"}),
    ],
)
def test_choices_take_what_they_need_and_no_more(choices: list[Path | str], expected: set[str]) -> None:
    """By path, dotted path or its end; outer disclosures come along, inner and neighbouring ones do not."""
    assert shown(select_disclosures(ISSUED, choices)) == expected


def test_inner_values_come_when_asked_for() -> None:
    """`include_nested` takes all that can be hidden inside a choice."""
    assert shown(select_disclosures(ISSUED, ["address"], include_nested=True)) == {"ld.address", "ld.address.city"}


def test_a_selection_keeps_the_signed_text_and_the_order() -> None:
    """Choosing in another order, or from a presentation, gives the same token."""
    first = select_disclosures(ISSUED, ["email", "name"])
    assert first == select_disclosures(ISSUED, ["name", "email"])
    assert first == select_disclosures(present(first), ["name", "email"])
    assert parse_sd_jwt(first).issuer_jwt == parse_sd_jwt(ISSUED).issuer_jwt
    assert select_disclosures(ISSUED, PATHS) == ISSUED


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("phone", "nothing called 'phone' can be shown or hidden"),
        ("country", "nothing called 'country'"),
        ("vct", "nothing called 'vct'"),
        ("", "nothing called ''"),
        ("me", "nothing called 'me'"),
        (("ld", "phone"), "nothing called 'ld.phone'"),
        ((), "nothing called ''"),
    ],
)
def test_unknown_choices_name_the_known_ones(choice: Path | str, message: str) -> None:
    """Also for what stands in clear anyway; the hint lists what there is."""
    with pytest.raises(RuleError, match=message) as caught:
        select_disclosures(ISSUED, [choice])
    assert "ld.subject.email" in caught.value.hint


def test_ambiguous_choices_are_refused() -> None:
    """Two claims of one name need their paths."""
    claims = {"vct": "x", "a": {"code": 1}, "b": {"code": 2}}
    text = issue_sd_jwt(claims, [("a", "code"), ("b", "code")], sign=ISSUER.sign, draw=counter())
    with pytest.raises(RuleError, match=r"'code' may mean a\.code, b\.code"):
        select_disclosures(text, ["code"])
    assert shown(select_disclosures(text, ["b.code"])) == {"b.code"}


def test_a_credential_that_hides_nothing_says_so() -> None:
    """Nothing to list, nothing to choose."""
    text = token(bound())
    assert list_disclosable(text) == ()
    with pytest.raises(RuleError) as caught:
        select_disclosures(text, ["name"])
    assert caught.value.hint == "it hides nothing"


@pytest.mark.parametrize(
    ("text", "error"), [("junk", MalformedError), (f"{token(bound())}{disclosure('s', 'a', 1)}~", RuleError)]
)
def test_broken_tokens_are_refused(text: str, error: type[CairnError]) -> None:
    """A wallet neither lists nor shows what no verifier would accept."""
    with pytest.raises(error):
        list_disclosable(text)
    with pytest.raises(error):
        select_disclosures(text, [])


@pytest.mark.parametrize("example", EXAMPLES)
def test_published_presentations_can_be_chosen(example: str) -> None:
    """From each published credential the published presentation's claims, by their paths."""
    folder = shared_path(example)
    presented = parse_sd_jwt((folder / "sd_jwt_presentation.txt").read_text(encoding="ascii"), types=None)
    paths = [one.path for one in list_disclosable(presented.presented)]
    chosen = select_disclosures((folder / "sd_jwt_issuance.txt").read_text(encoding="ascii"), paths)
    assert sorted(parse_sd_jwt(chosen, types=None).disclosures) == sorted(presented.disclosures)
