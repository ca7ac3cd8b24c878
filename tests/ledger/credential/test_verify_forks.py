"""What a fork means for credentials that stand in one of its histories."""

from ledger.credential.report import Answer, Code
from ledger.log.governance import MemberOp
from tests.ledger.credential.verifying import World
from tests.ledger.log import networks


def test_what_stands_on_the_other_branch_is_in_doubt_until_the_network_decides() -> None:
    """Whoever holds one of two histories must not call what stands in the other one not authentic."""
    world = World()
    other = world.granite.copy()
    one = world.good()
    assert one.receipt is not None
    assert world.check(one).code is Code.VALID
    held, world.granite = world.granite, other
    world.logs[1] = other
    world.cut()
    assert world.check(one).code is Code.NOT_ON_LEDGER
    world.granite.forks = [networks.evidence(world.granite, held, one.receipt.index - 1)]
    report = world.check(one)
    assert report.code is Code.FORKED_LOG, report.to_lines()
    assert report.steps[5].answer is Answer.COULD_NOT_CHECK and "another history" in report.steps[5].detail
    world.network.member(world.granite, MemberOp.AMEND)
    world.confirm()
    assert world.check(one).code is Code.NOT_ON_LEDGER
