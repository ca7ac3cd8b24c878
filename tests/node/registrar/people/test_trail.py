"""The trail's chain: what is added follows, and a row that was changed, taken out or put in is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from node.registrar.database import Database, open_database
from node.registrar.people import trail
from node.registrar.people.trail import FIRST, Outcome, TrailEntry, hash_row


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "registrar.db", "log")
    yield opened
    opened.close()


def entry(number: int, **more: object) -> TrailEntry:
    values = {"at": 1000 * number, "who": "k3j9x2ab", "roles": ("registrar", "approver"), "call": "Registrar.Issue"}
    return TrailEntry(**{**values, "outcome": Outcome.DONE, **more})  # type: ignore[arg-type]  # real fields


def fill(database: Database, count: int = 5) -> None:
    for number in range(1, count + 1):
        with database.write() as session:
            trail.append(session, entry(number, award_ids=(f"a{number}",)))


def find_break(database: Database) -> int | None:
    with database.read() as session:
        return trail.find_break(session)


def test_rows_follow_each_other(database: Database) -> None:
    assert find_break(database) is None
    fill(database)
    with database.read() as session:
        rows = trail.read_rows(session, 0)
        assert [row.number for row in rows] == [1, 2, 3, 4, 5]
        assert rows[0].hash == hash_row(rows[0], FIRST)
        assert rows[1].hash == hash_row(rows[1], rows[0].hash)
        assert rows[0].roles == "approver registrar"
        assert [row.number for row in trail.read_rows(session, 4000)] == [4, 5]
        assert trail.last_calls(session) == {"k3j9x2ab": 5000}
    assert find_break(database) is None


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE trail SET who = 'somebody' WHERE number = 3", 3),
        ("UPDATE trail SET at = at + 1 WHERE number = 1", 1),
        ("UPDATE trail SET award_ids = '' WHERE number = 5", 5),
        ("UPDATE trail SET outcome = 'refused' WHERE number = 2", 2),
        ("UPDATE trail SET roles = 'reader' WHERE number = 2", 2),
        ("UPDATE trail SET about = 'x' WHERE number = 2", 2),
        ("UPDATE trail SET awards = 7 WHERE number = 2", 2),
        ("UPDATE trail SET reason = 'x' WHERE number = 2", 2),
        ("UPDATE trail SET call = 'x' WHERE number = 2", 2),
        ("DELETE FROM trail WHERE number = 3", 3),
        ("DELETE FROM trail WHERE number = 1", 1),
        ("UPDATE trail SET hash = zeroblob(32) WHERE number = 4", 4),
        ("INSERT INTO trail SELECT 6, at, who, roles, call, about, awards, award_ids, outcome, reason, hash "
         "FROM trail WHERE number = 5", 6),
    ],
)  # fmt: skip
def test_a_changed_row_is_found(database: Database, statement: str, found: int) -> None:
    fill(database)
    with database.write() as session:
        session.execute(text(statement))
    assert find_break(database) == found


def test_renumbering_hides_nothing(database: Database) -> None:
    """A row taken out and the later ones moved up: their hashes tell."""
    fill(database)
    with database.write() as session:
        session.execute(text("DELETE FROM trail WHERE number = 2"))
        session.execute(text("UPDATE trail SET number = number - 1 WHERE number > 2"))
    assert find_break(database) == 2


def test_very_many_awards_are_several_rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MAX_IDS", 2)
    with database.write() as session:
        trail.append(session, entry(1, award_ids=("a", "b", "c", "d", "e")))
    with database.read() as session:
        assert [(row.awards, row.award_ids) for row in trail.read_rows(session, 0)] == [
            (2, "a b"),
            (2, "c d"),
            (1, "e"),
        ]
    assert find_break(database) is None


def test_a_row_stands_or_falls_with_its_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        trail.append(session, entry(1))
        raise RuntimeError
    fill(database, 1)
    assert find_break(database) is None
