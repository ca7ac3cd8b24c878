"""A network countersigns a school's badge: it is added, told in words, and refused with the credential where it fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from ledger.credential.badge import Issuer, commit_text
from ledger.credential.batch_report import encode_report, parse_report
from ledger.credential.countersigning import Countersigner, countersign
from ledger.credential.dataintegrity.cryptosuite import Cryptosuite
from ledger.credential.dataintegrity.issuer_document import did_web_of, method_url
from ledger.credential.dataintegrity.proof import MAX_PROOFS
from ledger.credential.dataintegrity.signing import ProofTerms, add_proof
from ledger.credential.report import Answer, Code, CredentialReport
from ledger.credential.status import Status
from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log.charter import Role
from ledger.log.governance import MemberOp
from ledger.log.keys import SigningKey
from tests.ledger.credential import badges
from tests.ledger.credential.test_verify_forms import Copy, Forms
from tests.ledger.credential.verifying import DAY
from tests.simulator import NOW, SimulatedLog

DAY_OF_IT = "2026-06-09"
STRANGER_DID = "did:web:elsewhere.example"


class Chains(Forms):
    """Confluence countersigns what Granite hands out."""

    def did_of(self, log: SimulatedLog) -> str:
        return did_web_of(self.issuer(log))

    def countersigner(self, log: SimulatedLog | None = None, key: SigningKey | None = None) -> Countersigner:
        log = log or self.network
        signer, did = key or log.role_signers[Role.ISSUE], self.did_of(log)
        keys = Issuer(method=method_url(did, signer.public), sign=signer.sign, library=badges.library())
        return Countersigner(did=did, keys=keys, now=NOW)

    def countersigned(self, one: Copy, log: SimulatedLog | None = None, key: SigningKey | None = None) -> str:
        return orjson.dumps(countersign(one.document, self.countersigner(log, key))).decode()

    def chained(self, one: Copy, method: str, key: SigningKey) -> str:
        """A countersignature for readers of JCS alone, with any method."""
        previous = tuple(proof["id"] for proof in one.document["proof"])
        terms = ProofTerms(suite=Cryptosuite.EDDSA_JCS_2022, method=method, created=NOW, previous=previous)
        return orjson.dumps(add_proof(one.document, terms, key.sign, badges.library())).decode()

    def report(self, text: str, one: Copy | None = None, **asked: Any) -> CredentialReport:
        return self.judge(text, None if one is None else one.receipt, **asked).credentials[0]


@pytest.fixture
def world() -> Chains:
    return Chains()


def told(report: CredentialReport) -> list[str]:
    return [note for note in report.notes if "countersign" in note]


@pytest.mark.parametrize("contexts", [True, False])
def test_a_countersigned_badge_says_so_and_still_stands(world: Chains, contexts: bool) -> None:
    """By name and day, once for its two proofs; found by receipt and by search; its status is read as before."""
    one = world.held()
    text = world.countersigned(one)
    assert commit_text(text) == one.commitment and len(json.loads(text)["proof"]) == 4
    for receipt in (one, None):
        report = world.report(text, receipt, contexts=contexts)
        assert report.code is Code.VALID
        assert told(report) == [f"countersigned by Confluence on {DAY_OF_IT}"]
        assert f"  Note: countersigned by Confluence on {DAY_OF_IT}" in report.to_lines()
    assert report.to_json()["countersignatures"] == [
        {
            "answer": "yes",
            "at": NOW // DAY * DAY,
            "by": "Confluence",
            "id": world.did_of(world.network),
            "on": DAY_OF_IT,
            "reason": "",
            "remedy": "",
        }
    ]
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut()
    revoked = world.report(text, one, contexts=contexts)
    assert revoked.code is Code.REVOKED and told(revoked)


def test_without_it_nothing_is_said(world: Chains) -> None:
    """A school that signs over its own proofs does not countersign itself, and is another credential on the ledger."""
    one = world.held()
    assert not told(world.report(one.text))
    key = world.granite.role_signers[Role.REGISTER]
    again = world.chained(one, method_url(world.did, key.public), key)
    report = world.report(again)
    assert report.code is Code.NO_RECEIPT and not told(report)


def test_a_report_is_read_back_with_it(world: Chains) -> None:
    """Reports travel as JSON from a node to whoever asked it."""
    record = world.judge(world.countersigned(world.held()))
    assert parse_report(encode_report(record)) == record


def test_a_record_is_countersigned_as_a_whole(world: Chains) -> None:
    """Its own proofs are chained; the credentials inside stay as they are."""
    inside = world.badge()
    record = world.record(inside)
    world.cut(record, inside)  # type: ignore[arg-type]
    report = world.judge(world.countersigned(record), record.receipt, inside.receipt)
    assert [item.code for item in report.credentials] == [Code.VALID, Code.VALID]
    assert [bool(told(item)) for item in report.credentials] == [True, False]


def test_two_countersign_the_same_proofs(world: Chains) -> None:
    """Another member after the network: neither signs over the other, both are named."""
    one = world.held()
    first = replace(one, text=world.countersigned(one))
    report = world.report(world.countersigned(first, world.lantern), one)
    assert report.code is Code.VALID
    assert told(report) == [f"countersigned by {name} on {DAY_OF_IT}" for name in ("Confluence", "Lantern")]


Change = Callable[[Any, list[Any]], object]
FAILURES: dict[str, Change] = {
    "its date": lambda _, proofs: proofs[3].update(created="2026-06-08T00:00:00Z"),
    "its purpose": lambda _, proofs: proofs[2].update(proofPurpose="authentication"),
    "its signature": lambda _, proofs: proofs[3].update(proofValue=proofs[2]["proofValue"]),
    "its signature, no base58": lambda _, proofs: proofs[3].update(proofValue="z0"),
    "what it signs over": lambda _, proofs: proofs[3].update(previousProof=proofs[0]["id"]),
    "signs over nothing": lambda _, proofs: proofs[3].pop("previousProof"),
    "signs over nothing there": lambda _, proofs: proofs[3].update(previousProof="urn:uuid:none"),
    "it has expired": lambda _, proofs: proofs[3].update(expires="2026-06-09T00:00:00Z"),
    "a proof taken from under it": lambda _, proofs: proofs.pop(0),
    "the school's proof changed": lambda _, proofs: proofs[1].update(created="2026-06-08T00:00:00Z"),
    "the school's proof renamed": lambda _, proofs: proofs[1].update(id="urn:uuid:other"),
    "the school's proofs gone": lambda _, proofs: proofs.__delitem__(slice(0, 2)),
    "the document": lambda document, _: document.update(name="Doctor"),
    "two proofs of one id": lambda _, proofs: proofs[3].update(id=proofs[0]["id"]),
}


@pytest.mark.parametrize("change", FAILURES.values(), ids=FAILURES)
def test_one_that_fails_refuses_the_credential(world: Chains, change: Change) -> None:
    """However good the school's own proofs are: somebody changed the file."""
    one = world.held()
    document = json.loads(world.countersigned(one))
    change(document, document["proof"])
    report = world.report(json.dumps(document), one)
    assert report.code is Code.BAD_SIGNATURE
    assert not told(report) and report.shown == ()


