"""What was known in a week, told at the end from the final replica, against what was right in that week."""

from random import Random

from ledger.credential.report import Code
from ledger.credential.verify import verify_credential
from ledger.credential.verify_token import Terms
from ledger.duration import DAY_MS
from ledger.log.network import Network
from tests.simulation.checks import WrongAnswer, copies_of, describe
from tests.simulation.institution import WEEK_MS, Actor
from tests.simulation.node import Node
from tests.simulation.oracle import Copy, Kind
from tests.simulation.world import START_MS, World

SAMPLE = 12
TIMELESS = (Kind.ALTERED, Kind.UNKNOWN_KEY, Kind.STRANGER, Kind.HOMELESS, Kind.BORROWED_RECEIPT, Kind.OTHER_BRANCH)
"""What is wrong with these is not a matter of the day."""


def check_as_of(world: World, network: Actor, holder: Node) -> None:
    """Ask about the end of every week for a sample of copies."""
    random = Random(f"as of/{world.seed}/{network.name}")
    view = Network(world.trusts[network.name], holder.store)
    copies = [copy for copy in copies_of(world, network) if copy.kind not in TIMELESS and not _is_exempt(world, copy)]
    wrong = []
    for week in range(world.week + 1):
        moment = START_MS + week * WEEK_MS + DAY_MS
        for copy in random.sample(copies, min(SAMPLE, len(copies))):
            report = verify_credential(
                copy.text, copy.receipt, view, Terms(now=max(world.clock(), moment), as_of=moment)
            )
            assert report.as_of is not None
            right = world.oracle.answer(copy, week, network.name) if copy.week <= week else Code.NOT_YET_VALID
            world.answers += 1
            found = report.as_of.known_then.code
            if found is not right:
                wrong.append(f"{describe(copy)} as of week {week} in {network.name}: {found}, right is {right}")
    if wrong:
        raise WrongAnswer("\n".join(wrong[:20]))


def _is_exempt(world: World, copy: Copy) -> bool:
    """Evidence of a fork carries no date, and heads of a suspended member are not anchored: nobody can say by when."""
    return any(log in (copy.log, copy.list_log) for log in (*world.oracle.forks, *world.oracle.outages))
