"""Verification as a whole: what passes, what a report says, and that it reaches for nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ledger.credential.fields import select_fields
from ledger.credential.report import UNBOUND_NOTE, Answer, Code, Verdict
from ledger.credential.verify import NO_QUORUM_NOTE
from ledger.log.charter import Role
from ledger.log.policy import QuorumRule
from ledger.log.receipt import encode_receipt
from tests.ledger.credential.verifying import AUDIENCE, COURSE, HOLDER, STRANGER, Minted, World, bound
from tests.simulator import NOW


def test_all_good() -> None:
    """Every step that decides says yes, and the report says what is shown, by whom, and what is not."""
    world = World()
    record = world.verify(world.present(world.good()))
    (report,) = record.credentials
    assert (report.code, report.verdict, record.exit_code) == (Code.VALID, Verdict.VALID, 0)
    assert [step.answer for step in report.steps[:11]] == [Answer.YES] * 11
    assert [step.number for step in report.steps] == list(range(1, 15))
    assert (report.title, report.issuer) == ("Lantern Mastery Record", "Granite")
    assert {line.label: line.value for line in report.shown} == {"name": "Zoë Sample", "awarded_on": "2026-06-01"}
    assert report.not_shown and report.notes == ()
    assert [(line.label, line.claim_class.value) for line in record.shown] == [("goals", "self-asserted")]
    assert record.notes == (f"shown to {AUDIENCE} for: admission",)


def test_a_credential_that_is_no_diploma_is_signed_by_another_key() -> None:
    world = World()
    one = world.good(key=world.granite.role_signers[Role.ISSUE], achievement=COURSE, results=(), credits=None)
    assert world.check(one).code is Code.VALID


def test_two_credentials_of_two_issuers_in_one_file() -> None:
    """Each has its own holder key, and both keys sign the whole file; the worst verdict is the file's."""
    world = World()
    first, second = world.good(), world.good(log=world.lantern, holder=STRANGER)
    data = world.present(first, second)
    assert world.verify(data).verdict is Verdict.VALID
    world.desk(world.lantern).statuses[second.slot] = 1
    world.cut(log=world.lantern)
    record = world.verify(data)
    assert [report.verdict for report in record.credentials] == [Verdict.VALID, Verdict.WAS_VALID]
    assert (record.verdict, record.exit_code) == (Verdict.WAS_VALID, 1)


def test_a_learners_statement_beside_an_award_is_not_told_as_the_issuers() -> None:
    """The school places it and does not vouch for it; all else that is shown is its own word."""
    world = World()
    one = world.good(statement="The learner's words, for which Granite does not vouch: I was ill.")
    report = world.verify(world.present(one, names=("name", "statement"))).credentials[0]
    assert report.code is Code.VALID
    assert {line.label: line.claim_class.value for line in report.shown} == {
        "name": "issued",
        "statement": "self-asserted",
    }


def test_without_asking_for_a_name_the_report_says_for_whom_it_was_made() -> None:
    world = World()
    report = world.verify(world.present(world.good()), audience=None, nonce=None).credentials[0]
    assert report.code is Code.VALID
    assert report.steps[3].detail.startswith(f"made for {AUDIENCE} on 2026-06-09")


def test_a_bare_credential_without_holder_key_is_good_from_the_school_itself_only() -> None:
    """The registrar's copy: no key binding to ask for, and the batch is found in the bodies held."""
    world = World()
    one = world.good(holder=None)
    report = world.verify(one.sd_jwt.encode() + b"\n", audience=None, nonce=None).credentials[0]
    assert report.code is Code.VALID and report.notes == (UNBOUND_NOTE,)
    assert report.steps[3].answer is Answer.NOT_APPLICABLE
    assert report.steps[3].detail == "it names no holder key"


def test_a_file_of_unbound_copies_was_signed_by_nobody() -> None:
    world = World()
    one, two = world.mint(None), world.mint(HOLDER)
    world.cut(one, two)
    record = world.verify(world.present(one), audience=None, nonce=None)
    assert record.credentials[0].steps[3].detail == "it names no holder key; nobody signed the file it stands in"
    assert record.credentials[0].code is Code.VALID
    assert record.shown == record.notes == ()
    both = world.verify(world.present(one, two), audience=None, nonce=None)
    assert both.credentials[0].steps[3].detail == "it names no holder key"
    assert both.shown and both.notes


def test_quorum_none_is_repeated_with_the_verdict() -> None:
    world = World()
    world.trust_changes = {"quorum": QuorumRule.NONE}
    one = world.good()
    world.granite.sign()
    report = world.check(one)
    assert (report.code, report.notes) == (Code.VALID, (NO_QUORUM_NOTE,))
    assert report.steps[6].answer is Answer.COULD_NOT_CHECK


def test_dates_hold_to_the_second() -> None:
    world = World()
    one = world.good(valid_until="2026-06-10")
    end = 1_781_135_999_000
    last = world.check(one, now=end - 1000)
    assert last.code is Code.VALID and "until 2026-06-10" in last.steps[4].detail
    assert world.check(one, now=end + 1000).code is Code.EXPIRED


def test_a_receipt_of_one_copy_says_nothing_about_another() -> None:
    world = World()
    one, other = world.mint(), world.mint()
    world.cut(one, other)
    one.receipt = other.receipt
    assert world.check(one).code is Code.NOT_ON_LEDGER
    assert other.receipt is not None and encode_receipt(other.receipt)["position"] == 1


def test_a_bare_credential_with_key_binding_lives_for_minutes() -> None:
    """Without a file around it that says until when, a key binding is good for five minutes."""
    world = World()
    one = world.good()
    shown = select_fields(one.sd_jwt, ["name"])
    envelope = world.envelope(one)
    data = bound(shown, HOLDER, envelope, claims=None).encode()
    assert world.verify(data, now=NOW + 299_000).credentials[0].code is Code.VALID
    late = world.verify(data, now=NOW + 301_000).credentials[0]
    assert late.code is Code.NOT_BOUND and "expected at most 300 seconds before" in late.steps[3].detail


# sockets

_forbidden: list[bool] = []


def _hook(event: str, _: object) -> None:
    if _forbidden and (event.startswith("socket.") or event in ("open", "subprocess.Popen", "os.listdir")):
        raise AssertionError(f"verification caused {event}")


sys.addaudithook(_hook)


@contextmanager
def sealed() -> Iterator[None]:
    """No socket, no file, no process while this lasts."""
    _forbidden.append(True)
    try:
        yield
    finally:
        _forbidden.clear()


def test_verification_opens_nothing() -> None:
    """Neither for a good file, nor for one with everything missing, nor for junk."""
    world = World()
    good, unknown = world.good(), world.good(iss="https://elsewhere.example")
    files = [world.present(good), world.present(unknown), b"junk", one_without_receipt(good, world)]
    world.verify(files[0])
    with sealed():
        codes = [world.verify(data).credentials[0].code for data in files]
    assert codes == [Code.VALID, Code.UNKNOWN_ISSUER, Code.MALFORMED, Code.VALID]
    with pytest.raises(AssertionError, match="verification caused open"), sealed():
        open(__file__).close()


def one_without_receipt(one: Minted, world: World) -> bytes:
    return world.present(replace(one, receipt=None))
