"""Stapled status: what a file brings of a newer page than is held, and when it does not count."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.credential.presentation import PresentedCredential, encode_presentation
from ledger.credential.report import Answer, Code, CredentialReport
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.credential.stapled import StapledStatus, encode_stapled, parse_stapled, prove_status
from ledger.credential.status import StatusReference, parse_status_claim
from ledger.credential.verify import Question, verify_file
from ledger.errors import MalformedError
from ledger.log.charter import Role
from ledger.log.network import Network
from ledger.log.proof import make_proof
from ledger.log.standalone import EntryProof
from tests.ledger.credential.verifying import AUDIENCE, DAY, NONCE, SECONDS, Minted, World
from tests.simulator import NOW, SimulatedLedger, SimulatedLog


def reference_of(copy: Minted) -> StatusReference:
    found = parse_status_claim(open_claims(parse_sd_jwt(copy.sd_jwt)).payload["status"])
    assert found is not None
    return found


class Case:
    """A copy, what a verifier held when it was issued, and a world that has gone on since."""

    def __init__(self) -> None:
        self.world = World()
        self.copy = self.world.good()
        self.held = SimulatedLedger(*(self.keep(log) for log in self.world.logs))

    @staticmethod
    def keep(log: SimulatedLog) -> SimulatedLog:
        kept = log.copy()
        kept.state = log.state.copy()
        return kept

    def go_on(self, status: int = 0) -> None:
        """A further cut, in which the copy has this status."""
        self.world.desk(self.world.granite).statuses[self.copy.slot] = status
        self.world.cut()

    def staple(self) -> StapledStatus:
        found = prove_status(self.world.granite, reference_of(self.copy))
        assert found is not None
        return found

    def verify(self, stapled: StapledStatus | dict[str, Any] | None, **question: Any) -> CredentialReport:
        """What the verifier with the old replica is told of a file that brings this."""
        envelope = self.world.envelope(self.copy, **question.pop("envelope", {}))
        value = encode_stapled(stapled) if isinstance(stapled, StapledStatus) else stapled
        shown = tuple(replace(item, status=value) for item in envelope.credentials)
        data = encode_presentation(self.world.bind(replace(envelope, credentials=shown), self.copy.holder))
        asked = {"now": NOW + 60_000, "audience": AUDIENCE, "nonce": NONCE, **question}
        return verify_file(data, Network(self.world.trust, self.held), Question(**asked)).credentials[0]


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (0, Code.VALID, ""),
        (1, Code.REVOKED, "revoked, "),
        (2, Code.SUSPENDED, "suspended, "),
        (3, Code.SUPERSEDED, "replaced by a newer copy, "),
    ],
)
def test_a_newer_page_decides(status: int, code: Code, word: str) -> None:
    case = Case()
    case.go_on(status)
    report = case.verify(case.staple())
    assert report.code is code
    assert report.steps[10].detail.startswith(f"{word}as of entry {case.world.granite.size - 1} of the log of Granite")
    assert "which the file brings, by 20" in report.steps[10].detail


def test_without_it_the_page_held_decides() -> None:
    case = Case()
    case.go_on(1)
    assert case.verify(None).code is Code.VALID


def test_it_tells_what_the_network_knows_to_be_newer() -> None:
    """The verifier holds the network's newest log and an old one of the school: only with it is the status known."""
    case = Case()
    case.go_on()
    case.held.logs[case.world.network.log_id] = case.world.network
    report = case.verify(None)
    assert (report.code, report.steps[10].answer) == (Code.INCOMPLETE, Answer.COULD_NOT_CHECK)
    assert case.verify(case.staple()).code is Code.VALID


def test_an_older_one_than_the_network_knows_is_not_enough() -> None:
    case = Case()
    case.go_on()
    staple = case.staple()
    case.go_on(2)
    case.held.logs[case.world.network.log_id] = case.world.network
    report = case.verify(staple)
    assert report.code is Code.INCOMPLETE
    assert f"the network knows {case.world.granite.size} entries" in report.steps[10].detail


def test_what_is_held_as_final_stays_final() -> None:
    """A page above a revocation that takes it back: no node of this ledger signs it, and no verifier believes it."""
    case = Case()
    case.go_on(1)
    case.held = SimulatedLedger(*(case.keep(log) for log in case.world.logs))
    case.go_on(0)
    assert case.verify(case.staple()).code is Code.REVOKED


def below_the_head(case: Case) -> StapledStatus:
    staple = case.staple()
    case.world.granite.anchor()
    case.world.confirm()
    index = staple.page.proof.index
    log = case.world.granite
    return replace(staple, page=EntryProof(log.entries[index], make_proof(index, log.note or b"", log.read_hashes)))


def unwitnessed(case: Case) -> StapledStatus:
    log = case.world.granite
    log.sign()
    return case.staple()


