"""Old databases are brought up to date, step by step, and there is always a way back."""

import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from ledger.errors import MalformedError
from ledger.log.identity import encode_log_id
from node.registrar import migrations, sqlite
from node.registrar.database import Database, open_database
from node.registrar.migrations import LAYOUT, MIGRATIONS, Migration, migrate, read_layout
from node.store.ledgerstore import LedgerStore
from tests.node.registrar.desks import Clock, Dice, open_bench

ROOT = Path(__file__).resolve().parents[3]
KEPT = Path(__file__).parents[1] / "kept" / "layout-1.tar.gz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A node's directory as the first release left it."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "granite"


def layout_of(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        (value,) = connection.execute("SELECT value FROM settings WHERE name = 'layout'").fetchone()
    connection.close()
    return str(value)


def owner_of(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        (value,) = connection.execute("SELECT value FROM settings WHERE name = 'log'").fetchone()
    connection.close()
    return str(value)


def describe(engine: Engine) -> dict[str, object]:
    """Tables, columns, keys and indexes, as the database itself tells them."""
    here = inspect(engine)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in here.get_columns(name)),
            here.get_pk_constraint(name)["constrained_columns"],
            sorted((str(i["name"]), str(i["column_names"]), i["unique"]) for i in here.get_indexes(name)),
            sorted(str(key["constrained_columns"]) for key in here.get_foreign_keys(name)),
        )
        for name in here.get_table_names()
    }


async def test_an_old_directory_is_migrated_and_goes_on(old: Path) -> None:
    """Awards, decisions and what waited are there, and the next cut takes them; the copy is what was there before."""
    assert layout_of(old / "registrar.db") == "1"
    log_id_text = owner_of(old / "registrar.db")
    clock = Clock()
    clock.advance(3 * 86_400_000)
    store = LedgerStore.open(old / "ledger")
    (log_id,) = store.log_ids()
    store.close()
    assert encode_log_id(log_id) == log_id_text
    async with open_bench(old, log_id, clock, Dice("later")) as bench:
        assert layout_of(old / "registrar.db") == str(LAYOUT)
        status = await bench.desk.status()
        assert (status.awards, status.waiting_copies, status.pending_decisions, status.open_offers) == (6, 2, 1, 1)
        answer = await bench.desk.cut()
        assert (answer.copies, answer.waiting) == (2, 0)
        assert [view.status.name for view in await bench.desk.list_awards()].count("REVOKED") == 1
        assert bench.log.state.void == {}
    kept = old / "registrar.layout-1.db"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert layout_of(kept) == "1"
    with sqlite3.connect(kept) as connection:
        assert connection.execute("SELECT COUNT(*) FROM awards").fetchone() == (6,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_migrated_database_is_like_a_new_one(old: Path, tmp_path: Path) -> None:
    """Column by column: who changes a table without a step in MIGRATIONS hears of it here."""
    open_database(old / "registrar.db", owner_of(old / "registrar.db")).close()
    open_database(tmp_path / "new.db", "log").close()
    migrated, new = (create_engine(f"sqlite:///{path}") for path in (old / "registrar.db", tmp_path / "new.db"))
    assert describe(migrated) == describe(new)
    migrated.dispose()
    new.dispose()


def test_the_old_copy_serves_again_when_it_is_put_back(old: Path) -> None:
    """The way back after an upgrade: the copy in the place of the migrated file, and the older program."""
    path, log = old / "registrar.db", owner_of(old / "registrar.db")
    before = path.read_bytes()
    open_database(path, log).close()
    (old / "registrar.layout-1.db").replace(path)
    with sqlite3.connect(path) as connection:
        now = sorted(connection.execute("SELECT id, learner_id, status FROM awards"))
    connection.close()
    (old / "original.db").write_bytes(before)
    with sqlite3.connect(old / "original.db") as connection:
        assert now == sorted(connection.execute("SELECT id, learner_id, status FROM awards"))
    connection.close()
    open_database(path, log).close()
    assert layout_of(path) == str(LAYOUT)


def test_a_step_that_fails_has_not_happened(old: Path) -> None:
    """Half a step is none; those before it stay, and the next opening goes on from there."""

    def fail(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))
        connection.execute(text("UPDATE awards SET name = 'lost'"))
        raise OSError("no space left on device")

    engine = sqlite.make_engine(old / "registrar.db")
    with pytest.raises(OSError, match="no space left"):
        migrate(engine, 1, (*MIGRATIONS, Migration(LAYOUT + 1, "fails", fail)))
    assert read_layout(engine) == LAYOUT
    assert "half" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM awards WHERE name = 'lost'")).scalar() == 0
    engine.dispose()
    open_database(old / "registrar.db", owner_of(old / "registrar.db")).close()


