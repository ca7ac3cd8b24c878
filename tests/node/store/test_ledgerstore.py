"""Many logs in one directory, none in another's way."""

from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from node.errors import BusyError
from node.store.database import Database
from node.store.layout import VERSION_KEY
from node.store.ledgerstore import LedgerStore
from tests.node.school import School, found_school


def _copy(school: School, store: LedgerStore) -> LogId:
    entries = school.log.entries(0, school.log.size)
    bodies = [school.log.body(index) for index in range(school.log.size)]
    return store.create(judge_growth(None, entries, bodies, school.log.note)).state.log_id


def test_an_empty_store_holds_nothing(tmp_path: Path) -> None:
    store = LedgerStore.open(tmp_path / "ledger")

    assert store.log_ids() == ()
    assert store.log(LogId(bytes(32))) is None
    store.close()


async def test_several_logs_are_kept_apart_and_found_again(tmp_path: Path) -> None:
    schools = [found_school(tmp_path / name) for name in ("a", "b", "c")]
    sequencer = schools[1].sequencer()
    sequencer.start()
    await sequencer.append([schools[1].issue(number) for number in range(1, 5)])
    await sequencer.close()
    store = LedgerStore.open(tmp_path / "ledger")
    ids = [_copy(school, store) for school in schools]
    store.close()

    store = LedgerStore.open(tmp_path / "ledger")

    assert store.log_ids() == tuple(sorted(ids))
    for school, log_id in zip(schools, ids, strict=True):
        log = store.log(log_id)
        assert log is not None
        assert log.note == school.log.note
        assert log.entries(0, log.size) == school.log.entries(0, school.log.size)
        assert [log.body(index) for index in range(log.size)] == [
            school.log.body(index) for index in range(school.log.size)
        ]
        school.store.close()
    store.close()


def test_a_log_added_after_a_restart_takes_no_number_twice(tmp_path: Path) -> None:
    schools = [found_school(tmp_path / name) for name in ("a", "b")]
    ids = []
    for school in schools:
        store = LedgerStore.open(tmp_path / "ledger")
        ids.append(_copy(school, store))
        store.close()

    store = LedgerStore.open(tmp_path / "ledger")

    for school, log_id in zip(schools, ids, strict=True):
        log = store.log(log_id)
        assert log is not None
        assert log.entry(0) == school.log.entry(0)
        school.store.close()
    store.close()


async def test_creating_is_for_whole_new_logs(tmp_path: Path) -> None:
    school = found_school(tmp_path / "a")
    growth = judge_growth(None, [school.log.entry(0)], [None], school.log.note)
    state = school.log.state
    sequencer = school.sequencer()
    sequencer.start()
    await sequencer.append([school.issue(1)])
    await sequencer.close()
    later = judge_growth(state, [school.log.entry(1)], [school.log.body(1)], school.log.note)
    store = LedgerStore.open(tmp_path / "ledger")

    with pytest.raises(RuntimeError, match="does not start at 0"):
        store.create(later)
    store.create(growth)
    with pytest.raises(RuntimeError, match="is held already"):
        store.create(growth)

    assert store.log_ids() == (state.log_id,)
    store.close()
    school.store.close()


def test_a_store_in_use_is_refused(tmp_path: Path) -> None:
    store = LedgerStore.open(tmp_path / "ledger")

    with pytest.raises(BusyError, match="another process uses this directory"):
        LedgerStore.open(tmp_path / "ledger")

    store.close()


@pytest.mark.parametrize("version", [None, (2).to_bytes(8, "big")])
def test_a_store_of_another_format_is_refused_and_released(tmp_path: Path, version: bytes | None) -> None:
    database = Database(tmp_path / "ledger")
    database.write([(b"#something", b"\0\0\0\0"), *([(VERSION_KEY, version)] if version else [])])
    database.close()

    for _ in range(2):  # refused for its format again: the directory was let go
        with pytest.raises(MalformedError, match="this cairn reads format 1"):
            LedgerStore.open(tmp_path / "ledger")
