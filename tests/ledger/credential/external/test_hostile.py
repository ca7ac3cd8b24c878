"""No bytes make a reader of foreign credentials crash or hang: whatever comes in, a report comes out."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.credential.baking import bake
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.external.cbor import parse_cbor
from ledger.credential.external.issuers import parse_given_document
from ledger.credential.external.kind import MAX_TEXT_BYTES
from ledger.credential.external.lists import open_status_list
from ledger.credential.external.merkle import parse_proof_2019
from ledger.credential.report import Code, RecordReport
from ledger.errors import CairnError, MalformedError
from ledger.log.multibase import encode_base58btc
from tests.ledger.credential.badges import NOW, signed
from tests.ledger.credential.external.asking import EMPTY, ask, book, code_of
from tests.ledger.credential.external.test_traps import NAMED, jws, png, record

DOCUMENT = signed(Cryptosuite.EDDSA_JCS_2022)
SAMPLES = [
    json.dumps(DOCUMENT).encode(),
    jws(DOCUMENT).encode(),
    json.dumps(record(DOCUMENT, subject="did:example:me")).encode(),
    bake(png(), jws(DOCUMENT)),
    json.dumps(
        {"@context": "https://w3id.org/openbadges/v2", "type": "Assertion", "id": "https://a.example/1"}
    ).encode(),
]

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False) | st.text(max_size=20)
MEMBERS = (
    "id type issuer proof credentialSubject achievement @context credentialStatus verifiableCredential holder evidence "
    "validFrom badge recipient verification signature association result x"
)
names = st.sampled_from(MEMBERS.split())
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=20
)


def test_bytes_behind_an_image_are_told_of() -> None:
    """They are not read, and do not keep the badge before them from being read."""
    baked = bake(png(), jws(DOCUMENT))
    plain, longer = ask(baked, book=NAMED), ask(baked + b"\0" * 7, book=NAMED)
    assert plain.credentials == longer.credentials
    assert set(longer.notes) - set(plain.notes) == {"7 bytes behind the end of the image were not read"}


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    assert isinstance(ask(data), RecordReport)


@given(st.sampled_from(SAMPLES), st.integers(0), st.binary(min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_change_of_a_good_file(data: bytes, position: int, noise: bytes) -> None:
    """A change is noticed, or makes no difference; a file never becomes valid for other content."""
    start = position % len(data)
    ask(data[:start] + noise + data[start + len(noise) :], book=NAMED)


@given(st.sampled_from(sorted(DOCUMENT)), values)
@settings(deadline=None)
def test_any_value_of_any_member(name: str, value: Any) -> None:
    """Whatever stands under a member, in a document or in a token, there is a report."""
    changed = DOCUMENT | {name: value}
    if changed != DOCUMENT:
        assert code_of(changed, book=NAMED) is not Code.VALID
    ask(jws(changed), book=NAMED)


@given(
    st.dictionaries(names, values, max_size=8),
    st.sampled_from(("VerifiablePresentation", "ClrCredential", "Assertion")),
)
@settings(deadline=None)
def test_any_members_of_any_format(members: dict[str, Any], kind: str) -> None:
    for extra in (
        {},
        {"@context": ["https://www.w3.org/ns/credentials/v2"]},
        {"@context": "https://w3id.org/openbadges/v2"},
    ):
        ask({"type": [kind]} | members | extra | {"type": ["VerifiableCredential", kind]})
        ask(members | extra | {"type": kind})


@given(st.binary(max_size=200))
def test_any_cbor(data: bytes) -> None:
    try:
        parse_cbor(data)
        parse_proof_2019(encode_base58btc(data))
    except MalformedError:
        return


@given(values, st.binary(max_size=100))
def test_any_document_of_an_issuer_and_any_list(value: Any, data: bytes) -> None:
    """What a verifier was given is refused by name, never a crash."""
    texts = (
        json.dumps({"id": "https://a.example", "assertionMethod": value}).encode(),
        json.dumps(value).encode(),
        data,
    )
    for text in texts:
        with contextlib.suppress(CairnError):
            parse_given_document(text)
        with contextlib.suppress(CairnError):
            open_status_list(text, now=NOW, book=book(), library=EMPTY)


@pytest.mark.parametrize(
    "data",
    [
        b"{" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 40 + b"]" * 40,
        b" " * (MAX_TEXT_BYTES + 1) + b"x",
        b"x" * (MAX_TEXT_BYTES + 1),
        b"a.b.c" + b"~" * 20_000,
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg",
    ],
)
def test_bounds(data: bytes) -> None:
    """Too long, too deep, too many, cut short: not readable, at once."""
    assert code_of(data) is Code.MALFORMED


def test_a_record_of_records_ends() -> None:
    """Records inside each other stop at a bound, and many credentials at another."""
    inner: Any = DOCUMENT
    for _ in range(6):
        inner = record(inner, subject="did:example:me")
    assert code_of(inner, book=NAMED) is Code.MALFORMED
    many = record(*[{"type": ["VerifiableCredential"]}] * 501, subject="did:example:me")
    assert code_of(many, book=NAMED) is Code.MALFORMED
