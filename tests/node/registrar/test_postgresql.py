"""A database on a PostgreSQL server: one writer, no password in the settings, told in words when the server is away."""

import traceback
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from ledger.errors import MalformedError, PolicyError
from node.config import parse_config
from node.errors import BusyError
from node.registrar import postgresql
from node.registrar.database import open_database
from node.registrar.lists import draw_slots, newest_list
from node.registrar.migrations import LAYOUT
from node.registrar.tables import Setting, Slot
from tests.node.registrar.desks import Dice
from tests.node.registrar.test_lists import POLICY
from tests.postgres import PASSWORD, USER, Server


def test_one_node_writes_one_database(postgres: Server) -> None:
    """The second is refused, before it has read anything; once the first has gone it may."""
    url = postgres.create("one_writer")
    first = open_database(url, "log")
    with pytest.raises(BusyError, match="another node writes it"):
        open_database(url, "log")
    first.close()
    open_database(url, "log").close()


def test_a_connection_that_was_lost_takes_the_lock_again(postgres: Server) -> None:
    """Nothing is written in between, and nothing at all once somebody else has it."""
    url = postgres.create("lost_connection")
    first = open_database(url, "log")
    cut_off(first, postgres)
    with first.write() as session:
        session.add(Setting(name="after", value="1"))
    cut_off(first, postgres)
    second = open_database(url, "log")
    with pytest.raises(BusyError, match="another node writes it"), first.write() as session:
        session.add(Setting(name="never", value="1"))
    second.close()
    with first.write() as session:
        assert session.scalar(select(Setting.value).where(Setting.name == "never")) is None
    first.close()


def cut_off(database: object, server: Server) -> None:
    """What a restart of the server does to its connections."""
    import psycopg

    name = database._engine.url.database  # type: ignore[attr-defined]  # the test looks inside
    with psycopg.connect(f"host={server.sockets} port={server.port} user={USER} dbname=postgres") as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def test_it_belongs_to_one_log_and_has_a_layout(postgres: Server) -> None:
    url = postgres.create("one_log")
    database = open_database(url, "one")
    with database.read() as session:
        assert dict(session.execute(select(Setting.name, Setting.value)).all()) == {"layout": str(LAYOUT), "log": "one"}
        assert session.scalar(text("SHOW transaction_isolation")) == "serializable"
    database.close()
    with pytest.raises(PolicyError, match=r"PostgreSQL database one_log on .* belongs to log one, not to two"):
        open_database(url, "two")


def test_instants_fit(postgres: Server) -> None:
    """Milliseconds need more than 32 bits."""
    database = open_database(postgres.create("instants"), "log")
    with database.write() as session:
        assert newest_list(session, POLICY, 1_790_000_000_000).opened_at == 1_790_000_000_000
    database.close()


def test_a_slot_cannot_be_drawn_twice(postgres: Server) -> None:
    """Even by a program that ignores the lock: the table itself refuses."""
    database = open_database(postgres.create("slots"), "log")
    with database.write() as session:
        draw_slots(session, newest_list(session, POLICY, 0), [None] * 1023, Dice())
    with database.read() as session:
        taken = session.scalars(select(Slot.slot).limit(1)).one()
    with pytest.raises(IntegrityError) as refusal, database.write() as session:
        session.add(Slot(list_number=0, slot=taken, award_id=None, status=0))
    database.close()
    assert "duplicate key" in str(refusal.value)


def test_errors_hold_no_values(postgres: Server) -> None:
    """The server tells the values that clash; neither the error nor its traceback repeats them."""
    database = open_database(postgres.create("no_values"), "log")
    with pytest.raises(IntegrityError) as refusal, database.write() as session:
        session.execute(text("INSERT INTO settings (name, value) VALUES ('Marker', 'x'), ('Marker', 'y')"))
    database.close()
    told = "".join(traceback.format_exception(refusal.value))
    assert "duplicate key" in told
    assert "(Marker)" not in told and "DETAIL" not in told


def test_the_password_comes_from_a_file(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As libpq reads it; without it the refusal is told and no password is."""
    postgres.create("with_password")
    url = postgres.host_url("with_password")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with pytest.raises(BusyError, match=r"does not answer: .*password"):
        open_database(url, "log")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{postgres.port}:with_password:{USER}:{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    open_database(url, "log").close()


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="does not answer") as refusal:
        open_database(f"postgresql+psycopg://cairn@/x?host={tmp_path}", "log")
    assert "running" in refusal.value.hint


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("postgresql+psycopg://cairn:secret@db/x", "holds a password"),
        ("postgresql+psycopg://cairn@db/x?password=secret", "holds a password"),
        ("postgresql+psycopg://cairn@db", "names no database"),
        ("mysql://cairn@db/x", "mysql is not supported"),
        ("no url", "is not a URL"),
    ],
)
def test_places_refused(place: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as refusal:
        postgresql.parse_place(place)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "place", ["postgresql+psycopg://cairn:secret@db/x", "postgresql+psycopg://db", "sqlite:///x", "/srv/registrar.db"]
)
def test_settings_refused(place: str) -> None:
    with pytest.raises(MalformedError, match="registrar_database") as refusal:
        parse_config(f'name = "x"\nregistrar_database = "{place}"\n')
    assert "secret" not in str(refusal.value)


def test_a_setting_accepted() -> None:
    text = 'name = "x"\nregistrar_database = "postgresql+psycopg://cairn@db.granite.example/cairn"\n'
    assert parse_config(text).registrar_database.endswith("/cairn")
