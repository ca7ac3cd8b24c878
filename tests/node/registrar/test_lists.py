"""Slots are drawn at random, never twice; lists open on the charter's day or when one is nearly full."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.errors import RuleError
from ledger.log.charter import ListPolicy
from node.registrar.database import Database, open_database
from node.registrar.lists import draw_slots, newest_list, open_due_list
from node.registrar.tables import Cut, Slot
from tests.node.registrar import desks
from tests.node.registrar.desks import Dice

POLICY = ListPolicy(opens="08-01", slots=1024)


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def database(tmp_path: Path, each_database: None) -> Iterator[Database]:
    database = open_database(desks.place_in(tmp_path), "log")
    yield database
    database.close()


def test_every_slot_is_drawn_once_and_then_the_list_is_full(database: Database) -> None:
    dice = Dice()
    drawn: list[int] = []
    with database.write() as session:
        current = newest_list(session, POLICY, 0)
        for count in (1, 500, 400, 100, 20, 3):
            drawn += draw_slots(session, current, [None] * count, dice)
        with pytest.raises(RuleError, match="0 slots left, 1 needed"):
            draw_slots(session, current, [None], dice)
    assert sorted(drawn) == list(range(1024))


def test_slots_of_one_file_do_not_ascend(database: Database) -> None:
    with database.write() as session:
        drawn = draw_slots(session, newest_list(session, POLICY, 0), [None] * 200, Dice())
    assert drawn != sorted(drawn)
    assert max(drawn) > 900 and min(drawn) < 100


@pytest.mark.parametrize(
    ("opened", "cut", "number"),
    [
        ("2026-02-01", "2026-07-31T23:59:00", 0),
        ("2026-02-01", "2026-08-01", 1),
        ("2026-08-01", "2026-08-02", 0),
        ("2026-08-01", "2027-07-31", 0),
        ("2026-08-01", "2027-08-01", 1),
        ("2026-12-31", "2027-01-01", 0),
        ("2026-08-02", "2028-08-05", 1),
    ],
)
def test_a_list_opens_on_the_day_of_the_charter(database: Database, opened: str, cut: str, number: int) -> None:
    with database.write() as session:
        open_due_list(session, POLICY, instant(opened))
        session.add(Cut(at=instant(opened)))
        session.flush()
        assert open_due_list(session, POLICY, instant(cut)).number == number


@pytest.mark.parametrize("first_award", ["2026-07-31T12:00:00", None])
def test_the_first_page_has_one_list_whenever_the_first_award_was(database: Database, first_award: str | None) -> None:
    """Else a second list on it would tell that something was awarded before the opening day."""
    with database.write() as session:
        if first_award:
            newest_list(session, POLICY, instant(first_award))
        for day in ("2026-08-01T02:30:00", "2026-08-02T02:30:00"):
            assert open_due_list(session, POLICY, instant(day)).number == 0
            session.add(Cut(at=instant(day)))
            session.flush()
        assert open_due_list(session, POLICY, instant("2027-08-01T02:30:00")).number == 1


@pytest.mark.parametrize(
    ("used", "last_cut", "cut", "number"),
    [
        (896, "2026-09-30", "2026-10-01", 1),
        (895, "2026-09-30", "2026-10-01", 0),
        (1024, "2026-10-01", "2026-10-02", 0),
        (1024, "2025-10-01", "2026-10-01", 1),
    ],
)
def test_a_list_nearly_full_is_followed_at_the_first_cut_of_a_month(
    database: Database, used: int, last_cut: str, cut: str, number: int
) -> None:
    with database.write() as session:
        draw_slots(session, newest_list(session, POLICY, instant("2026-08-15")), [None] * used, Dice())
        session.add(Cut(at=instant(last_cut)))
        session.flush()
        assert open_due_list(session, POLICY, instant(cut)).number == number


def test_what_a_transaction_drew_is_undone_with_it(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        draw_slots(session, newest_list(session, POLICY, 0), [None] * 5, Dice())
        raise ZeroDivisionError
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Slot)) == 0
