"""Findings: an honest network has none that matter, and each kind of trouble is told once, where it stands."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ledger.log.audit import audit_log, audit_network
from ledger.log.charter import Institution, Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.governance import Boundary, MemberOp
from ledger.log.merkle import RootHash
from ledger.log.network import Network
from ledger.log.policy import QuorumRule
from tests.ledger.log.networks import World, evidence, forked
from tests.ledger.log.samples import SAMPLES, anchor, issue, own_list, status
from tests.simulator import SimulatedLedger, SimulatedLog, seeded, trust_of


def settled() -> World:
    """Everybody made a cut, everything is confirmed and anchored."""
    world = World()
    for log in world.everybody()[1:]:
        log.cut([seeded(log.name, "copy")])
        world.confirm(log)
    world.confirm(world.network)
    world.network.cut(others=[log.note or b"" for log in world.everybody()[1:]])
    world.confirm(world.network)
    return world


def findings(world: World) -> list[Finding]:
    return list(audit_network(world.look()))


def about(world: World, log: SimulatedLog) -> list[tuple[int | None, str, str]]:
    return [(item.index, item.severity.value, item.text) for item in findings(world) if item.log == log.log_id]


def test_an_honest_network_has_no_broken_finding() -> None:
    """The network's founding anchor stands alone; nothing else is remarkable."""
    world = settled()
    assert [item for item in findings(world) if item.severity is not Severity.NOTICE] == []
    assert [about(world, log) for log in world.everybody()[1:]] == [[], [], []]


Trouble = Callable[[World], object]


def compromised(world: World) -> None:
    world.granite.compromise(world.granite.role_signers[Role.OPERATE], 2)
    world.confirm(world.granite)


def unconfirmed(world: World) -> None:
    world.granite.cut()
    world.granite.sign([world.lantern])


def wrong_role(world: World) -> None:
    issue(world.granite, keys=[world.granite.role_signers[Role.DEFINE]])
    world.confirm(world.granite)


def retired(world: World) -> None:
    world.granite.retire(world.granite.role_signers[Role.OPERATE])
    world.granite.cut()
    world.confirm(world.granite)


def suspended(world: World) -> None:
    world.network.member(world.granite, MemberOp.SUSPEND)
    world.granite.cut()
    world.confirm(world.granite)


def no_anchor(world: World) -> None:
    issue(world.granite)
    status(world.granite, [own_list(world.granite)])
    world.confirm(world.granite)


def no_batch(world: World) -> None:
    anchor(world.granite, [world.granite.note or b""])
    status(world.granite, [own_list(world.granite)])
    world.confirm(world.granite)


def other_history(world: World) -> None:
    other = world.granite.copy()
    other.cut([seeded("other")])
    world.granite.cut([seeded("held")])
    world.network.member(other, MemberOp.AMEND)
    world.confirm(world.granite)


def behind(world: World) -> None:
    later = world.granite.copy()
    later.cut()
    world.network.member(later, MemberOp.AMEND)


def retroactive(world: World) -> None:
    boundary = Boundary(world.granite.log_id, 2, world.granite.root_at(2))
    world.network.member(world.granite, MemberOp.AMEND, boundary=boundary)


def anchored_otherwise(world: World) -> None:
    root = RootHash(seeded("another tree"))
    note = sign_checkpoint(Checkpoint("granite.example/log", 3, root), world.granite.log_signer)
    world.network.anchor([world.granite.cosigned(note, [world.lantern, world.tidewater])])


def forked_log(world: World) -> None:
    other = forked(world, [world.network, world.lantern], [world.lantern, world.tidewater])
    world.granite.forks = [evidence(world.granite, other, 8)]


def alarm(world: World) -> None:
    other = forked(world, [world.network, world.lantern], [])
    world.granite.forks = [evidence(world.granite, other, 8)]


def decided(world: World) -> None:
    forked_log(world)
    world.network.member(world.granite, MemberOp.AMEND)


def false_note(world: World) -> None:
    checkpoint = Checkpoint("granite.example/log", world.granite.size, RootHash(bytes(32)))
    world.granite.note = sign_checkpoint(checkpoint, world.granite.log_signer)