def test_a_process_killed_in_a_step_leaves_the_old_layout(old: Path) -> None:
    """The transaction of the step dies with it."""
    script = """
import os, sys
from pathlib import Path
from node.registrar import sqlite
from node.registrar.migrations import Migration, migrate

def die(connection):
    connection.exec_driver_sql("UPDATE awards SET name = 'lost'")
    os._exit(9)

migrate(sqlite.make_engine(Path(sys.argv[1])), 1, (Migration(2, "dies", die),))
"""
    child = subprocess.run([sys.executable, "-c", script, str(old / "registrar.db")], timeout=60, cwd=ROOT, check=False)
    assert child.returncode == 9
    assert layout_of(old / "registrar.db") == "1"
    open_database(old / "registrar.db", owner_of(old / "registrar.db")).close()
    with sqlite3.connect(old / "registrar.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM awards WHERE name = 'lost'").fetchone() == (0,)
    connection.close()


def test_no_copy_no_migration(old: Path) -> None:
    """Where the copy cannot be made, nothing is touched."""
    (old / ".registrar.layout-1.db.tmp").mkdir()
    with pytest.raises(OSError):
        open_database(old / "registrar.db", owner_of(old / "registrar.db"))
    assert layout_of(old / "registrar.db") == "1"


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (str(LAYOUT + 1), f"layout {LAYOUT + 1} of a newer cairn-node, this one knows up to {LAYOUT}"),
        ("0", "there never was such a one"),
        ("two", "layout 'two' is not a number"),
    ],
)
def test_layouts_refused(old: Path, layout: str, message: str) -> None:
    """Nothing is written, not even a copy."""
    log = owner_of(old / "registrar.db")
    with sqlite3.connect(old / "registrar.db") as connection:
        connection.execute("UPDATE settings SET value = ? WHERE name = 'layout'", (layout,))
    connection.close()
    before = set(os.listdir(old))
    with pytest.raises(MalformedError, match=message):
        open_database(old / "registrar.db", log)
    assert {name for name in os.listdir(old) if "layout" in name} == {name for name in before if "layout" in name}
    assert layout_of(old / "registrar.db") == layout


def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE students (name TEXT)")
    connection.close()
    (tmp_path / "other.db").chmod(0o600)
    with pytest.raises(MalformedError, match="tables of another program"):
        open_database(tmp_path / "other.db", "log")


def test_the_steps_are_in_order() -> None:
    """Without a gap, from the first layout on."""
    assert [step.layout for step in MIGRATIONS] == list(range(migrations.FIRST_LAYOUT + 1, LAYOUT + 1))
    assert all(step.purpose for step in MIGRATIONS)


def test_an_opening_interrupted_before_its_number_goes_on(tmp_path: Path) -> None:
    """Tables made, settings not written: the next opening finishes it."""
    database: Database = open_database(tmp_path / "registrar.db", "log")
    with database.write() as session:
        session.execute(text("DELETE FROM settings"))
    database.close()
    open_database(tmp_path / "registrar.db", "log").close()
    assert layout_of(tmp_path / "registrar.db") == str(LAYOUT)
