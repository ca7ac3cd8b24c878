"""Which heads an anchor records."""

import pytest

from ledger.errors import RuleError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from node.registrar.anchors import collect_heads
from tests.simulator import SimulatedLedger, found_network


def test_a_network_records_itself_and_then_its_members() -> None:
    network, members = found_network("one", "two")
    for log in (network, *members):
        log.sign()
    ledger = SimulatedLedger(network, *members)
    origins = [read_checkpoint(note).origin for note in collect_heads(ledger, network.log_id, [network.log_id])]
    ordered = sorted(members, key=lambda member: member.log_id)
    assert origins == [log.state.charter.origin for log in (network, *ordered)]


def test_a_member_records_itself_and_then_its_networks() -> None:
    network, (one, two) = found_network("one", "two")
    for log in (network, one, two):
        log.sign()
    ledger = SimulatedLedger(network, one, two)
    heads = collect_heads(ledger, one.log_id, [network.log_id])
    assert heads == (one.note, network.note)


def test_what_is_not_held_is_left_out_but_never_the_own_log() -> None:
    network, (one, _) = found_network("one", "two")
    network.sign()
    one.sign()
    assert collect_heads(SimulatedLedger(one), one.log_id, [network.log_id]) == (one.note,)
    with pytest.raises(RuleError, match="no checkpoint of this node's own log"):
        collect_heads(SimulatedLedger(network), LogId(bytes(32)), [network.log_id])


def test_a_head_older_than_the_one_anchored_last_is_never_recorded() -> None:
    """After a change of witnesses the newest head with a quorum can be an older one; an anchor with it would be void."""
    network, (one, _) = found_network("one", "two")
    old = one.sign([network])
    one.cut()
    one.cut()
    newest = one.sign()
    heads = collect_heads(SimulatedLedger(network, one), one.log_id, [network.log_id], lambda log_id: old)
    assert heads[0] == newest
    entry = one.anchor(heads[1:])
    assert entry.index not in one.state.void
