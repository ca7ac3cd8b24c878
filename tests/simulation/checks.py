"""What is held against the oracle: every copy every week, every replica, and the audit at the end."""

from collections.abc import Iterable
from random import Random

from ledger.credential.verify import verify_credential
from ledger.credential.verify_token import Terms
from ledger.log.network import Network
from tests.simulation.institution import Actor
from tests.simulation.oracle import NEVER, Copy, Kind
from tests.simulation.world import World

SAMPLE = 12


class WrongAnswer(AssertionError):
    """Some answers were not the right ones."""


def check_week(world: World) -> None:
    """Verify everything on the networks' replicas, and samples on members'."""
    random = Random(f"checks/{world.seed}/{world.week}")
    wrong: list[str] = []
    for network in world.networks:
        copies = copies_of(world, network)
        wrong += wrong_answers(world, network, network, copies)
        members = [actor for actor in world.members[network.name] if world.is_up(actor) and not actor.is_closed]
        members = [actor for actor in members if not is_outdated(world, actor)]
        for member in random.sample(members, min(world.scale.bystanders, len(members))):
            sample = random.sample(copies, min(SAMPLE, len(copies)))
            wrong += wrong_answers(world, network, member, sample)
    if wrong:
        raise WrongAnswer("\n".join(wrong[:20]))


def copies_of(world: World, network: Actor) -> list[Copy]:
    """Copies that can be shown in a network this week: on the ledger, or never to be."""
    names = {member.name for member in world.members[network.name]}
    return [
        copy
        for copy in world.oracle.copies
        if copy.issuer in names and (copy.week != NEVER or copy.kind in (Kind.HOMELESS, Kind.UNKNOWN_KEY))
    ]


def is_outdated(world: World, actor: Actor) -> bool:
    return any(address == actor.address for address, _ in world.outdated)


def wrong_answers(world: World, network: Actor, holder: Actor, copies: Iterable[Copy]) -> list[str]:
    """Verify copies on somebody's replica; what differs from the oracle, in words."""
    view = Network(world.trusts[network.name], holder.node.store)
    terms = Terms(now=world.clock())
    found = []
    for copy in copies:
        report = verify_credential(copy.text, copy.receipt, view, terms)
        expected = world.oracle.answer(copy, world.week, network.name)
        if report.code is not expected:
            steps = "; ".join(
                f"{step.number} {step.answer.value} {step.detail}"
                for step in report.steps
                if step.answer.value != "yes"
            )
            found.append(
                f"copy {copy.number} ({copy.kind.name}, {copy.issuer}, entry {copy.index}, week {copy.week}) in "
                f"{network.name} on the replica of {holder.name}: {report.code}, right is {expected} [{steps}]"
            )
    return found
