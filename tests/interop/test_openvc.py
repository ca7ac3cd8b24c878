"""openvc-core: our proofs and status lists verify there, and theirs here."""

import copy
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger import base64url
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import IssuerDocuments
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.jose import public_key_to_jwk
from ledger.credential.plainlist.bitstring_reader import ListQuestion, parse_entry, read_bitstring
from ledger.credential.plainlist.slots import PLAIN_SLOTS
from ledger.credential.plainlist.token import parse_token_reference, read_token_status
from ledger.credential.report import Answer
from tests.conformance import record
from tests.ledger.credential.badges import NOW, SCHOOL, SCHOOL_DID, badge, library, question, signed, url_of
from tests.ledger.credential.plainlist.lists import FREE, REVOKED, SUSPENDED, bare, bitstring, reference, token

JWK = public_key_to_jwk(SCHOOL.public)
LIST_URL = "https://peer.example/lists/1"


@pytest.fixture
def their_key(openvc: Any) -> Any:
    """The school's key as theirs."""
    from openvc.keys import signing_key_from_jwk  # type: ignore[import-not-found,unused-ignore]  # optional

    return signing_key_from_jwk({**JWK, "d": base64url.encode(SCHOOL.seed)}, url_of(SCHOOL))


def now() -> int:
    """Unix ms, a moment after what the peer has just signed."""
    return int(time.time() * 1000) + 1000


def suite_of(name: Cryptosuite) -> Any:
    if name is Cryptosuite.EDDSA_JCS_2022:
        from openvc.proof.di_jcs import EddsaJcsProofSuite  # type: ignore[import-not-found,unused-ignore]  # optional

        return EddsaJcsProofSuite()
    from openvc.proof.data_integrity import (  # type: ignore[import-not-found,unused-ignore]  # optional
        DataIntegrityProofSuite,
    )

    return DataIntegrityProofSuite()


def as_signed(document: dict[str, Any]) -> dict[str, Any]:
    """Their `eddsa-jcs-2022` proof with the member it was made over.

    openvc-core 1.37.0 hashes the document's `@context` with the proof (VC DI EdDSA 1.0 §3.3.1) and leaves it out of the
    proof it writes. A verifier hashes the proof as it stands, so that what it writes is good nowhere but there.
    """
    return document | {"proof": document["proof"] | {"@context": document["@context"]}}


@pytest.mark.parametrize("name", [Cryptosuite.EDDSA_RDFC_2022, Cryptosuite.EDDSA_JCS_2022])
def test_proofs_in_both_directions(name: Cryptosuite, openvc: Any, their_key: Any, contexts: dict[str, Any]) -> None:
    """Each suite alone: ours verifies there, theirs here, and a changed badge in neither place."""
    suite = suite_of(name)
    known = {url: contexts[url] for url in badge()["@context"]}  # type: ignore[union-attr,index]  # a list of URLs
    extra = {} if name is Cryptosuite.EDDSA_JCS_2022 else {"extra_contexts": known}
    ours = signed(name)
    suite.verify(ours, public_key_jwk=JWK, **extra)
    with pytest.raises(Exception, match=r"[Ss]ignature|verif"):
        suite.verify(ours | {"id": "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-000000000002"}, public_key_jwk=JWK, **extra)
    theirs = suite.add_proof(badge(), signing_key=their_key, verification_method=url_of(SCHOOL), **extra)
    if name is Cryptosuite.EDDSA_JCS_2022:
        assert judge_proofs(theirs, question(contexts=library())).answer is Answer.NO
        theirs = as_signed(theirs)
    judgement = judge_proofs(theirs, question(contexts=library(), now=now()))
    assert judgement.answer is Answer.YES, judgement.reason
    other = copy.deepcopy(theirs) | {"id": "urn:uuid:6b1d8f0e-0001-4a0e-9d0f-000000000002"}
    assert judge_proofs(other, question(contexts=library())).answer is Answer.NO
    record("Software of others", f"openvc-core, badges both ways: {name}", 0, accepted=2, refused=2)


def test_our_status_lists_are_read_there(openvc: Any) -> None:
    """The bits of both formats, at the places and in the order they expect."""
    from openvc.status import bitstring as theirs  # type: ignore[import-not-found,unused-ignore]  # optional
    from openvc.status.issue import verify_status_list_token  # type: ignore[import-not-found,unused-ignore]  # optional
    from openvc.status.token_status_list import (  # type: ignore[import-not-found,unused-ignore]  # optional
        decode_status_list,
        get_status,
    )

    subject = bare()["credentialSubject"]
    assert type(subject) is dict
    bits = theirs.decode_bitstring(subject["encodedList"])
    assert [theirs.get_status_bit(bits, slot) for slot in (FREE, REVOKED, SUSPENDED)] == [0, 1, 0]
    suite_of(Cryptosuite.EDDSA_JCS_2022).verify(bitstring(), public_key_jwk=JWK, check_temporal=False)
    when = datetime.fromtimestamp(NOW / 1000, UTC)
    claims = verify_status_list_token(token(), public_key_jwk=JWK, expected_uri=reference().uri, now=when)
    data = decode_status_list(claims["status_list"]["lst"])
    assert [get_status(data, slot, bits=2) for slot in (FREE, REVOKED, SUSPENDED)] == [0, 1, 2]
    record("Software of others", "openvc-core reads status lists of ours", 0, accepted=2)


def test_their_status_lists_are_read_here(openvc: Any, their_key: Any) -> None:
    """Issued by openvc-core, signed with its proof or as its token."""
    from openvc.status import bitstring as packing  # type: ignore[import-not-found,unused-ignore]  # optional
    from openvc.status import issue, token_status_list  # type: ignore[import-not-found,unused-ignore]  # optional

    bits = packing.new_bitstring(PLAIN_SLOTS)
    packing.set_status_bit(bits, REVOKED, 1)
    listed = issue.build_status_list_credential(id=LIST_URL, issuer=SCHOOL_DID, bitstring=bits)
    secured = as_signed(
        suite_of(Cryptosuite.EDDSA_JCS_2022).add_proof(
            listed, signing_key=their_key, verification_method=url_of(SCHOOL)
        )
    )
    asked = ListQuestion(now=now(), issuers=frozenset({SCHOOL_DID}), documents=IssuerDocuments())
    found = [
        read_bitstring(
            secured, parse_entry(issue.build_status_list_entry(status_list_credential=LIST_URL, index=slot)), asked
        ).value
        for slot in (FREE, REVOKED)
    ]
    assert found == [0, 1]
    places = token_status_list.new_status_list(1000, bits=2)
    token_status_list.set_status(places, REVOKED, 2, bits=2)
    signed_token = issue.build_status_list_token(
        signing_key=their_key, uri=LIST_URL, status_list=places, bits=2, issued_at=NOW // 1000
    )
    pointers = [{"status_list": {"idx": slot, "uri": LIST_URL}} for slot in (FREE, REVOKED)]
    values = [read_token_status(signed_token, parse_token_reference(one), SCHOOL.public, NOW).value for one in pointers]
    assert values == [0, 2]
    record("Software of others", "openvc-core issues status lists, read here", 0, accepted=2)
