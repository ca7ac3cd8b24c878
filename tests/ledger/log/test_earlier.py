"""A rewound state equals the fold up to there, in everything that is read, at every size of a log that saw everything."""

import pytest

from ledger.log.charter import Role
from ledger.log.earlier import rewind
from ledger.log.entry import parse_entry
from ledger.log.state import LogState, found_state
from tests.ledger.log.lives import whole_life
from tests.ledger.log.samples import add, fresh_key, restate
from tests.simulator import SimulatedLog, seeded


def twice_stolen() -> SimulatedLog:
    """One key declared stolen, then from further back; its pages restated in between; another retired."""
    log = SimulatedLog("granite")
    for n in range(3):
        log.cut([seeded("copy", n)])
    operate = log.role_signers[Role.OPERATE]
    log.compromise(operate, 6)
    fresh = fresh_key(log, "operate")
    add(log, fresh)
    restate(log, 6, fresh)
    log.compromise(operate, 3)
    log.retire(log.role_signers[Role.ISSUE])
    log.retire(fresh)
    return log


LIVES = {"whole life": whole_life(), "twice stolen": twice_stolen()}
GROWTH = {"assigned", "ids", "last_leaf", "latest", "lists", "named", "own_anchor", "recent", "roots"}
"""What growth alone reads; an earlier state does not grow."""
TODAY = {"batches", "grpc", "issues", "name", "urls"}
"""How the institution is called and reached: that of today."""


@pytest.mark.parametrize("name", LIVES)
def test_at_every_size_it_is_what_the_fold_was(name: str) -> None:
    log = LIVES[name]
    folded = found_state(parse_entry(log.entries[0]))
    for size in range(1, log.size + 1):
        if size > 1:
            folded.apply(parse_entry(log.entries[size - 1]), log.bodies[size - 1])
        compare(rewind(log.state, size, log.read_hashes), folded)


def compare(found: LogState, folded: LogState) -> None:
    for name in sorted(set(LogState.__slots__) - GROWTH - TODAY):
        left, right = getattr(found, name), getattr(folded, name)
        where = f"{name} at {folded.size}"
        match name:
            case "frontier":
                assert (left.size, left.hashes) == (right.size, right.hashes), where
            case "keys":
                assert left.records == right.records, where
            case "members":
                assert left.records == right.records, where
                assert left.anchored == right.anchored, where
                assert left.witness_sets == right.witness_sets, where
            case _:
                assert left == right, where
    thefts = [[state.describe_theft(key) for key in state.keys.records] for state in (found, folded)]
    assert thefts[0] == thefts[1], f"words about thefts at {folded.size}"
    assert [found.log_key_at(size) for size in range(1, found.size + 1)] == [
        folded.log_key_at(size) for size in range(1, folded.size + 1)
    ]


def test_a_theft_is_named_by_its_own_entry_also_after_the_key_was_retired() -> None:
    log = SimulatedLog("granite")
    log.cut([seeded("copy", 1)])
    key = log.role_signers[Role.ISSUE]
    theft = log.compromise(key, 2).index
    log.retire(key)
    for state in (log.state, rewind(log.state, log.size - 1, log.read_hashes)):
        assert state.describe_theft(key.public.id).startswith(f"entry {theft} declares it stolen")


def test_the_newest_state_is_left_as_it_is() -> None:
    log = LIVES["twice stolen"]
    before = {key: (record.retired, record.stolen_since) for key, record in log.state.keys.records.items()}
    rewind(log.state, 1, log.read_hashes)
    assert {key: (record.retired, record.stolen_since) for key, record in log.state.keys.records.items()} == before
    assert len(log.state.statuses) == 3


@pytest.mark.parametrize("size", [0, -1, LIVES["twice stolen"].size + 1])
def test_a_size_that_is_not_held(size: int) -> None:
    log = LIVES["twice stolen"]
    with pytest.raises(ValueError, match="of a log of"):
        rewind(log.state, size, log.read_hashes)


def test_an_earlier_state_does_not_grow() -> None:
    log = LIVES["twice stolen"]
    earlier = rewind(log.state, 4, log.read_hashes)
    with pytest.raises(ValueError, match="only read"):
        earlier.apply(parse_entry(log.entries[4]), log.bodies[4])