def test_the_reason_names_whose_proof_failed(world: Chains) -> None:
    """A reader of the report must not take it for the school's."""
    one = world.held()
    document = json.loads(world.countersigned(one))
    document["proof"][3]["created"] = "2026-06-14T00:00:00Z"
    step = world.report(json.dumps(document), one).steps[1]
    assert step.answer is Answer.NO and step.remedy
    assert step.detail.startswith(f"the countersignature with the key '{world.did_of(world.network)}#")


def test_a_key_for_other_work_refuses(world: Chains) -> None:
    """The network's log names it, for something else than credentials."""
    one = world.held()
    report = world.report(world.countersigned(one, key=world.network.role_signers[Role.OPERATE]), one)
    assert report.code is Code.BAD_SIGNATURE and "for the role operate" in report.steps[1].detail


def test_a_key_nobody_named_could_not_be_checked(world: Chains) -> None:
    """The log held may be too old; the school's credential stands without it."""
    one = world.held()
    report = world.report(world.countersigned(one, key=badges.STRANGER), one)
    assert report.code is Code.VALID
    (line,) = told(report)
    assert line.startswith(f"a countersignature in the name of Confluence of {DAY_OF_IT} could not be checked: ")
    assert "never named its key" in line and "cairn sync" in line
    assert report.countersignatures[0].answer is Answer.COULD_NOT_CHECK


def test_a_stolen_key_could_not_be_checked_and_a_retired_one_is_good(world: Chains) -> None:
    """Nothing says when a countersignature was made, so after a theft none by that key tells anything."""
    one, signer = world.held(), world.network.role_signers[Role.ISSUE]
    text = world.countersigned(one)
    world.network.retire(signer)
    world.cut()
    assert told(world.report(text, one)) == [f"countersigned by Confluence on {DAY_OF_IT}"]
    world.network.compromise(signer, world.network.size)
    world.cut()
    report = world.report(text, one)
    assert report.code is Code.VALID and "was stolen from Confluence" in told(report)[0]


def test_somebody_who_is_no_member_could_not_be_checked(world: Chains) -> None:
    """A name outside of the network, a member that was suspended, and a key that is its own name."""
    one, key = world.held(), badges.STRANGER
    report = world.report(world.chained(one, method_url(STRANGER_DID, key.public), key), one)
    assert report.code is Code.VALID and "is no member of Confluence" in told(report)[0]
    report = world.report(world.chained(one, badges.url_of(key), key), one)
    assert report.code is Code.VALID and "says whose key this is" in told(report)[0]
    by_lantern = world.countersigned(one, world.lantern)
    world.network.member(world.lantern, MemberOp.SUSPEND)
    world.cut()
    report = world.report(by_lantern, one)
    assert report.code is Code.VALID and "Lantern is no member of Confluence today" in told(report)[0]


def test_a_key_that_is_its_own_name_still_has_to_sign(world: Chains) -> None:
    """What can be checked without knowing anybody is checked."""
    one, key = world.held(), badges.STRANGER
    report = world.report(world.chained(one, badges.url_of(key), badges.NETWORK), one)
    assert report.code is Code.BAD_SIGNATURE


def test_nobody_countersigns_twice_or_oneself(world: Chains) -> None:
    """Nor over proofs that have no name."""
    one = world.held()
    document: Any = countersign(one.document, world.countersigner())
    with pytest.raises(RuleError, match="has signed this file already"):
        countersign(document, world.countersigner())
    with pytest.raises(RuleError, match="has signed this file already"):
        countersign(one.document, world.countersigner(world.granite))
    nameless = one.document
    del nameless["proof"][0]["id"]
    with pytest.raises(MalformedError, match="has no id") as refused:
        countersign(nameless, world.countersigner())
    assert "--new" in refused.value.hint
    with pytest.raises(MalformedError, match="none by its issuer"):
        countersign(one.document | {"proof": document["proof"][2:]}, world.countersigner(world.lantern))


def test_proofs_do_not_grow_without_bound(world: Chains) -> None:
    """A document that nobody would read any more is not made."""
    one = world.held()
    full = one.document
    full["proof"] += [{"type": "Other", "verificationMethod": f"did:web:x{n}#k"} for n in range(MAX_PROOFS - 3)]
    with pytest.raises(CairnError, match="at most"):
        countersign(full, world.countersigner())
