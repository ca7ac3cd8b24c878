"""A network with three schools, in memory, as a verifier sees it; and ways for a school to fork."""

from dataclasses import replace

from ledger.log.evidence import Common, ForkEvidence, encode_fork
from ledger.log.keys import SigningKey
from ledger.log.merkle import prove_consistency
from ledger.log.network import Network
from tests.simulator import NOW, SimulatedLedger, SimulatedLog, found_network, seeded, trust_of

SECONDS = NOW // 1000


class World:
    """A network with three schools, all witnessing."""

    def __init__(self) -> None:
        self.network, members = found_network("granite", "lantern", "tidewater")
        self.granite, self.lantern, self.tidewater = members
        self.trust = trust_of(self.network)
        self.ledger = SimulatedLedger(self.network, *members)

    def everybody(self) -> list[SimulatedLog]:
        return [self.network, self.granite, self.lantern, self.tidewater]

    def look(self, **trust: object) -> Network:
        return Network(replace(self.trust, **trust), self.ledger)  # type: ignore[arg-type]  # rows name its fields

    def confirm(self, log: SimulatedLog, seconds: int = SECONDS) -> bytes:
        """Sign the log's head and let all others cosign it."""
        return log.sign([other for other in self.everybody() if other.log_id != log.log_id], seconds)

    def anchor(self) -> None:
        """The network records everybody's newest head."""
        self.confirm(self.network)
        self.network.anchor([log.note or b"" for log in self.everybody()[1:]])
        self.confirm(self.network)


def forked(world: World, cosigners: list[SimulatedLog], second: list[SimulatedLog]) -> SimulatedLog:
    """Granite writes two histories above its first cut; gives the one that is not held."""
    log = world.granite
    log.cut()
    other = log.copy()
    other.forks = []
    log.cut([seeded("one")])
    other.cut([seeded("two")])
    log.sign(cosigners)
    other.sign(second)
    return other


def taken_over(world: World, cosigners: list[SimulatedLog]) -> tuple[SimulatedLog, int]:
    """Granite's root keys take its log away from a host that goes on with the old key; the host's log, and which entry."""
    log = world.granite
    log.cut()
    host = log.copy()
    host.forks = []
    fresh = SigningKey(seeded(log.seed, "taken over"))
    rotated = log.rotate(fresh).index
    log.log_signer = fresh
    for document in ("one", "two"):
        log.publish(document, 1)
    log.sign(cosigners)
    host.cut([seeded("host")])
    host.sign()
    return host, rotated


def evidence(one: SimulatedLog, two: SimulatedLog, common: int | None) -> bytes:
    shared = None
    if common is not None:
        shared = Common(
            common,
            one.root_at(common),
            prove_consistency(common, one.size, one.read_hashes),
            prove_consistency(common, two.size, two.read_hashes),
        )
    return encode_fork(ForkEvidence(one.note or b"", two.note or b"", None, shared))
