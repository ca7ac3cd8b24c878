"""What has to be true at the end: replicas agree byte for byte, and a stranger who replays everything finds the faults."""

from collections import Counter
from collections.abc import Iterable

from ledger.errors import CairnError
from ledger.log.audit import audit_network
from ledger.log.finding import Finding
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.snapshot import encode_state
from node.gossip import Gossip
from node.store.logstore import LogStore
from tests.node.school import make_draw
from tests.simulation.as_of import check_as_of
from tests.simulation.checks import WrongAnswer, copies_of, wrong_answers
from tests.simulation.institution import Actor
from tests.simulation.node import Node
from tests.simulation.world import Expected, World

NOBODY = LogId(bytes(32))


async def check_end(world: World) -> None:
    """Hold the end of a run against all that was planned."""
    check_replicas(world)
    for network in world.networks:
        stranger = await replay(world, network)
        try:
            check_stranger(world, network, stranger)
            check_as_of(world, network, stranger)
        finally:
            stranger.store.close()


def check_replicas(world: World) -> None:
    """Every byte of every log is the same on every machine, and leads to the same state."""
    truth: dict[LogId, tuple[str, tuple[object, ...]]] = {}
    for actor in world.up():
        for log_id in (actor.log_id, *actor.node.directory.followed()):
            log = actor.node.store.log(log_id)
            assert log is not None, f"{actor.name} does not hold a log it follows"
            name, other = truth.setdefault(log_id, (actor.name, bytes_of(log)))
            if other != bytes_of(log):
                raise WrongAnswer(f"replicas of {log.state.name} differ on {name} and {actor.name}")


def bytes_of(log: LogStore) -> tuple[object, ...]:
    """All that a replica of a log is made of but its cosignatures, which arrive in any order and number."""
    bodies = tuple(log.body(index) for index in range(log.size))
    return tuple(log.entries(0, log.size)), bodies, encode_state(log.state)


async def replay(world: World, network: Actor) -> Node:
    """Somebody new, with the trust root of the first week, fetches and judges everything from entry 0."""
    trusts = [world.trusts[network.name]]
    draw = make_draw(f"{world.seed}/stranger/{network.name}")
    folder = world.folder / f"stranger-{network.name}"
    node = Node(folder, "stranger.example:1", NOBODY, trusts, world.fabric, world.clock, draw)
    gossip = Gossip(
        node.store,
        node.directory,
        node.forks,
        node.events,
        address=node.address,
        wake=lambda address: None,
        rewound=lambda size: None,
    )
    for _ in range(3):
        for log_id in node.directory.follow_order():
            for address in node.directory.sources(log_id):
                await _fetch(node, gossip, log_id, address)
    return node


async def _fetch(node: Node, gossip: Gossip, log_id: LogId, address: str) -> None:
    client = node.lines.client(address)
    try:
        (head,) = await client.heads([log_id])
        if head.note is not None:
            await node.puller.pull(client, head)
            # Each peer may hold other cosignatures of the same head.
            await gossip.judge_head(head, address)
            for evidence in await client.evidence(log_id):
                await node.forks.receive(log_id, evidence, address)
    except CairnError:
        return


def check_stranger(world: World, network: Actor, stranger: Node) -> None:
    """Nothing dishonest is left standing, and the audit tells exactly what was planted."""
    view = Network(world.trusts[network.name], stranger.store)
    copies = copies_of(world, network)
    wrong = wrong_answers(world, network, stranger, copies)
    if wrong:
        raise WrongAnswer("\n".join(wrong[:20]))
    members = {network.log_id, *(member.log_id for member in world.members[network.name])}
    expected = [item for item in world.expected if item.log in members]
    check_findings(expected, list(audit_network(view)))


def check_findings(expected: Iterable[Expected], findings: Iterable[Finding]) -> None:
    """Compare findings with what was planted; an index that could not be known beforehand matches any."""
    missing = Counter(expected)
    surplus: list[str] = []
    for finding in findings:
        exact = Expected(finding.log, finding.index, finding.severity, finding.rule)
        anywhere = exact._replace(index=None)
        found = exact if missing[exact] else anywhere
        if missing[found] <= 0:
            surplus.append(f"nobody planted: {finding}")
        missing[found] -= 1
    absent = [f"the audit misses {item.severity} {item.rule} at {item.index}" for item in missing if missing[item] > 0]
    if surplus or absent:
        raise WrongAnswer("\n".join((*surplus, *absent)))
