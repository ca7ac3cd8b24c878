"""What an operator is told about a fork: that it puts entries in doubt, or that it is an alarm about a key alone."""

import pytest

from node.client.finding import Severity
from node.forkfinding import find_fork
from tests.ledger.log.networks import World, evidence, forked, taken_over


@pytest.fixture
def world() -> World:
    return World()


def found(world: World, *, is_own: bool) -> tuple[Severity, str]:
    network = world.look()
    fork = network.fork_of(world.granite.log_id)
    assert fork is not None
    finding = find_fork(network, world.granite.log_id, fork, is_own=is_own)
    return finding.severity, f"{finding.what}: {finding.why}: {finding.do}"


def test_two_histories_with_a_quorum_each_are_for_the_governors(world: World) -> None:
    cosigners = [world.network, world.lantern]
    other = forked(world, cosigners, cosigners)
    world.granite.forks.append(evidence(world.granite, other, 4))
    severity, text = found(world, is_own=False)
    assert severity is Severity.PROBLEM and "they decide which history counts" in text


@pytest.mark.parametrize("is_own", [True, False])
def test_a_history_without_quorum_is_an_alarm_that_asks_for_another_key(world: World, is_own: bool) -> None:
    other = forked(world, [world.network, world.lantern], [])
    world.granite.forks.append(evidence(world.granite, other, 4))
    severity, text = found(world, is_own=is_own)
    assert severity is (Severity.PROBLEM if is_own else Severity.WARNING)
    assert "alarm" in text and "rotate" in text and "they decide" not in text


def test_a_node_whose_own_history_has_no_quorum_is_not_told_that_nobody_follows_the_other(world: World) -> None:
    other = forked(world, [], [world.network, world.lantern])
    world.granite.forks.append(evidence(world.granite, other, 4))
    severity, text = found(world, is_own=True)
    assert severity is Severity.PROBLEM
    assert "the other may be what verifiers follow" in text and "no verifier follows" not in text


@pytest.mark.parametrize("is_own", [True, False])
def test_after_the_key_was_replaced_nothing_has_to_be_done(world: World, is_own: bool) -> None:
    """As after a takeover: the old host goes on signing, and nobody is sent to stop the new node."""
    host, rotated = taken_over(world, [world.network, world.lantern])
    world.granite.forks.append(evidence(world.granite, host, 4))
    severity, text = found(world, is_own=is_own)
    assert severity is Severity.WARNING
    assert f"entry {rotated} of its log replaced that key" in text and "stop the node" not in text
