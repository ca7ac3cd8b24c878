"""Verifying with a trust root and no ledger: steps 1 to 7 by the file's own proof, the rest left open, never valid."""

from dataclasses import replace
from typing import Any

import pytest

from ledger import base64url
from ledger.credential.presentation import PresentedCredential, encode_presentation
from ledger.credential.report import Answer, Code, CredentialReport, Verdict
from ledger.credential.stapled import encode_stapled, prove_status
from ledger.credential.verify import Question
from ledger.credential.verify_standalone import STANDALONE_NOTE, verify_file_alone
from ledger.log.charter import Role
from ledger.log.policy import QuorumRule
from ledger.log.standalone import encode_standalone, prove_receipt
from tests.ledger.credential.test_stapled import reference_of
from tests.ledger.credential.verifying import AUDIENCE, DAY, NONCE, SECONDS, Minted, World
from tests.simulator import NOW, SimulatedLog


class Case:
    """A world with one good copy, shown to somebody who has nothing but the trust root."""

    def __init__(self) -> None:
        self.world = World()
        self.copy = self.world.good()
        self.trust_changes: dict[str, Any] = {"witnesses": self.world.network.state.members.witness_sets[-1].witnesses}

    def extras(self, copy: Minted, log: SimulatedLog | None = None) -> dict[str, Any]:
        school = log or self.world.granite
        assert copy.receipt is not None
        staple = prove_status(school, reference_of(copy))
        return {
            "proof": encode_standalone(prove_receipt(school, copy.receipt)),
            "status": None if staple is None else encode_stapled(staple),
        }

    def show(self, copy: Minted | None = None, **changes: Any) -> bytes:
        shown = copy or self.copy
        envelope = self.world.envelope(shown)
        extras = {**self.extras(shown), **changes}
        rows: tuple[PresentedCredential, ...] = tuple(replace(item, **extras) for item in envelope.credentials)
        return encode_presentation(self.world.bind(replace(envelope, credentials=rows), shown.holder))

    def judge(self, data: bytes, **question: Any) -> CredentialReport:
        asked = {"now": NOW + 60_000, "audience": AUDIENCE, "nonce": NONCE, **question}
        trust = replace(self.world.trust, **self.trust_changes)
        return verify_file_alone(data, trust, Question(**asked)).credentials[0]


def answers(report: CredentialReport) -> list[Answer]:
    return [step.answer for step in report.steps]


def test_steps_one_to_seven_are_checked_and_the_rest_is_left_open() -> None:
    case = Case()
    report = case.judge(case.show())
    assert answers(report)[:7] == [Answer.YES] * 7
    assert answers(report)[7:11] == [Answer.COULD_NOT_CHECK] * 4
    assert (report.code, report.verdict) == (Code.INCOMPLETE, Verdict.CANNOT_TELL)
    assert "entry 2 of the log of Granite, by the file's own proof" in report.steps[5].detail
    assert "2 of 2 independent witnesses of the trust root, 2 needed, by 20" in report.steps[6].detail
    assert STANDALONE_NOTE in report.notes
    assert (report.title, report.issuer) == (case.world.check(case.copy).title, "Granite")
    assert all(step.remedy for step in report.steps[7:11])
    assert f"a status of entry {case.world.granite.size - 1}" in report.steps[10].detail


def test_all_fourteen_steps_are_told() -> None:
    case = Case()
    assert [step.number for step in case.judge(case.show()).steps] == list(range(1, 15))


def test_the_own_witness_of_the_issuer_does_not_count() -> None:
    case = Case()
    log = case.world.granite
    log.sign([log, case.world.network])
    report = case.judge(case.show())
    assert (report.steps[6].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.NO_QUORUM)
    assert "1 of the 2 cosignatures needed" in report.steps[6].detail


def test_a_log_that_somebody_founded_for_the_occasion_has_no_witnesses() -> None:
    """Everything in the file is consistent, its author's own; and nobody has seen it."""
    case = Case()
    false = SimulatedLog("false-granite", batch=8)
    world = World()
    world.add(false)
    copy = world.mint(log=false)
    world.cut(copy, log=false)
    false.sign()
    data = case.show(copy, **case.extras(copy, false))
    report = case.judge(data)
    assert answers(report)[:6] == [Answer.YES] * 6
    assert (report.steps[6].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.NO_QUORUM)
    assert report.verdict is Verdict.CANNOT_TELL


def test_a_file_without_proofs_says_what_to_do() -> None:
    case = Case()
    report = case.judge(case.world.present(case.copy))
    assert (len(report.steps), report.steps[1].answer) == (2, Answer.COULD_NOT_CHECK)
    assert "cairn present --offline" in report.steps[1].remedy
    assert report.code is Code.INCOMPLETE


