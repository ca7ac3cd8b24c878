"""Tests of ledger.credential.dataintegrity.signing: what is not good is not made."""

from typing import Any

import pytest

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.proof import MAX_PROOFS
from ledger.credential.jsonld.dataset import UnsafeDocumentError
from ledger.errors import MalformedError
from tests.ledger.credential.badges import badge, signed

JCS, RDFC = Cryptosuite.EDDSA_JCS_2022, Cryptosuite.EDDSA_RDFC_2022


def test_the_document_is_left_alone() -> None:
    """Signing gives a copy: the first proof is an object, a second makes an array."""
    document = badge()
    one: Any = signed(JCS, document)
    assert document == badge()
    assert set(one) == {*document, "proof"}
    two: Any = signed(RDFC, one)
    assert [proof["cryptosuite"] for proof in two["proof"]] == ["eddsa-jcs-2022", "eddsa-rdfc-2022"]
    assert two["proof"][0] == one["proof"]


def test_terms_stand_in_the_proof() -> None:
    """Each where it was asked for, none otherwise."""
    proof: Any = signed(JCS, expires=1_800_000_000_000, domain="d", challenge="c", id="urn:uuid:x")["proof"]
    assert proof["expires"] == "2027-01-15T08:00:00Z"
    assert (proof["domain"], proof["challenge"], proof["id"]) == ("d", "c", "urn:uuid:x")
    plain: Any = signed(RDFC)["proof"]
    assert set(plain) == {"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"}


def test_what_the_signature_would_not_cover_is_not_signed() -> None:
    """Trap 1, before it can happen; the JCS suite covers any member."""
    document = badge() | {"gpa": "4.0"}
    with pytest.raises(UnsafeDocumentError, match="'gpa'"):
        signed(RDFC, document)
    assert signed(JCS, document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"previous": ("urn:uuid:gone",)}, "no proof of the document has the id 'urn:uuid:gone'"),
        ({"id": "not an iri"}, "is no absolute IRI"),
    ],
)
def test_terms_that_are_refused(changes: dict[str, Any], message: str) -> None:
    """A chain names proofs that are there; a name is an IRI, because the dataset would lose any other."""
    with pytest.raises(MalformedError, match=message):
        signed(JCS, **changes)


def test_other_refusals() -> None:
    """Too many proofs; no canonical form; a suite that is only read."""
    full = badge() | {"proof": [{"type": "Other"}] * MAX_PROOFS}
    with pytest.raises(MalformedError, match=f"at most {MAX_PROOFS}"):
        signed(JCS, full)
    with pytest.raises(MalformedError, match="beyond 2"):
        signed(JCS, badge() | {"n": 2**60})
    with pytest.raises(ValueError, match="is only read"):
        signed(Cryptosuite.ED25519_SIGNATURE_2020)
