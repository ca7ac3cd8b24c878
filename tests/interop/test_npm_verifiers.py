"""@digitalbazaar/vc and @digitalcredentials/verifier-core: badges and status lists of ours verify, changed ones do not."""

import copy
import time
from typing import Any

import pytest

from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.judgement import judge_proofs
from ledger.credential.plainlist.bitstring import ListTerms, describe_bitstring
from ledger.credential.plainlist.slots import LedgerHead, PlainList, PlainSlot, PlainStatus, Purpose, status_members
from ledger.credential.report import Answer
from ledger.credential.strict_json import JSONObject
from ledger.log.identity import LogId
from ledger.log.multibase import encode_base58btc
from tests.conformance import record
from tests.interop.peers import NodePeer
from tests.ledger.credential.badges import SCHOOL, SCHOOL_DID, badge, library, question, signed, url_of

RDFC, JCS = Cryptosuite.EDDSA_RDFC_2022, Cryptosuite.EDDSA_JCS_2022
SUITES = (RDFC, JCS)
ISSUER_URL = "https://host.example/m/0123456789abcdefghijkl"
GOOD, REVOKED, SUSPENDED = (PlainSlot(20_000, slot) for slot in (3, 4, 5))


def with_both_proofs(document: JSONObject | None = None) -> JSONObject:
    """As we issue badges: two proofs in one array."""
    return signed(JCS, signed(RDFC, document))


def changed(document: JSONObject) -> JSONObject:
    other = copy.deepcopy(document)
    other["name"] = "Somebody else's"
    return other


def list_credentials() -> dict[str, JSONObject]:
    """Our status lists, by their URLs; a peer judges them by its own clock."""
    now = int(time.time() * 1000)
    terms = ListTerms(
        issuer=SCHOOL_DID,
        issuer_url=ISSUER_URL,
        valid_from=now - 60_000,
        valid_until=now + 3_600_000,
        ttl_ms=60_000,
        head=LedgerHead(LogId(b"L" * 32), 12, b"R" * 32),
    )
    statuses = {REVOKED.slot: PlainStatus.INVALID, SUSPENDED.slot: PlainStatus.SUSPENDED}
    made = [describe_bitstring(PlainList(20_000, statuses), purpose, terms) for purpose in Purpose]
    return {str(document["id"]): with_both_proofs(document) for document in made}


@pytest.mark.parametrize("suite", SUITES)
def test_a_verifier_that_knows_one_suite_alone(suite: Cryptosuite, node_peer: NodePeer, documents: Any) -> None:
    """Our two proofs verify whichever of them it understands; a changed badge fails under each."""
    held = documents(SCHOOL)
    made = with_both_proofs(badge() | {"name": "Algebra"})
    answer = node_peer.ask("vc-verify", suite=suite, credential=made, documents=held)
    assert answer == {"verified": True, "error": ""}
    answer = node_peer.ask("vc-verify", suite=suite, credential=changed(made), documents=held)
    assert answer["verified"] is False
    assert "signature" in answer["error"].lower()
    record("Software of others", f"@digitalbazaar/vc verifies badges of ours: {suite}", 0, accepted=1, refused=1)


@pytest.mark.parametrize("suite", SUITES)
def test_what_they_issue_is_verified_here(suite: Cryptosuite, node_peer: NodePeer, documents: Any) -> None:
    """A badge signed by @digitalbazaar is good here, and one of theirs that was changed is not."""
    key = documents(SCHOOL)[url_of(SCHOOL)] | {"secretKeyMultibase": encode_base58btc(b"\x80\x26" + SCHOOL.seed)}
    answer = node_peer.ask("vc-issue", suite=suite, credential=badge(), key=key, documents=documents(SCHOOL))
    assert "error" not in answer
    now = int(time.time() * 1000) + 1000
    judgement = judge_proofs(answer["credential"], question(contexts=library(), now=now))
    assert judgement.answer is Answer.YES, judgement.reason
    assert judge_proofs(changed(answer["credential"]), question(contexts=library(), now=now)).answer is Answer.NO
    record("Software of others", f"@digitalbazaar/vc issues, verified here: {suite}", 0, accepted=1, refused=1)


@pytest.mark.parametrize("suite", SUITES)
def test_our_status_lists_are_credentials_to_them(suite: Cryptosuite, node_peer: NodePeer, documents: Any) -> None:
    """The lists themselves verify, the head of the ledger in them included."""
    for credential in list_credentials().values():
        answer = node_peer.ask("vc-verify", suite=suite, credential=credential, documents=documents(SCHOOL))
        assert answer == {"verified": True, "error": ""}
    record("Software of others", f"@digitalbazaar/vc verifies status lists of ours: {suite}", 0, accepted=2)


@pytest.mark.parametrize(
    ("slot", "revocation", "suspension"),
    [(GOOD, True, True), (REVOKED, False, True), (SUSPENDED, True, False)],
    ids=["good", "revoked", "suspended"],
)
def test_verifier_core_reads_our_lists(
    slot: PlainSlot, revocation: bool, suspension: bool, node_peer: NodePeer, documents: Any
) -> None:
    """Signature, dates and both purposes of the status of a badge of ours, as the wallets of the DCC check them."""
    entries, _ = status_members(slot, ISSUER_URL)
    made = with_both_proofs(badge() | {"credentialStatus": list(entries)})
    answer = node_peer.ask("core-verify", credential=made, documents=documents(SCHOOL) | list_credentials())
    assert answer["errors"] == []
    found = {
        name: answer["log"][name]
        for name in ("valid_signature", "expiration", "revocation_status", "suspension_status")
    }
    assert found == {
        "valid_signature": True,
        "expiration": True,
        "revocation_status": revocation,
        "suspension_status": suspension,
    }
    words = "good" if revocation and suspension else "suspended" if revocation else "revoked"
    record("Software of others", f"verifier-core reads the status of badges of ours: {words}", 0, accepted=1)


def test_verifier_core_refuses_a_changed_badge(node_peer: NodePeer, documents: Any) -> None:
    """So that its yes means something."""
    answer = node_peer.ask("core-verify", credential=changed(with_both_proofs()), documents=documents(SCHOOL))
    assert answer["log"].get("valid_signature") is not True
    assert answer["errors"]
    record("Software of others", "verifier-core refuses a changed badge", 0, refused=1)
