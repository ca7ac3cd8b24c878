"""A disk without room: refused before anything is written, and taken again when there is room."""

from pathlib import Path

import pytest

from node.errors import BusyError
from node.store import room as module
from node.store.database import Database
from node.store.ledgerstore import LedgerStore
from node.store.room import RESERVE_BYTES, Room, can_write
from tests.node.school import check_log, found_school, running

MEBIBYTE = 1024 * 1024


class Disk:
    """A disk that fills up as the test says."""

    def __init__(self) -> None:
        self.free = 1 << 40
        self.looks: list[int] = []
        """What the next looks see before `free` counts again."""

    def room(self, path: Path) -> Room:
        return Room(path, free=lambda _: self.looks.pop(0) if self.looks else self.free)


def test_what_is_needed(tmp_path: Path) -> None:
    disk = Disk()
    room = disk.room(tmp_path)
    disk.free = RESERVE_BYTES
    assert room.lack() is None
    assert room.lack(1) == f"the disk of {tmp_path} is full: 16 MiB are free, 17 MiB are needed"
    disk.free = RESERVE_BYTES - 1
    assert room.lack() == f"the disk of {tmp_path} is full: 15 MiB are free, 16 MiB are needed"
    assert Room(tmp_path, reserve_bytes=0).lack() is None, "a real disk"


def test_a_store_writes_nothing_then(tmp_path: Path) -> None:
    disk = Disk()
    database = Database(tmp_path / "db", disk.room(tmp_path))
    database.write([(b"a", b"1")])
    disk.free = 0
    with pytest.raises(BusyError, match="is full") as refusal:
        database.write([(b"b", b"2")])
    assert "by itself" in refusal.value.hint
    assert (database.failure, database.get(b"b")) == ("", None)
    disk.free = 1 << 40
    database.write([(b"b", b"2")])
    assert database.get(b"b") == b"2"
    database.close()


async def test_the_writer_goes_on_by_itself(tmp_path: Path) -> None:
    """Refused, said, nothing signed that is not durable; then as if nothing had been."""
    school = found_school(tmp_path / "school")
    school.store.close()
    disk = Disk()
    school.store = LedgerStore.open(school.directory / "ledger", disk.room(tmp_path))
    log = school.store.log(school.store.log_ids()[0])
    assert log is not None
    school.log = log
    note = log.note
    async with running(school.sequencer()) as sequencer:
        disk.free = 10 * MEBIBYTE
        assert "10 MiB are free" in (sequencer.refusal or "")
        with pytest.raises(BusyError, match="nothing is written: the disk of"):
            await sequencer.append([school.issue(1)])
        # Room at the first look, none at the commit itself.
        disk.looks = [1 << 40]
        with pytest.raises(BusyError, match=r"ledger store: the disk of .* is full"):
            await sequencer.append([school.issue(1)])
        assert not sequencer.has_failed
        assert (log.note, log.size) == (note, 1)
        disk.free = 1 << 40
        assert sequencer.refusal is None
        assert await sequencer.append([school.issue(1)]) == [1]
    check_log(school)
    school.store.close()


def test_the_probe_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not can_write(tmp_path / "none")

    def fail(descriptor: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(module.os, "fsync", fail)
    assert not can_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
