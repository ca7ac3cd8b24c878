"""Step 11 after a succession: whose pages count, and who may go on issuing."""

from ledger.credential.report import Code
from ledger.credential.status import Status
from ledger.log.charter import Role
from ledger.log.governance import MemberOp
from tests.ledger.credential.verifying import Minted, World
from tests.simulator import SimulatedLog


def succeeded(world: World) -> tuple[Minted, SimulatedLog]:
    """Granite closes; an heir goes on with its lists."""
    one = world.good()
    heir = world.add(SimulatedLog("heir"))
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    world.confirm()
    return one, heir


def test_before_the_successors_first_page_the_last_one_below_the_boundary_counts() -> None:
    world = World()
    one, _ = succeeded(world)
    report = world.check(one)
    assert report.code is Code.VALID and "entry 3 of the log of Granite" in report.steps[10].detail
    # what the old log writes above its end is nobody's word
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut()
    assert world.check(one).code is Code.VALID


def test_from_then_on_only_the_successors_pages_count() -> None:
    world = World()
    one, heir = succeeded(world)
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut(log=heir, extra=[world.desk(world.granite)])
    report = world.check(one)
    assert report.code is Code.REVOKED and "of the log of Heir" in report.steps[10].detail
    world.desk(world.granite).statuses.clear()
    world.page(world.granite)
    world.confirm()
    assert world.check(one).code is Code.REVOKED


def test_a_successor_that_does_not_restate_the_list_leaves_the_last_page_standing() -> None:
    world = World()
    one, heir = succeeded(world)
    world.cut(log=heir)
    report = world.check(one)
    assert report.code is Code.VALID and "of the log of Granite" in report.steps[10].detail


def test_a_successor_that_is_not_held_leaves_it_open() -> None:
    world = World()
    one, heir = succeeded(world)
    world.cut(log=heir, extra=[world.desk(world.granite)])
    world.logs.remove(heir)
    report = world.check(one)
    assert report.code is Code.INCOMPLETE
    assert "the log of Heir is not held here, and its pages may count" in report.steps[10].detail


def test_a_successors_page_needs_a_quorum() -> None:
    world = World()
    one, heir = succeeded(world)
    world.cut(log=heir, extra=[world.desk(world.granite)])
    heir.sign([world.lantern])
    report = world.check(one)
    assert report.code is Code.INCOMPLETE and "the head held of Heir" in report.steps[10].detail


def test_a_successor_goes_on_issuing_under_the_old_name() -> None:
    """Its keys, its log, its lists; the old issuer id."""
    world = World()
    _, heir = succeeded(world)
    one = world.mint(
        iss=world.issuer(world.granite),
        key=heir.role_signers[Role.REGISTER],
        reference=world.desk(heir).reference(),
    )
    world.cut(one, log=heir, extra=[world.desk(world.granite)])
    report = world.check(one)
    assert report.code is Code.VALID, report.to_lines()
    assert "of the log of Heir" in report.steps[5].detail


def test_the_successors_successor_is_followed() -> None:
    world = World()
    one, heir = succeeded(world)
    world.cut(log=heir, extra=[world.desk(world.granite)])
    second = world.add(SimulatedLog("second"))
    world.network.member(heir, MemberOp.SUCCEED, successor=second.log_id)
    world.confirm()
    assert "of the log of Heir" in world.check(one).steps[10].detail
    world.desk(world.granite).statuses[one.slot] = Status.REVOKED
    world.cut(log=second, extra=sorted([world.desk(world.granite), world.desk(heir)], key=lambda desk: desk.log.log_id))
    report = world.check(one)
    assert report.code is Code.REVOKED and "of the log of Second" in report.steps[10].detail


def test_what_the_old_log_issued_above_its_end_is_not_authorised() -> None:
    world = World()
    _, heir = succeeded(world)
    late = world.good()
    report = world.check(late)
    assert report.code is Code.ISSUER_NOT_AUTHORISED
    assert "its log had ended and a successor goes on" in report.steps[8].detail
    assert heir.size == 1


def test_what_a_successor_put_on_the_ledger_before_it_was_one_is_not_authorised() -> None:
    """It would be from before the old log ended, in the old name, and nobody but the old institution could say that then."""
    world = World()
    heir = world.add(SimulatedLog("heir"))
    signer, name = heir.role_signers[Role.REGISTER], world.issuer(world.granite)
    early = world.mint(log=heir, key=signer, iss=name)
    world.cut(early, log=heir)
    world.network.member(world.granite, MemberOp.SUCCEED, successor=heir.log_id)
    world.confirm()
    report = world.check(early)
    assert report.code is Code.ISSUER_NOT_AUTHORISED
    assert report.steps[8].detail.endswith(
        "Heir goes on with Granite, and put this on the ledger before that was decided"
    )
    later = world.mint(log=heir, key=signer, iss=name)
    world.cut(later, log=heir)
    assert world.check(later).code is Code.VALID
