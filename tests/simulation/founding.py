"""The beginning: everybody is founded, admitted, and each network's witnesses take office."""

from ledger.log.charter import Institution
from ledger.log.governance import MemberOp
from ledger.log.policy import QuorumRule
from node.trust import own_trust_root
from tests.simulation import plan as plans
from tests.simulation.institution import Actor
from tests.simulation.world import World, issuer_url, pin


async def found(world: World) -> None:
    """Found everybody, admit the members, and wait until each network's witnesses are in force."""
    for network in (plans.NETWORK_A, plans.NETWORK_B):
        world.actors[network] = _make(world, network, Institution.NETWORK)
    for network, names in plans.MEMBERS.items():
        for name in names:
            kind = Institution.COLLEGE if name in plans.COLLEGES else Institution.SCHOOL
            actor = world.actors.setdefault(name, world.actors.get(name) or _make(world, name, kind))
            actor.networks.append(world.actors[network])
        world.members[network] = tuple(world.actors[name] for name in names)
    for actor in world.actors.values():
        world.found_machine(actor)
    for network in world.networks:
        await _admit_all(world, network)
    for network in world.networks:
        await _put_witnesses_in_force(world, network)
    world.fabric.loss = world.scale.loss


def _make(world: World, name: str, kind: Institution) -> Actor:
    return Actor(name, kind, world.seed, world.scale.batch, world.scale.slots)


async def _admit_all(world: World, network: Actor) -> None:
    network.node.directory.trusts = (own_trust_root(network.node.log),)
    await network.node.startup.ask()
    for member in world.members[network.name]:
        await network.decide(MemberOp.ADMIT, member, standing=world.standing(network, member))
    for member in world.members[network.name]:
        if not member.issuer_url:
            # Under the first network's host; a second network has to list it.
            member.issuer_url = issuer_url(network, member)


async def _put_witnesses_in_force(world: World, network: Actor) -> None:
    everybody = [network, *world.members[network.name]]
    for actor in (*everybody, *everybody):
        await actor.node.look_around(tells=False)
    await network.node.ask_witnesses()
    await network.cut(world.oracle, world.week)
    await network.node.ask_witnesses()
    await network.node.look_around()
    world.trusts[network.name] = pin(network, QuorumRule.MAJORITY)
    for actor in everybody:
        await actor.node.look_around([network.address])
        await actor.node.ask_witnesses()
        actor.node.pin_again()
