"""What a node holds, as of each log's newest head: never a state without its quorum, never half of one."""

from pathlib import Path

import pytest

from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from ledger.log.merkle import root_at
from ledger.log.snapshot import encode_state
from node.newestheads import NewestHeads
from node.store.ledgerstore import LedgerStore
from tests.node.web.served import open_store
from tests.simulator import SimulatedLog, seeded


class Shown:
    """A store, and which note of each log is shown."""

    def __init__(self, store: LedgerStore) -> None:
        self.store = store
        self.sizes: dict[LogId, int] = {}

    def newest_head(self, log_id: LogId) -> bytes | None:
        log = self.store.log(log_id)
        if log is None:
            return None
        return log.note_at(self.sizes[log_id]) if log_id in self.sizes else log.note


def grow(store: LedgerStore, log: SimulatedLog) -> None:
    held = store.log(log.log_id)
    assert held is not None
    assert log.note is not None
    held.commit(judge_growth(held.state, log.entries[held.size :], log.bodies[held.size :], log.note))


def test_a_log_stays_at_its_head_while_it_grows(tmp_path: Path) -> None:
    """The newest note waits for its quorum: state, note, entries and bodies are those of the head before."""
    log = SimulatedLog("granite", batch=8)
    log.cut()
    store = open_store(tmp_path, [log])
    shown = Shown(store)
    heads = NewestHeads(store, shown.newest_head)
    assert heads.look()
    assert not heads.look()
    before = log.size
    shown.sizes[log.log_id] = before
    log.cut([seeded("copy")])
    grow(store, log)
    assert not heads.look()
    held = heads.log(log.log_id)
    assert held is not None
    assert held.state.size == before
    assert root_at(before, held.read_hashes) == held.state.frontier.root()
    assert held.entry(before - 1) == log.entries[before - 1]
    with pytest.raises(IndexError):
        held.entry(before)
    assert held.body(before + 1) is None
    del shown.sizes[log.log_id]
    assert heads.look()
    newer = heads.log(log.log_id)
    assert newer is not None
    assert newer.state.size == log.size
    assert held.state.size == before
    store.close()


@pytest.mark.parametrize("seen", [False, True])
def test_a_state_that_has_passed_by_is_folded_anew(tmp_path: Path, seen: bool) -> None:
    """First looked at, or looked at before: the same state as if the log had stopped there."""
    log = SimulatedLog("granite", batch=8)
    store = open_store(tmp_path, [log])
    shown = Shown(store)
    heads = NewestHeads(store, shown.newest_head)
    if seen:
        heads.look()
    wanted = b""
    for number in range(3):
        log.cut([seeded("copy", number)])
        grow(store, log)
        if number == 1:
            shown.sizes[log.log_id] = log.size
            wanted = encode_state(log.state)
    assert heads.look()
    held = heads.log(log.log_id)
    assert held is not None
    assert encode_state(held.state) == wanted
    store.close()


def test_new_evidence_is_seen(tmp_path: Path) -> None:
    log = SimulatedLog("granite")
    store = open_store(tmp_path, [log])
    heads = NewestHeads(store, Shown(store).newest_head)
    heads.look()
    held = store.log(log.log_id)
    assert held is not None
    held.add_evidence(b"two notes")
    assert heads.look()
    seen = heads.log(log.log_id)
    assert seen is not None
    assert seen.evidence() == (b"two notes",)
    store.close()
