"""Tests of ledger.credential.external.certificate and signer: issuers known by a chain of certificates."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from ledger.credential.external.certificate import parse_authorities
from ledger.credential.external.issuers import IssuerBook
from ledger.credential.external.key import import_key
from ledger.credential.jose import public_key_to_jwk, sign_jws
from ledger.credential.report import Answer, Code
from tests.ledger.credential.badges import STRANGER
from tests.ledger.credential.external.asking import book, code_of, first, step
from tests.ledger.credential.tokens import BASE, NOW

MOMENT = datetime.fromtimestamp(NOW / 1000, UTC)
KEYS = {
    name: ec.derive_private_key(number, ec.SECP256R1()) for number, name in enumerate(("ca", "mid", "leaf", "other"), 7)
}


def certificate(name: str, issuer: str, **changes: Any) -> x509.Certificate:
    """A certificate for the key of `name` by the key of `issuer`."""
    terms: dict[str, Any] = {
        "ca": name != "leaf",
        "path": None,
        "until": 30,
        "host": "school.example",
        "critical": None,
    }
    terms |= changes
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(KEYS[name].public_key())
        .serial_number(len(name) + 1)
        .not_valid_before(MOMENT - timedelta(days=30))
        .not_valid_after(MOMENT + timedelta(days=terms["until"]))
        .add_extension(x509.BasicConstraints(terms["ca"], terms["path"]), critical=True)
    )
    if name == "leaf":
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(terms["host"])]), critical=False)
    if terms["critical"]:
        value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x")
        builder = builder.add_extension(value, critical=True)
    return builder.sign(KEYS[issuer], hashes.SHA256())


def chain(*certificates: x509.Certificate) -> list[str]:
    return [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in certificates]


def token(x5c: list[str], **claims: Any) -> str:
    """An SD-JWT VC signed by the leaf's key."""

    def sign(message: bytes) -> bytes:
        r, s = utils.decode_dss_signature(KEYS["leaf"].sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    payload = {name: value for name, value in {**BASE, **claims}.items() if value is not None}
    return sign_jws({"alg": "ES256", "typ": "dc+sd-jwt", "x5c": x5c}, json.dumps(payload).encode(), sign) + "~"  # type: ignore[dict-item]  # JSON


CA = certificate("ca", "ca")
TRUSTED = IssuerBook(authorities=parse_authorities(CA.public_bytes(serialization.Encoding.PEM)))
JWK = public_key_to_jwk(import_key(KEYS["leaf"].public_key()))  # type: ignore[arg-type]  # P-256
MID, LEAF = certificate("mid", "ca"), certificate("leaf", "mid")


@pytest.mark.parametrize("x5c", [chain(LEAF, MID), chain(LEAF, MID, CA), chain(certificate("leaf", "ca"))])
def test_a_chain_to_a_named_authority(x5c: list[str]) -> None:
    """The issuer is known by its certificate; without the authority its name stays open."""
    report = first(token(x5c), now=NOW, book=TRUSTED)
    assert report.code is Code.VALID
    assert step(report, 9)[0] is Answer.YES and "under an authority that you named" in step(report, 9)[1]
    assert code_of(token(x5c), now=NOW) is Code.UNKNOWN_ISSUER
    assert code_of(token(x5c, iss=None), now=NOW, book=TRUSTED) is Code.VALID


@pytest.mark.parametrize(
    ("x5c", "words"),
    [
        (chain(LEAF, certificate("mid", "ca", until=-1)), "certificate 2 of 3 is not within its dates"),
        (chain(LEAF, certificate("mid", "ca", ca=False)), "certificate 2 of 3 is not an authority"),
        (chain(certificate("leaf", "ca", ca=True)), "certificate 1 of 2 is an authority"),
        (chain(certificate("leaf", "mid", critical=True), MID), "critical extension that is not read here"),
        (chain(certificate("leaf", "mid", host="other.example"), MID), "the certificate is for 'other.example'"),
        (chain(certificate("leaf", "other"), MID), "certificate 1 of 3 is not issued by the next one"),
    ],
)
def test_a_chain_that_does_not_hold(x5c: list[str], words: str) -> None:
    """Each rule of the chain refuses what breaks it, and says so."""
    report = first(token(x5c), now=NOW, book=TRUSTED)
    assert report.code is Code.BAD_SIGNATURE
    assert words in step(report, 2)[1]


@pytest.mark.parametrize("x5c", [chain(LEAF), chain(LEAF, certificate("mid", "other"))])
def test_a_chain_to_an_authority_that_was_not_named(x5c: list[str]) -> None:
    """Naming one authority says nothing about the tokens of another: could not check, never no."""
    report = first(token(x5c), now=NOW, book=TRUSTED)
    assert report.code is Code.UNKNOWN_ISSUER
    assert step(report, 2)[0] is Answer.YES and "under no authority that you named" in step(report, 9)[1]
    document = {"keys": [{**JWK, "kid": "leaf"}]}
    known = book(document, owner=str(BASE["iss"]))
    assert code_of(token(x5c), now=NOW, book=known) is Code.VALID
    assert code_of(token(x5c), now=NOW, book=replace(known, authorities=TRUSTED.authorities)) is Code.VALID
    wrong = book({"keys": [public_key_to_jwk(STRANGER.public)]}, owner=str(BASE["iss"]))
    assert code_of(token(x5c), now=NOW, book=replace(wrong, authorities=TRUSTED.authorities)) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("issuer", "is_good"),
    [
        ("https://school.example", True),
        ("https://School.Example:8443/m/1", True),
        ("http://school.example", False),
        ("https://school.example@famous.example/", False),
        ("https://school.example:443@famous.example/", False),
        ("https://famous.example@school.example/", False),
        ("https://[school.example", False),
        ("https://school.example.famous.example", False),
    ],
)
def test_a_certificate_stands_for_its_host_alone(issuer: str, is_good: bool) -> None:
    """Whatever surrounds the name of another host in a URL."""
    code = code_of(token(chain(LEAF, MID), iss=issuer), now=NOW, book=TRUSTED)
    assert code is (Code.VALID if is_good else Code.BAD_SIGNATURE)


@pytest.mark.parametrize("x5c", ["x", [], ["!"], [base64.b64encode(b"no").decode()], chain(LEAF) * 9, [1]])
def test_a_chain_that_is_none(x5c: Any) -> None:
    """Anything else in the header is refused, with or without an authority."""
    for given in (TRUSTED, IssuerBook()):
        assert code_of(token(x5c), now=NOW, book=given) is Code.BAD_SIGNATURE


def test_an_authority_that_allows_none_below_it() -> None:
    """A path length of 0 leaves no room for an intermediate."""
    strict = certificate("ca", "ca", path=0)
    given = IssuerBook(authorities=(strict,))
    assert code_of(token(chain(certificate("leaf", "ca"))), now=NOW, book=given) is Code.VALID
    assert "allows 0 authorities" in step(first(token(chain(LEAF, MID)), now=NOW, book=given), 2)[1]