def test_no_quorum_asked_for() -> None:
    case = Case()
    case.trust_changes["quorum"] = QuorumRule.NONE
    case.world.granite.sign()
    report = case.judge(case.show())
    assert (report.steps[6].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.INCOMPLETE)
    assert any("quorum none" in note for note in report.notes)


def test_no_witness_named() -> None:
    case = Case()
    case.trust_changes["witnesses"] = ()
    report = case.judge(case.show())
    assert "names no independent witness" in report.steps[6].detail
    assert report.code is Code.NO_QUORUM


def test_a_quorum_from_the_future() -> None:
    case = Case()
    case.world.confirm(SECONDS + 7200)
    report = case.judge(case.show())
    assert (report.steps[6].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.STALE)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"audience": "https://other.example"}, Code.NOT_BOUND),
        ({"nonce": "other"}, Code.NOT_BOUND),
        ({"now": NOW + 40 * DAY}, Code.NOT_BOUND),
    ],
)
def test_what_the_file_proves_wrong_stays_wrong(question: dict[str, Any], code: Code) -> None:
    case = Case()
    assert case.judge(case.show(), **question).code is code


def test_another_copys_proof_does_not_prove_this_one() -> None:
    case = Case()
    other = case.world.good()
    receipt, proof = other.receipt, case.extras(other)["proof"]
    this = replace(case.copy, receipt=receipt)
    report = case.judge(case.show(this, proof=proof))
    assert (report.steps[5].answer, report.code) == (Answer.NO, Code.NOT_ON_LEDGER)


def test_a_bent_proof() -> None:
    case = Case()
    proof = case.extras(case.copy)["proof"]
    path = [*proof["charter_path"][:-1], base64url.encode(bytes(32))]
    report = case.judge(case.show(proof={**proof, "charter_path": path}))
    assert (report.steps[5].answer, report.code) == (Answer.NO, Code.NOT_ON_LEDGER)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"charter": base64url.encode(b"{}")}, "is not that of log"),
        ({"entry": 1}, "entry"),
        ({"more": 1}, "more"),
        ({"tlog_proof": "c2sp.org/tlog-proof@v2\nindex 1\n\nx"}, "does not begin with"),
    ],
)
def test_what_is_no_proof_leaves_the_key_unknown(change: dict[str, Any], detail: str) -> None:
    case = Case()
    report = case.judge(case.show(proof={**case.extras(case.copy)["proof"], **change}))
    assert (report.steps[1].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.INCOMPLETE)
    assert detail in report.steps[1].detail


def test_a_receipt_of_another_institution_does_not_name_the_key() -> None:
    case = Case()
    copy = case.world.mint(iss=case.world.issuer(case.world.lantern))
    case.world.cut(copy)
    report = case.judge(case.show(copy))
    assert (report.steps[1].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.UNKNOWN_ISSUER)


def test_a_key_that_was_added_later_is_not_in_the_charter() -> None:
    case = Case()
    log = case.world.granite
    key = log.key("newer")
    log.add_key(key, Role.REGISTER)
    copy = case.world.mint(key=key)
    case.world.cut(copy)
    report = case.judge(case.show(copy))
    assert (report.steps[1].answer, report.code) == (Answer.COULD_NOT_CHECK, Code.INCOMPLETE)
    assert "may have been added later" in report.steps[1].detail


def test_a_credential_with_another_signature_is_not_believed() -> None:
    case = Case()
    signature = case.copy.sd_jwt.split("~")[0].rpartition(".")[2].encode()
    other = signature[:20] + bytes([signature[20] ^ 1]) + signature[21:]
    report = case.judge(case.show().replace(signature, other))
    assert (report.code, report.title, report.shown) == (Code.BAD_SIGNATURE, "", ())


def test_a_key_of_another_institution() -> None:
    case = Case()
    other = case.world.mint(key=case.world.lantern.role_signers[Role.REGISTER])
    case.world.cut(other)
    assert case.judge(case.show(other)).code is Code.INCOMPLETE


def test_what_is_no_presentation() -> None:
    case = Case()
    for data in (b"", b"{}", case.copy.sd_jwt.encode(), bytes(10 * 1024 * 1024 + 1)):
        assert case.judge(data).code is Code.MALFORMED


def test_with_a_ledger_the_proofs_change_nothing() -> None:
    case = Case()
    with_proofs = case.world.verify(case.show(status=None)).credentials[0]
    assert with_proofs == case.world.check(case.copy)