def too_old(case: Case) -> StapledStatus:
    case.world.confirm(SECONDS - 3 * DAY // 1000)
    return case.staple()


def from_the_future(case: Case) -> StapledStatus:
    case.world.confirm(SECONDS + 2 * 3600)
    return case.staple()


def by_an_unknown_key(case: Case) -> StapledStatus:
    log = case.world.granite
    key = log.key("newer")
    log.add_key(key, Role.OPERATE)
    case.world.page(log, key)
    case.world.confirm()
    return case.staple()


def no_page(case: Case) -> StapledStatus:
    staple = case.staple()
    log = case.world.granite
    log.issue()
    case.world.confirm()
    index = log.size - 1
    return replace(staple, page=EntryProof(log.entries[index], make_proof(index, log.note or b"", log.read_hashes)))


def other_piece(case: Case) -> StapledStatus:
    return replace(case.staple(), piece=bytes(1024))


def other_path(case: Case) -> StapledStatus:
    staple = case.staple()
    return replace(staple, path=(*staple.path, bytes(32)))


def of_another_log(case: Case) -> StapledStatus:
    case.world.cut(log=case.world.lantern)
    copy = case.world.good(log=case.world.lantern)
    found = prove_status(case.world.lantern, reference_of(copy))
    assert found is not None
    return found


def bent_proof(case: Case) -> StapledStatus:
    staple = case.staple()
    page = replace(staple.page, proof=replace(staple.page.proof, path=staple.page.proof.path[1:]))
    return replace(staple, page=page)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (of_another_log, "origin lantern"),  # 1, 3
        (below_the_head, "is not the last of the"),  # 2
        (no_page, "is no status page"),
        (bent_proof, "too few"),  # 3
        (unwitnessed, "0 of the 2 cosignatures needed"),  # 4
        (too_old, "its head is of 20"),
        (from_the_future, "its head is of 20"),
        (by_an_unknown_key, "its signer is not a key of this institution"),  # 5
        (other_piece, "leads to root"),  # 6
        (other_path, "too many"),
    ],
)
def test_it_does_not_count(make: Any, reason: str) -> None:
    """One condition fails: the page held decides as if nothing had been brought, and the report says why."""
    case = Case()
    case.go_on(1)
    report = case.verify(make(case))
    assert report.code is Code.VALID
    assert "the newer status it brings does not count: " in report.steps[10].detail
    assert reason in report.steps[10].detail


@pytest.mark.parametrize(
    ("later", "counts"), [(0, True), (1, False), (-2 * DAY - 3_600_000, True), (-2 * DAY - 3_600_001, False)]
)
def test_the_edges_of_its_age(later: int, counts: bool) -> None:
    """Exactly `max_age` old, and an hour ahead of this computer's clock, still count; a millisecond more does not."""
    case = Case()
    case.go_on(1)
    assert case.world.trust.max_age == 2 * DAY
    envelope = {"created": SECONDS * 1000 - 2 * DAY, "expires": SECONDS * 1000 + 30 * DAY}
    report = case.verify(case.staple(), now=SECONDS * 1000 + 2 * DAY + later, envelope=envelope)
    assert ("which the file brings" in report.steps[10].detail) is counts, report.steps[10].detail


def test_one_that_is_not_newer_than_what_is_held_does_not_count() -> None:
    case = Case()
    report = case.verify(case.staple())
    assert report.code is Code.VALID
    assert "is not newer than the" in report.steps[10].detail


@pytest.mark.parametrize("name", ["entry", "path", "piece", "tlog_proof"])
def test_a_member_is_missing_or_of_another_kind(name: str) -> None:
    case = Case()
    case.go_on(1)
    value = encode_stapled(case.staple())
    assert parse_stapled(value) == case.staple()
    for wrong in (None, 1, [1], {"a": 1}, "?"):
        with pytest.raises(MalformedError):
            parse_stapled({**value, name: wrong})
    report = case.verify({key: item for key, item in value.items() if key != name})
    assert report.code is Code.VALID
    assert "does not count: stapled status" in report.steps[10].detail


def test_the_slot_key_is_in_no_report() -> None:
    case = Case()
    case.go_on()
    text = str(case.verify(case.staple()).to_json())
    assert reference_of(case.copy).key.hex() not in text


def test_a_log_that_does_not_end_with_a_page_has_none() -> None:
    world = World()
    copy = world.good()
    world.granite.anchor()
    assert prove_status(world.granite, reference_of(copy)) is None
    assert prove_status(world.lantern, reference_of(copy)) is None


def test_it_belongs_to_the_file_that_the_holder_signed() -> None:
    """Taken out, or put in by somebody else, the key binding no longer fits."""
    case = Case()
    case.go_on(1)
    envelope = case.world.envelope(case.copy)
    bound = case.world.bind(envelope, case.copy.holder)
    added = tuple(
        PresentedCredential(item.sd_jwt, item.receipt, None, encode_stapled(case.staple()))
        for item in bound.credentials
    )
    assert (
        case.world.verify(encode_presentation(replace(bound, credentials=added))).credentials[0].code is Code.NOT_BOUND
    )