TROUBLES: list[tuple[Trouble, int | None, Severity, str]] = [
    (compromised, 2, Severity.VOID, "issue entry is void: its key was compromised before this position"),
    (compromised, 3, Severity.VOID, "status entry is void: its key was compromised before this position"),
    (unconfirmed, 6, Severity.NOTICE, "the newest head has 1 of the 2 cosignatures it needs"),
    (wrong_role, 4, Severity.VOID, "issue entry is void: its key could not act as operate: a key with another role"),
    (retired, 6, Severity.VOID, "issue entry is void: its key could not act as operate: retired before that position"),
    (suspended, 5, Severity.NOTICE, "batch issued although it was suspended from entry 4 on"),
    (no_anchor, 4, Severity.NOTICE, "a cut without its anchor: issue follows status"),
    (no_batch, 5, Severity.NOTICE, "a cut without its batch: status follows anchor"),
    (no_batch, 5, Severity.NOTICE, "an anchor outside a cut: status follows it"),
    (other_history, 7, Severity.BROKEN, "names another history than the one held"),
    (behind, None, Severity.NOTICE, "names a boundary above the 4 entries held"),
    (retroactive, 2, Severity.NOTICE, "is retroactive: a larger head was anchored before"),
    (anchored_otherwise, 2, Severity.BROKEN, "records another tree than the one held"),
    (forked_log, 8, Severity.BROKEN, "two histories of this log were signed; they share the first 8 entries"),
    (alarm, 8, Severity.NOTICE, "two histories of this log were signed"),
    (decided, 8, Severity.BROKEN, "the network decided for the held one in its entry"),
    (false_note, None, Severity.BROKEN, "root at size 4 is 0000"),
]


@pytest.mark.parametrize(
    ("trouble", "index", "severity", "text"),
    TROUBLES,
    ids=[f"{row[0].__name__} {row[2]} {n}" for n, row in enumerate(TROUBLES)],
)
def test_a_trouble_is_found(trouble: Trouble, index: int | None, severity: Severity, text: str) -> None:
    """Once, at its place, and nothing is said about the other schools."""
    world = settled()
    trouble(world)
    found = about(world, world.granite)
    matching = [row for row in found if row[0] == index and row[1] == severity.value and text in row[2]]
    assert len(matching) == 1, found
    assert about(world, world.lantern) == []


def test_a_missing_log_is_told() -> None:
    world = settled()
    world.ledger = SimulatedLedger(world.network, world.lantern, world.tidewater)
    assert (None, "notice", "the log of Granite is not held") in about(world, world.granite)


def test_a_log_without_independent_witness_is_told() -> None:
    world = World()
    world.network = SimulatedLog("confluence", type(world.network.state.charter.institution)("network"))
    world.network.member(world.granite)
    world.ledger = SimulatedLedger(world.network, world.granite)
    world.trust = trust_of(world.network)
    texts = [item.text for item in findings(world)]
    assert texts.count("no independent witness counts for this log yet") == 2


def test_kinds_of_the_future_are_told() -> None:
    world = settled()
    log = world.granite
    unknown = replace(SAMPLES["unknown kind"], log=log.log_id)
    log.append(unknown, [log.role_signers[Role.OPERATE]])
    world.confirm(log)
    (found,) = about(world, log)
    assert found[:2] == (4, "notice") and "a newer cairn is needed" in found[2]


def test_one_log_can_be_audited_alone() -> None:
    world = settled()
    network = world.look()
    assert list(audit_log(network, world.lantern.log_id, world.lantern)) == []


def test_a_network_that_does_not_list_itself_cuts_like_every_log() -> None:
    """Its batches give nobody rights, so there is nothing to tell about them."""
    network, school = SimulatedLog("confluence", Institution.NETWORK), SimulatedLog("granite")
    network.member(school)
    network.cut()
    found = audit_network(Network(trust_of(network, QuorumRule.NONE), SimulatedLedger(network, school)))
    assert [item.text for item in found if item.log == network.log_id and item.rule is Rule.RIGHTS] == []
