"""Replacing the last entries of a log on disk: afterwards nothing tells that there ever were others."""

from pathlib import Path

import pytest

from ledger.log.checkpoint import read_checkpoint
from ledger.log.follow import Growth, judge_growth
from ledger.log.snapshot import encode_state
from ledger.log.state import LogState
from node.errors import ConflictError
from node.store.database import Database
from node.store.layout import LogKeys
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from tests.simulator import SimulatedLog

SIZE = 520


@pytest.fixture(scope="module")
def written() -> SimulatedLog:
    log = SimulatedLog("granite")
    while log.size < SIZE - 3:
        log.publish(f"achievement-{log.size}")
    log.cut()
    return log


def branch_of(log: SimulatedLog, start: int, entries: int) -> SimulatedLog:
    """A log that shares the first `start` entries, and goes on with a rotation."""
    branch = SimulatedLog("granite")
    for index in range(1, start):
        branch.append_raw(log.entries[index], log.bodies[index])
    branch.counter = 10_000 + start
    branch.rotate(branch.key("log", 2))
    while branch.size < start + entries:
        branch.publish(f"other-{branch.size}")
    return branch


def growth_of(log: SimulatedLog, start: int, state: LogState | None = None) -> Growth:
    assert log.note is not None
    return judge_growth(state, log.entries[start:], log.bodies[start:], log.note)


def rows_of(path: Path) -> dict[bytes, bytes]:
    database = Database(path)
    try:
        return dict(database.scan(b"", b"\xff" * 8))
    finally:
        database.close()


@pytest.mark.parametrize("start", [1, 2, 255, 256, 257, 511, 512, 513, SIZE - 1, SIZE])
@pytest.mark.parametrize("entries", [1, 3])
def test_the_rows_are_those_of_a_store_that_never_held_the_tail(
    tmp_path: Path, written: SimulatedLog, start: int, entries: int
) -> None:
    """Entries, bodies, ids, notes and tiles, across full tiles and levels; also after opening again."""
    branch = branch_of(written, start, entries)
    clean = LedgerStore.open(tmp_path / "clean")
    whole = growth_of(branch, 0)
    clean.create(whole)
    clean.close()

    store = LedgerStore.open(tmp_path / "store")
    log = store.create(growth_of(written, 0))
    log.replace_tail(growth_of(branch, start, log.state_at(start)))
    assert log.size == start + entries
    assert read_checkpoint(log.note).root == log.state.frontier.root()
    log.commit(judge_growth(log.state, *_one_more(branch)))
    store.close()
    again = LedgerStore.open(tmp_path / "store")
    held = again.log(branch.log_id)
    assert held is not None
    assert encode_state(held.state) == encode_state(branch.state)
    again.close()
    grown = LedgerStore.open(tmp_path / "clean")
    held = grown.log(branch.log_id)
    assert held is not None
    held.commit(judge_growth(held.state, *_one_more(branch, is_written=True)))
    grown.close()
    old, new = rows_of(tmp_path / "store"), rows_of(tmp_path / "clean")
    # The note at the parting, where one was kept, was true and is true; so is the one right after.
    kept = {LogKeys(0).note(size) for size in (start, start + entries)}
    assert {key: row for key, row in old.items() if key not in kept} == {
        key: row for key, row in new.items() if key not in kept
    }


def _one_more(branch: SimulatedLog, *, is_written: bool = False) -> tuple[list[bytes], list[bytes | None], bytes]:
    if not is_written:
        branch.publish("one more")
    assert branch.note is not None
    return branch.entries[-1:], branch.bodies[-1:], branch.note


def held(tmp_path: Path, written: SimulatedLog) -> tuple[LedgerStore, LogStore]:
    store = LedgerStore.open(tmp_path / "store")
    return store, store.create(growth_of(written, 0))


def test_nothing_this_node_cosigned_can_be_replaced(tmp_path: Path, written: SimulatedLog) -> None:
    """Whoever calls, and for whatever reason: a cosignature is never contradicted."""
    store, log = held(tmp_path, written)
    log.set_cosigned(400, written.root_at(400))
    branch = branch_of(written, 399, 1)
    with pytest.raises(ConflictError, match=r"cosigned 400 entries, a branch goes on after 399"):
        log.replace_tail(growth_of(branch, 399, log.state_at(399)))
    assert log.size == SIZE
    store.close()


def test_evidence_and_what_was_cosigned_stay(tmp_path: Path, written: SimulatedLog) -> None:
    """They were true before and are true after."""
    store, log = held(tmp_path, written)
    log.set_cosigned(300, written.root_at(300))
    log.add_evidence(b"evidence")
    log.set_rotation(b"rotation")
    log.replace_tail(growth_of(branch_of(written, 300, 1), 300, log.state_at(300)))
    assert (log.cosigned_size(), log.evidence(), log.rotation()) == (300, (b"evidence",), b"rotation")
    store.close()


def test_a_tail_that_starts_above_what_is_held_is_a_mistake_of_the_program(
    tmp_path: Path, written: SimulatedLog
) -> None:
    store, log = held(tmp_path, written)
    growth = growth_of(branch_of(written, SIZE, 1), SIZE, log.state)
    log.commit(growth)
    with pytest.raises(RuntimeError, match="a tail from 520"):
        log.replace_tail(Growth(SIZE, growth.state, (), (), growth.checkpoint, growth.note))
    store.close()
