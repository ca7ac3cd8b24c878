"""Snapshots: a state as bytes, equal in everything a rule reads."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError
from ledger.log.entry import parse_entry
from ledger.log.snapshot import encode_state, parse_state
from ledger.log.state import LogState, found_state
from tests.ledger.log.lives import whole_life
from tests.simulator import SimulatedLog, found_network

LIVED = whole_life()


def compare(one: LogState, other: LogState) -> None:
    """Every attribute of the two, by name; nothing may be left to what a snapshot happens to hold."""
    for name in LogState.__slots__:
        left, right = getattr(one, name), getattr(other, name)
        match name:
            case "frontier":
                assert (left.size, left.hashes) == (right.size, right.hashes)
            case "recent":
                assert (left.base.size, left.base.hashes, left.leaves) == (
                    right.base.size,
                    right.base.hashes,
                    right.leaves,
                )
            case "keys":
                assert left.records == right.records
            case "members":
                assert (left.records, left.anchored, left.witness_sets) == (
                    right.records,
                    right.anchored,
                    right.witness_sets,
                )
            case _:
                assert left == right, name


def test_every_attribute_comes_back() -> None:
    compare(parse_state(encode_state(LIVED.state)), LIVED.state)


def test_dictionaries_keep_their_order() -> None:
    """Members are listed in the order of their first entry, also after a restart."""
    network, _ = found_network("zebra", "aardvark", "mole")
    again = parse_state(encode_state(network.state))
    assert list(again.members.records) == list(network.state.members.records)
    assert encode_state(again) == encode_state(network.state)


def test_a_young_log_has_a_snapshot_too() -> None:
    state = SimulatedLog("granite").state
    compare(parse_state(encode_state(state)), state)


@settings(max_examples=40)
@given(st.integers(1, LIVED.size))
def test_snapshot_and_rest_equal_the_whole(size: int) -> None:
    state = found_state(parse_entry(LIVED.entries[0]))
    for index in range(1, size):
        state.apply(parse_entry(LIVED.entries[index]), LIVED.bodies[index])
    state = parse_state(encode_state(state))
    for index in range(size, LIVED.size):
        state.apply(parse_entry(LIVED.entries[index]), LIVED.bodies[index])
    compare(state, LIVED.state)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not json"),
        (b"{}", "damaged"),
        (encode_state(LIVED.state)[:-1], "not json"),
        (encode_state(LIVED.state).replace(b'"v":3', b'"v":9'), "of another version"),
        (encode_state(LIVED.state).replace(b'"issues":', b'"issuez":'), "damaged"),
        (encode_state(LIVED.state).replace(b'"size":', b'"size":1'), "damaged"),
    ],
)
def test_a_damaged_snapshot_is_refused(data: bytes, message: str) -> None:
    """The holder then folds its entries again."""
    with pytest.raises(MalformedError, match=message):
        parse_state(data)


YOUNG = encode_state(SimulatedLog("granite").state)


@given(st.integers(0, len(YOUNG) - 1), st.integers(1, 255))
def test_damage_never_escapes_as_another_error(at: int, by: int) -> None:
    bad = bytearray(YOUNG)
    bad[at] ^= by
    with contextlib.suppress(CairnError):
        parse_state(bytes(bad))
