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
