"""LevelDB behind a typed wrapper: one process, ordered keys, whole batches."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.errors import CairnError
from node.errors import BusyError
from node.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "ledger")
    yield database
    database.close()


def test_rows_come_in_the_order_of_their_keys(database: Database) -> None:
    database.write([(b"b2", b"2"), (b"a", b"0"), (b"b1", b"1"), (b"c", b"3")])

    assert list(database.scan(b"b", b"c")) == [(b"b1", b"1"), (b"b2", b"2")]
    assert database.last(b"b", b"c") == (b"b2", b"2")
    assert database.last(b"x", b"y") is None
    assert database.get(b"a") == b"0"
    assert database.get(b"nothing") is None


def test_a_batch_that_is_interrupted_leaves_nothing(database: Database) -> None:
    def rows() -> Iterator[tuple[bytes, bytes]]:
        yield b"a", b"1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(rows())

    assert database.get(b"a") is None


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Database(tmp_path / "ledger")
    first.write([(b"a", b"1")])
    first.close()

    second = Database(tmp_path / "ledger")

    assert second.get(b"a") == b"1"
    second.close()


def test_a_second_opening_is_refused_in_words(tmp_path: Path, database: Database) -> None:
    with pytest.raises(BusyError, match=r"ledger: another process uses this directory$") as caught:
        Database(tmp_path / "ledger")

    assert "stop it first" in caught.value.hint


def test_a_second_process_is_refused_in_words(tmp_path: Path, database: Database) -> None:
    code = "import sys; from pathlib import Path; from node.store.database import Database; Database(Path(sys.argv[1]))"
    root = Path(__file__).parents[3]

    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "ledger")], cwd=root, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode != 0
    assert "BusyError" in ended.stderr
    assert "another process uses this directory" in ended.stderr


def test_a_path_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CairnError, match="cannot open the store") as caught:
        Database(tmp_path / "file")

    assert not isinstance(caught.value, BusyError)


def test_a_damaged_store_is_told_apart(tmp_path: Path) -> None:
    Database(tmp_path / "ledger").close()
    (tmp_path / "ledger" / "CURRENT").write_bytes(b"nonsense")

    with pytest.raises(CairnError, match="store"):
        Database(tmp_path / "ledger")


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """No file of this process may grow by more than a few bytes, as where a disk is full in the middle of a record."""
    largest = max(file.stat().st_size for file in folder.iterdir())
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 100, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_failed_write_is_the_last_one_until_the_store_is_opened_again(tmp_path: Path) -> None:
    """Behind the torn record LevelDB would acknowledge writes and lose them: what is acknowledged is there afterwards."""
    database = Database(tmp_path / "ledger")
    acknowledged = {}
    for number in range(60):
        key, value = b"%03d" % number, os.urandom(3000)
        try:
            if number == 20:
                with full_disk(tmp_path / "ledger"):
                    database.write([(key, value)])
            else:
                database.write([(key, value)])
            acknowledged[key] = value
        except BusyError as error:
            expected = "cannot write" if number == 20 else "nothing is written since a write failed"
            assert expected in str(error)
            assert "opens its store again" in error.hint
    assert database.failure is not None
    database.close()

    again = Database(tmp_path / "ledger")
    assert dict(again.scan(b"0", b"9")) == acknowledged
    assert len(acknowledged) == 20
    again.write([(b"020", b"later")])
    again.close()
