"""Trust roots pin what a quorum vouches for, and say so where nobody does."""

import pytest

from ledger.errors import PolicyError
from ledger.log.charter import Institution
from ledger.log.policy import QuorumRule, encode_trust_root, parse_trust_root
from node.client.held import HeldLog, read_held
from node.pinning import pin_network
from tests.simulator import SimulatedLog, found_network


def held(log: SimulatedLog) -> HeldLog:
    return read_held(log)


def test_the_newest_head_with_a_quorum_is_pinned() -> None:
    """Head, witnesses in force there, and where to fetch."""
    network, members = found_network("granite", "lantern", "tidewater")
    trust = pin_network(held(network), QuorumRule.MAJORITY)
    assert (trust.head_size, trust.head_root) == (network.size, network.state.frontier.root())
    assert {witness.log for witness in trust.witnesses} == {log.log_id for log in (network, *members)}
    assert trust.http == tuple(f"https://{name}.example" for name in ("confluence", "granite", "lantern", "tidewater"))
    assert parse_trust_root(encode_trust_root(trust)) == trust


def test_without_a_quorum_on_the_newest_the_anchored_one_is_pinned() -> None:
    """A checkpoint nobody has cosigned yet is no head; the last that the log itself anchored with a quorum is."""
    network, members = found_network("granite", "lantern")
    size = network.size
    network.anchor()
    assert pin_network(held(network), QuorumRule.MAJORITY).head_size == size
    network.sign(members)
    assert pin_network(held(network), QuorumRule.MAJORITY).head_size == network.size


def test_no_head_at_all_is_refused() -> None:
    """Witnesses in force, but none has cosigned since."""
    network, _ = found_network("granite", "lantern")
    network.sign()
    with pytest.raises(PolicyError, match="no head has the quorum"):
        pin_network(held(network), QuorumRule.MAJORITY)
    assert pin_network(held(network), QuorumRule.NONE).quorum is QuorumRule.NONE


def test_before_witnesses_only_the_writers_word() -> None:
    """`quorum none` has to be asked for."""
    network = SimulatedLog("confluence", Institution.NETWORK)
    with pytest.raises(PolicyError, match="no witness is in force yet"):
        pin_network(held(network), QuorumRule.MAJORITY)
    trust = pin_network(held(network), QuorumRule.NONE)
    assert (trust.head_size, trust.witnesses) == (1, ())


def test_a_school_is_no_network() -> None:
    """Nobody starts trust at a member."""
    with pytest.raises(PolicyError, match="not a network"):
        pin_network(held(SimulatedLog("granite")), QuorumRule.NONE)
