"""Two histories of the issuer's log, and a credential on the one that the verifier does not hold."""

from dataclasses import replace

from ledger.credential.report import Code
from ledger.log.governance import MemberOp
from tests.ledger.credential.verifying import World
from tests.ledger.log import networks
from tests.simulator import SLOTS, seeded


def test_what_stands_on_the_history_that_is_not_held_is_in_doubt_until_the_network_decides() -> None:
    """Nobody may call it false while nobody has said which history counts; afterwards it was never on the ledger."""
    world = World()
    world.good()
    other = world.granite.copy()
    other.counter += 1000
    held = world.good()
    elsewhere = world.mint()
    other.anchor()
    world.batch(other, [elsewhere])
    other.status(bytes(SLOTS))
    other.sign([world.network, world.lantern])
    assert world.check(elsewhere).code is Code.NOT_ON_LEDGER
    world.granite.forks = [networks.evidence(world.granite, other, 4)]
    for one in (held, elsewhere):
        assert world.check(one).code is Code.FORKED_LOG
    assert "that log has another history from entry 4 on" in world.check(elsewhere).steps[5].detail
    world.network.member(world.granite, MemberOp.AMEND)
    world.confirm()
    assert world.check(held).code is Code.VALID
    assert world.check(elsewhere).code is Code.NOT_ON_LEDGER


def test_a_receipt_that_leads_nowhere_below_a_fork_is_still_a_no() -> None:
    world = World()
    one, other = world.good(), world.mint()
    branch = world.granite.copy()
    world.good()
    branch.cut([seeded("another")])
    branch.sign([world.network, world.lantern])
    world.granite.forks = [networks.evidence(world.granite, branch, 4)]
    assert world.check(replace(other, receipt=one.receipt)).code is Code.NOT_ON_LEDGER
