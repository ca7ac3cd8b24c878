"""Tests of wallet_cli.forms: what to ask an issuer for, by what its metadata lists."""

from typing import Any

import pytest

from ledger.errors import MalformedError
from wallet_cli.forms import Form, choose_configurations
from wallet_cli.offer import Offer

NATIVE = {"format": "dc+sd-jwt", "credential_signing_alg_values_supported": ["EdDSA"]}
ES256 = {"format": "dc+sd-jwt", "credential_signing_alg_values_supported": ["ES256"]}
HERE: dict[str, Any] = {
    "a/1": NATIVE,
    "a/1/open-badge": {"format": "ldp_vc"},
    "a/1/jws": {"format": "jwt_vc_json"},
    "a/1/sd-jwt-es256": ES256,
    "b/1": NATIVE,
    "b/1/jws": {"format": "jwt_vc_json"},
}
ELSEWHERE: dict[str, Any] = {"UniversityDegree_LDP_VC": {"format": "ldp_vc"}, "Degree_SD": ES256, "odd": 7}


def choose(rows: object, offered: tuple[str, ...], form: Form | None) -> tuple[str, ...]:
    offer = Offer(issuer="https://school.example", configurations=offered, code="c", transaction_code=None)
    return choose_configurations({"credential_configurations_supported": rows}, offer, form)


@pytest.mark.parametrize(
    ("rows", "offered", "form", "chosen"),
    [
        (HERE, ("a/1",), None, ("a/1",)),
        (HERE, ("a/1", "b/1"), None, ("a/1", "b/1")),
        (HERE, ("a/1",), Form.OPEN_BADGE, ("a/1/open-badge",)),
        (HERE, ("a/1", "b/1"), Form.JWS, ("a/1/jws", "b/1/jws")),
        (HERE, ("a/1", "b/1"), Form.OPEN_BADGE, ("a/1/open-badge",)),
        (HERE, ("a/1",), Form.SD_JWT_ES256, ("a/1/sd-jwt-es256",)),
        (HERE, ("a/1/jws",), Form.JWS, ("a/1/jws",)),
        (HERE, ("a/1/jws",), Form.OPEN_BADGE, ("a/1/open-badge",)),
        (HERE, ("a/1/sd-jwt-es256",), None, ("a/1/sd-jwt-es256",)),
        (ELSEWHERE, ("UniversityDegree_LDP_VC", "Degree_SD", "odd"), Form.OPEN_BADGE, ("UniversityDegree_LDP_VC",)),
        (ELSEWHERE, ("UniversityDegree_LDP_VC", "Degree_SD"), None, ("Degree_SD",)),
    ],
)
def test_what_is_asked_for(rows: Any, offered: tuple[str, ...], form: Form | None, chosen: tuple[str, ...]) -> None:
    """A name of the offer if it is in that form, else at a node of this ledger the same with the form behind it."""
    assert choose(rows, offered, form) == chosen


@pytest.mark.parametrize(
    ("rows", "offered", "form", "message", "hint"),
    [
        (HERE, ("a/1/jws",), None, "no SD-JWT credential", "--form jws"),
        (HERE, ("c/1",), None, "none of c/1", "ask the school"),
        (HERE, ("b/1",), Form.OPEN_BADGE, "in no form open-badge", "leave out --form"),
        ({"a/1": NATIVE}, ("a/1",), Form.SD_JWT_ES256, "in no form sd-jwt-es256", "leave out"),
        ([], ("a/1",), Form.JWS, "in no form jws", "leave out"),
    ],
)
def test_what_an_issuer_does_not_have(
    rows: Any, offered: tuple[str, ...], form: Form | None, message: str, hint: str
) -> None:
    """Told before any code is spent, with what helps."""
    with pytest.raises(MalformedError, match=message) as caught:
        choose(rows, offered, form)
    assert hint in caught.value.hint
