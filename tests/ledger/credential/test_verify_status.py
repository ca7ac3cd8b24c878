"""Step 11: which status page decides, and what it says."""

import re
from collections.abc import Callable

import pytest

from ledger.credential.report import Answer, Code, Verdict
from ledger.credential.status import Status, StatusReference
from ledger.log.charter import BatchPolicy, Role
from ledger.log.governance import MemberOp
from tests.ledger.credential.verifying import DAY, SECONDS, Minted, World
from tests.ledger.log import networks
from tests.ledger.log.samples import add, amend, fresh_key, restate
from tests.simulator import NOW, seeded

Make = Callable[[World], Minted]


def marked(status: int) -> Make:
    """A copy whose slot is changed at the next cut."""

    def make(world: World) -> Minted:
        one = world.good()
        world.desk(world.granite).statuses[one.slot] = status
        world.cut()
        return one

    return make


def no_page(world: World) -> Minted:
    one = world.mint()
    world.granite.anchor()
    world.batch(world.granite, [one])
    world.confirm()
    return one


def missing_page(world: World) -> Minted:
    one = world.good()
    world.granite.bodies[3] = None
    return one


def damaged_page(world: World) -> Minted:
    one = world.good()
    body = world.granite.bodies[3]
    assert body is not None
    world.granite.bodies[3] = bytes([body[0] ^ 1]) + body[1:]
    return one


def other_key(world: World) -> Minted:
    """The slot key in the copy is not the slot's: what it reads is noise, here above 3."""
    for n in range(50):
        reference = StatusReference(world.granite.log_id, 0, n, seeded("no slot key", n))
        one = world.mint(reference=reference)
        world.cut(one)
        if world.check(one).steps[10].answer is Answer.COULD_NOT_CHECK:
            return one
    raise AssertionError("fifty keys in a row read as a status")


def list_that_is_not_there(world: World) -> Minted:
    return world.good(reference=StatusReference(world.granite.log_id, 7, 0, bytes(32)))


def slot_that_is_not_there(world: World) -> Minted:
    return world.good(reference=StatusReference(world.granite.log_id, 0, 5000, bytes(32)))


def another_schools_list(world: World) -> Minted:
    return world.good(reference=world.desk(world.lantern).reference())


def voided_page(world: World) -> Minted:
    one = world.good()
    world.granite.compromise(world.granite.role_signers[Role.OPERATE], 3)
    add(world.granite, fresh_key(world.granite, "operate"))
    world.confirm()
    return one


def more_is_known(world: World) -> Minted:
    """The network has anchored a larger state of the issuer's log than the verifier holds."""
    one = world.good()
    held = world.granite.copy()
    world.cut()
    world.logs[1] = held
    held.sign([world.network, world.lantern])
    return one


def suspended_and_more_is_known(world: World) -> Minted:
    one = marked(Status.SUSPENDED)(world)
    held = world.granite.copy()
    world.cut()
    world.logs[1] = held
    held.sign([world.network, world.lantern])
    return one


def page_of_another_list_too(world: World) -> Minted:
    """The newest page names a list of a log that Granite does not succeed: it is void, and the page before counts."""
    one = world.good()
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut(extra=[world.desk(world.lantern)])
    return one


ROWS: list[tuple[str, Make, Answer, Code, Verdict, str]] = [
    ("revoked", marked(1), Answer.NO, Code.REVOKED, Verdict.WAS_VALID, "revoked, as of entry 6 of the log of Granite"),
    ("suspended", marked(2), Answer.NO, Code.SUSPENDED, Verdict.WAS_VALID, "suspended, as of entry 6"),
    ("replaced", marked(3), Answer.NO, Code.SUPERSEDED, Verdict.WAS_VALID, "replaced by a newer copy, as of entry 6"),
    (
        "no page yet",
        no_page,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "no status page for this list",
    ),
    ("page not held", missing_page, Answer.COULD_NOT_CHECK, Code.INCOMPLETE, Verdict.CANNOT_TELL, "page 3 is not held"),
    ("page damaged", damaged_page, Answer.COULD_NOT_CHECK, Code.INCOMPLETE, Verdict.CANNOT_TELL, "body: root"),
    ("another key", other_key, Answer.COULD_NOT_CHECK, Code.INCOMPLETE, Verdict.CANNOT_TELL, "does not open the page"),
    (
        "no such list",
        list_that_is_not_there,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "list 7 of log .* is not on the page",
    ),
    (
        "no such slot",
        slot_that_is_not_there,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "slot 5000 is beyond the 1024 slots",
    ),
    (
        "another school's list",
        another_schools_list,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "belongs to another institution",
    ),
    (
        "voided page",
        voided_page,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "the newest status page of Granite, entry 3, is void",
    ),
    (
        "a larger state is known",
        more_is_known,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "valid as of entry 3 .* but the network knows 7 entries of that log",
    ),
    (
        "suspended, and a larger state is known",
        suspended_and_more_is_known,
        Answer.COULD_NOT_CHECK,
        Code.INCOMPLETE,
        Verdict.CANNOT_TELL,
        "suspended as of entry 6 .* but the network knows 10 entries",
    ),
]


