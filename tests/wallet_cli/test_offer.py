"""An offer is read strictly, and its one-time code never shows in an error."""

import json
from urllib.parse import quote

import pytest

from ledger.errors import MalformedError
from tests.shared import shared_path
from wallet_cli.offer import GRANT, Offer, OfferLink, TransactionCode, is_offer_text, parse_offer, read_offer_text

ISSUER = "https://granite.example"
SECRET = "s3cr3t-c0de"


def offer_json(**changes: object) -> dict[str, object]:
    return {
        "credential_issuer": ISSUER,
        "credential_configuration_ids": ["award"],
        "grants": {GRANT: {"pre-authorized_code": SECRET}},
    } | changes


def test_an_offer_uri_holds_the_offer() -> None:
    uri = "openid-credential-offer://?credential_offer=" + quote(json.dumps(offer_json()))
    expected = Offer(issuer=ISSUER, configurations=("award",), code=SECRET, transaction_code=None)
    assert read_offer_text(uri) == expected
    assert (
        read_offer_text("https://granite.example/claim?x=1#credential_offer=" + quote(json.dumps(offer_json())))
        == expected
    )


def test_an_offer_may_be_fetched() -> None:
    link = "https://granite.example/offers/1"
    assert read_offer_text(f"openid-credential-offer://?credential_offer_uri={quote(link)}") == OfferLink(link)
    assert read_offer_text(link) == OfferLink(link)


def test_a_transaction_code_is_announced() -> None:
    grant = {GRANT: {"pre-authorized_code": SECRET, "tx_code": {"length": 6, "description": "in the letter"}}}
    offer = parse_offer(json.dumps(offer_json(grants=grant)).encode())
    assert offer.transaction_code == TransactionCode(length=6, is_numeric=True, description="in the letter")


@pytest.mark.parametrize(
    "uri",
    [
        "openid-credential-offer://",
        "openid-credential-offer://?credential_offer=%7B%7D&credential_offer_uri=https://a",
        "openid-credential-offer://?credential_offer=a&credential_offer=b",
        "openid-credential-offer://[",
    ],
)
def test_an_unclear_uri_is_refused(uri: str) -> None:
    with pytest.raises(MalformedError, match="offer: "):
        read_offer_text(uri)


@pytest.mark.parametrize(
    "changes",
    [
        {"grants": {}},
        {"grants": {"authorization_code": {}}},
        {"grants": {GRANT: {"pre-authorized_code": ""}}},
        {"grants": {GRANT: {"pre-authorized_code": SECRET, "tx_code": {"length": 65}}}},
        {"grants": {GRANT: {"pre-authorized_code": SECRET, "tx_code": []}}},
        {"credential_issuer": 1},
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": [1]},
    ],
)
def test_an_offer_of_another_shape_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match="offer: ") as caught:
        parse_offer(json.dumps(offer_json(**changes)).encode())
    assert SECRET not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":2}', SECRET.encode()])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="offer: ") as caught:
        parse_offer(data)
    assert SECRET not in str(caught.value)


def test_the_specifications_example_is_read() -> None:
    text = shared_path("vectors/formats/openid4vci-1.0/credential_offer_pre-authz_code.json").read_bytes()
    offer = parse_offer(text)
    assert offer.issuer == "https://credential-issuer.example.com"
    assert offer.transaction_code is not None
    assert offer.transaction_code.description.startswith("Please provide the one-time code")


def test_files_are_told_from_offers() -> None:
    assert is_offer_text("OpenID-Credential-Offer://?x") and is_offer_text("https://a")
    assert not is_offer_text("diploma.sdjwt") and not is_offer_text("./https")
