"""What is held against the oracle: every copy every week, every replica, and the audit at the end."""

from collections.abc import Callable, Iterable
from random import Random

from ledger.credential.report import Answer, Code, CredentialReport
from ledger.credential.verify import verify_credential
from ledger.credential.verify_token import Terms
from ledger.log.network import Network
from tests.simulation.institution import Actor
from tests.simulation.node import Node
from tests.simulation.oracle import NEVER, ORDER, Copy, Kind
from tests.simulation.world import World

SAMPLE = 12
NEVER_PLACED = (Kind.HOMELESS, Kind.UNKNOWN_KEY, Kind.ALTERED)


class WrongAnswer(AssertionError):
    """Some answers were not the right ones."""


def check_week(world: World) -> None:
    """Verify everything on the networks' replicas, and samples on members', of other networks, and by those who are away."""
    random = Random(f"checks/{world.seed}/{world.week}")
    wrong: list[str] = []
    for network in world.networks:
        copies = copies_of(world, network)
        wrong += wrong_answers(world, network, network.node, copies)
        wrong += foreign_answers(world, network, random)
        members = [actor for actor in world.members[network.name] if world.is_up(actor) and not actor.is_closed]
        for member in random.sample(members, min(world.scale.bystanders, len(members))):
            sample = random.sample(copies, min(SAMPLE, len(copies)))
            wrong += wrong_answers(
                world, network, member.node, [one for one in sample if not _is_behind(world, member, one)]
            )
            wrong += undecided_answers(
                world, network, member, [one for one in sample if _is_behind(world, member, one)]
            )
    for absence in world.plan.absences:
        if absence.start <= world.week < absence.end:
            wrong += stale_answers(world, world[absence.who], random)
    if wrong:
        raise WrongAnswer("\n".join(wrong[:20]))


def foreign_answers(world: World, network: Actor, random: Random) -> list[str]:
    """What institutions of another network issued means nothing here."""
    own = {copy.number for copy in copies_of(world, network)}
    others = [copy for copy in world.oracle.copies if copy.number not in own and copy.receipt is not None]
    foreign = random.sample(others, min(3, len(others)))
    return _compare(world, network, network.node, foreign, lambda copy: Code.UNKNOWN_ISSUER)


def stale_answers(world: World, actor: Actor, random: Random) -> list[str]:
    """Who was away for longer than a trust root allows cannot tell any more, but for what is final."""
    seen = world.seen[actor.name]
    network = actor.networks[0]
    copies = [copy for copy in copies_of(world, network) if copy.week <= seen]
    is_stale = world.week - seen >= 2

    def expected(copy: Copy) -> Code:
        codes = [world.oracle.answer(copy, seen, network.name), *([Code.STALE] if is_stale else [])]
        return min(codes, key=ORDER.index)

    return _compare(world, network, actor.node, random.sample(copies, min(SAMPLE, len(copies))), expected)


def _is_behind(world: World, member: Actor, copy: Copy) -> bool:
    return any((member.address, log) in world.outdated for log in (copy.log, copy.list_log))


def undecided_answers(world: World, network: Actor, member: Actor, copies: Iterable[Copy]) -> list[str]:
    """Who holds the history that the network does not anchor knows of later pages than it can read: it must not decide.

    What is final or false it may tell all the same; what it must not do is to call something valid.
    """
    view = Network(world.trusts[network.name], member.node.store)
    size = {log: known.size for log in (copy.log for copy in copies) if (known := view.newest_anchor(log)) is not None}

    def expected(copy: Copy) -> Code:
        held = member.node.store.log(copy.list_log)
        is_behind = held is not None and held.size < size.get(copy.list_log, 0)
        right = world.oracle.answer(copy, world.week, network.name)
        return min([right, *([Code.INCOMPLETE] if is_behind else [])], key=ORDER.index)

    return _compare(world, network, member.node, copies, expected)


def copies_of(world: World, network: Actor) -> list[Copy]:
    """Copies that can be shown in a network this week: on the ledger, or never to be."""
    names = {member.name for member in world.members[network.name]}
    return [
        copy
        for copy in world.oracle.copies
        if copy.kind is Kind.STRANGER or (copy.issuer in names and (copy.week != NEVER or copy.kind in NEVER_PLACED))
    ]


def wrong_answers(world: World, network: Actor, holder: Node, copies: Iterable[Copy]) -> list[str]:
    """Verify copies on somebody's replica; what differs from the oracle, in words."""
    return _compare(world, network, holder, copies, lambda copy: world.oracle.answer(copy, world.week, network.name))


def _compare(
    world: World, network: Actor, holder: Node, copies: Iterable[Copy], right: Callable[[Copy], Code]
) -> list[str]:
    view = Network(world.trusts[network.name], holder.store)
    terms = Terms(now=world.clock())
    found = []
    for copy in copies:
        report = verify_credential(copy.text, copy.receipt, view, terms)
        expected = right(copy)
        world.answers += 1
        if report.code is not expected:
            found.append(f"{describe(copy)} in {network.name}, held by {holder.address}: {_tell(report, expected)}")
    return found


def describe(copy: Copy) -> str:
    return f"copy {copy.number} ({copy.kind.name}, {copy.issuer}, entry {copy.index}, week {copy.week})"


def _tell(report: CredentialReport, expected: Code) -> str:
    steps = [step for step in report.steps if step.answer is not Answer.YES]
    return f"{report.code}, right is {expected} [{'; '.join(f'{step.number} {step.detail}' for step in steps)}]"
