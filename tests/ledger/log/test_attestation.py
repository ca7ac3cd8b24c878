"""Attestations: one spelling, signed as they stand, and refused wherever a byte of them is changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, SignatureError
from ledger.log.attestation import (
    CONTEXT,
    Attestation,
    AttestationKind,
    AttestedHead,
    attested_trust,
    parse_attestation,
    sign_attestation,
)
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from tests.simulator import NOW, SimulatedLog, found_network, seeded, trust_of

KEY = SigningKey(seeded("auditor"))
TRUST = trust_of(found_network("granite")[0])
HEADS = (
    AttestedHead(LogId(b"\x01" * 32), 5, RootHash(b"\x02" * 32)),
    AttestedHead(LogId(b"\x03" * 32), 7, RootHash(bytes(32))),
)
ATTESTATION = Attestation(
    at=NOW,
    by="Audit Office",
    kind=AttestationKind.AUDIT,
    trust=attested_trust(TRUST),
    heads=HEADS,
    result={"clean": True, "remarks": ['a mark ,"key":{ in the text']},
)
SIGNED = sign_attestation(ATTESTATION, KEY)


def test_it_reads_back_and_verifies() -> None:
    """What is signed is what stands in the file, after the context of its kind."""
    signed = parse_attestation(SIGNED)
    signed.verify()
    assert (signed.attestation, signed.key) == (ATTESTATION, KEY.public)
    assert signed.signed in SIGNED and KEY.sign(CONTEXT + signed.signed) == signed.signature


def test_a_trust_root_is_named_by_all_of_it() -> None:
    """The digest tells trust roots of one network apart."""
    other = attested_trust(trust_of(SimulatedLog("elsewhere")))
    assert other.digest != ATTESTATION.trust.digest and len(other.digest) == 32


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_any_flipped_bit_is_refused(position: int, bit: int) -> None:
    """By the parser or by the signature."""
    data = SIGNED[:position] + bytes([SIGNED[position] ^ (1 << bit)]) + SIGNED[position + 1 :]
    with pytest.raises(CairnError):
        parse_attestation(data).verify()


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(SIGNED)
    change(value)
    return canonical.encode(value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(v=2), "of another version"),
        (lambda v: v.update(more=1), "unknown member"),
        (lambda v: v["attestation"].update(more=1), "unknown member"),
        (lambda v: v["attestation"].update(kind="guess"), "unknown kind"),
        (lambda v: v["attestation"]["heads"].reverse(), "do not ascend"),
        (lambda v: v["attestation"]["heads"].append(v["attestation"]["heads"][1]), "do not ascend"),
        (lambda v: v["attestation"].update(by=""), "must not be empty"),
        (lambda v: v["attestation"].update(at=-1), "not within"),
        (lambda v: v.update(sig="AAAA"), "sig"),
        (lambda v: v["key"].update(alg="p256"), "key"),
    ],
)
def test_another_form_is_refused(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        parse_attestation(changed(change))


def test_another_content_or_key_does_not_verify() -> None:
    """Neither what is said nor who says it can be exchanged."""
    for change in (
        lambda v: v["attestation"].update(at=1),
        lambda v: v.update(key=SigningKey(bytes(32)).public.to_json()),
    ):
        with pytest.raises(SignatureError):
            parse_attestation(changed(change)).verify()


def test_a_signature_of_something_else_is_none() -> None:
    """A key that signs statements signs no attestation by it."""
    value = json.loads(SIGNED)
    plain = canonical.encode(value["attestation"])
    value["sig"] = base64url.encode(KEY.sign(b"cairn/statement/v1\n" + plain))
    with pytest.raises(SignatureError):
        parse_attestation(canonical.encode(value)).verify()


def test_heads_out_of_order_are_not_signed() -> None:
    with pytest.raises(MalformedError, match="do not ascend"):
        sign_attestation(replace(ATTESTATION, heads=HEADS[::-1]), KEY)