@pytest.mark.parametrize(
    ("make", "answer", "code", "verdict", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_status_is_told(make: Make, answer: Answer, code: Code, verdict: Verdict, message: str) -> None:
    """All other deciding steps say yes."""
    world = World()
    report = world.check(make(world))
    found = report.steps[10]
    assert (found.answer, report.code, report.verdict) == (answer, code, verdict), report.to_lines()
    assert re.search(message, found.detail), found.detail
    assert found.remedy
    # a voided page does not void the batch below it
    assert {step.answer for step in report.steps[:10]} == {Answer.YES}


def test_a_final_fact_stands_though_more_is_known() -> None:
    """Nothing that comes later makes a revoked copy valid."""
    world = World()
    one = marked(1)(world)
    held = world.granite.copy()
    world.cut()
    world.logs[1] = held
    held.sign([world.network, world.lantern])
    assert world.check(one).code is Code.REVOKED


def test_the_newest_page_decides_for_everybody() -> None:
    world = World()
    one = marked(2)(world)
    del world.desk(world.granite).statuses[one.slot]
    assert world.check(one).code is Code.SUSPENDED
    world.cut()
    assert world.check(one).code is Code.VALID


def test_a_restated_page_is_read_with_the_id_it_had() -> None:
    world = World()
    one = voided_page(world)
    restate(world.granite, 3, fresh_key(world.granite, "operate"))
    world.confirm()
    report = world.check(one)
    assert report.code is Code.VALID and "as of entry 3" in report.steps[10].detail


def test_a_later_good_page_ends_the_doubt() -> None:
    world = World()
    one = voided_page(world)
    world.page(world.granite, fresh_key(world.granite, "operate"))
    world.confirm()
    assert world.check(one).code is Code.VALID


def test_a_page_that_names_a_list_of_a_log_it_does_not_succeed_is_void() -> None:
    world = World()
    report = world.check(page_of_another_list_too(world))
    assert report.code is Code.VALID and "as of entry 3" in report.steps[10].detail


def test_pages_of_suspended_members_count() -> None:
    """A `status` entry needs no rights."""
    world = World()
    one = world.good()
    world.network.member(world.granite, MemberOp.SUSPEND)
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut()
    assert world.check(one).code is Code.REVOKED


def test_silence_is_told_and_changes_nothing() -> None:
    """Two of its own intervals without a head; the network's own head is fresh."""
    world = World()
    amend(world.granite, batch=BatchPolicy(DAY, 0, 4))
    world.cut()
    one = world.mint()
    world.cut(one)
    later = SECONDS + 3 * 86_400
    world.network.sign([world.granite, world.lantern], later)
    report = world.check(one, now=NOW + 3 * DAY)
    assert report.code is Code.VALID
    assert report.steps[10].detail.endswith("; nothing from it since 2026-06-09 10:13:20 UTC")


# forks


def test_in_a_fork_status_is_read_where_it_begins() -> None:
    """Below the fork valid; revoked on the branch held: nobody can say."""
    world = World()
    one = world.good()
    other = world.granite.copy()
    other.cut([seeded("another")])
    other.sign([world.network, world.lantern])
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut()
    world.granite.forks = [networks.evidence(world.granite, other, 4)]
    report = world.check(one)
    assert report.code is Code.INCOMPLETE, report.to_lines()
    assert "not so above the fork of that log" in report.steps[10].detail


def test_what_was_revoked_below_the_fork_is_revoked() -> None:
    world = World()
    one = marked(1)(world)
    other = world.granite.copy()
    other.cut([seeded("another")])
    other.sign([world.network, world.lantern])
    world.desk(world.granite).statuses.clear()
    world.cut()
    world.granite.forks = [networks.evidence(world.granite, other, 7)]
    assert world.check(one).code is Code.REVOKED


def test_without_a_page_below_the_fork_status_is_unknown() -> None:
    world = World()
    one = no_page(world)
    other = world.granite.copy()
    other.counter += 100
    for branch in (world.granite, other):
        world.page(branch)
        branch.sign([world.network, world.lantern])
    world.confirm()
    world.granite.forks = [networks.evidence(world.granite, other, None)]
    report = world.check(one)
    assert report.steps[10].answer is Answer.COULD_NOT_CHECK
    assert "no status page below the fork" in report.steps[10].detail
