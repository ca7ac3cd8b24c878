"""The registrar's file: private, durable, of one log."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ledger.errors import MalformedError, PolicyError
from node.errors import BusyError
from node.registrar.database import open_database


def test_it_is_private_and_durable(tmp_path: Path) -> None:
    database = open_database(tmp_path / "registrar.db", "log")
    with database.write() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA secure_delete")) == 1
        files = sorted(tmp_path.iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}, files
    database.close()


def test_foreign_keys_hold(tmp_path: Path) -> None:
    database = open_database(tmp_path / "registrar.db", "log")
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(text("INSERT INTO slots (list_number, slot, status) VALUES (7, 1, 0)"))
    database.close()


def test_it_belongs_to_one_log(tmp_path: Path) -> None:
    open_database(tmp_path / "registrar.db", "one").close()
    open_database(tmp_path / "registrar.db", "one").close()
    with pytest.raises(PolicyError, match="belongs to log one, not to two"):
        open_database(tmp_path / "registrar.db", "two")


def test_others_must_not_read_it(tmp_path: Path) -> None:
    open_database(tmp_path / "registrar.db", "one").close()
    (tmp_path / "registrar.db").chmod(0o644)
    with pytest.raises(PolicyError, match="mode 0644, expected 0600"):
        open_database(tmp_path / "registrar.db", "one")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "registrar.db").write_bytes(b"not a database, but quite long" * 200)
    (tmp_path / "registrar.db").chmod(0o600)
    with pytest.raises(MalformedError, match="is not a database"):
        open_database(tmp_path / "registrar.db", "one")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    database = open_database(tmp_path / "registrar.db", "one")
    with database.write() as session:
        session.execute(text("UPDATE settings SET value = '99' WHERE name = 'layout'"))
    database.close()
    with pytest.raises(MalformedError, match="layout 99 of a newer cairn-node"):
        open_database(tmp_path / "registrar.db", "one")


def test_errors_hold_no_values_and_a_full_disk_is_told(tmp_path: Path) -> None:
    database = open_database(tmp_path / "registrar.db", "one")
    with pytest.raises(IntegrityError) as refusal, database.write() as session:
        row = {"log": "log", "value": "Marker"}
        session.execute(text("INSERT INTO settings (name, value) VALUES (:log, :value)"), row)
    assert "Marker" not in str(refusal.value)
    with pytest.raises(BusyError, match="cannot be written"), database.write() as session:
        session.execute(text("PRAGMA max_page_count = 1"))
        session.execute(text("CREATE TABLE more AS SELECT zeroblob(1000000) AS x"))
    database.close()


def test_what_cannot_be_read_is_told_in_words(tmp_path: Path) -> None:
    """Not a traceback and INTERNAL; the driver's own words, which hold no values."""
    database = open_database(tmp_path / "registrar.db", "log")
    with database.write() as session:
        session.execute(text("DROP TABLE tokens"))
    with pytest.raises(BusyError, match="cannot be read: no such table"), database.read() as session:
        session.execute(text("SELECT * FROM tokens"))
    database.close()
