"""The retention table: what is due goes, what is held stays, nothing goes without a row."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.credential.status import Status
from ledger.errors import MalformedError
from node.client.registry import IssueRequest
from node.config import parse_config
from node.registrar.learners import retention
from node.registrar.learners.desk import LearnerDesk
from node.registrar.learners.schedule import EVENTS, parse_row
from node.registrar.people.tables import TrailRow
from node.registrar.tables import Award, Decision, Offer
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

DAY_MS = 86_400_000


def desk_with(bench: Bench, *rows: str) -> LearnerDesk:
    bench.desk.parts = replace(bench.desk.parts, retention=rows)
    return LearnerDesk(bench.desk)


def count(bench: Bench, column: object) -> int:
    with bench.desk.database.read() as session:
        return session.scalar(select(func.count(column))) or 0  # type: ignore[arg-type]  # a column


async def test_what_is_due_goes_and_what_is_held_stays(tmp_path: Path, each_database: None) -> None:
    """A look changes nothing; a hold is counted; replaced awards go with what took their place."""
    async with fresh_bench(tmp_path) as bench:
        first = await bench.desk.issue(IssueRequest(data=csv_of([1, 2]), achievement=DIPLOMA))
        changed = csv_of([1]).replace(b"6.50", b"7.00")
        await bench.desk.issue(IssueRequest(data=changed, achievement=DIPLOMA, replace=first.issued[:1]))
        learners = desk_with(bench, "awards 60 days after decision")
        await learners.put_mark("hold", "subpoena", learner_id="L0002")
        assert [(row.number, row.held) for row in (await learners.apply_retention()).rows] == [(0, 0)]
        bench.clock.advance(61 * DAY_MS)
        await bench.desk.issue(IssueRequest(data=csv_of([3]), achievement=DIPLOMA))
        look = await learners.apply_retention(dry_run=True)
        assert [(row.number, row.held) for row in look.rows] == [(2, 1)]
        assert count(bench, Award.id) == 4
        assert (await learners.apply_retention()).rows == look.rows
        assert {view.learner_id for view in await bench.desk.list_awards()} == {"L0002", "L0003"}
        await bench.desk.cut()


async def test_parts_of_an_award_go_by_rows_of_their_own(tmp_path: Path) -> None:
    """Addresses, reasons and links; the award stays."""
    async with fresh_bench(tmp_path) as bench:
        data = csv_of([1]).replace(b"awarded_on", b"email,awarded_on").replace(b",2026", b",a@b.example,2026")
        issued = (await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))).issued
        await bench.desk.offer(learner_id="L0001")
        await bench.desk.set_status(issued, Status.SUSPENDED, reason="why")
        learners = desk_with(
            bench, "addresses 1 day after decision", "reasons 1 day after decision", "offers 1 day after expiry"
        )
        bench.clock.advance(40 * DAY_MS)
        answer = await learners.apply_retention()
        assert [row.number for row in answer.rows] == [1, 1, 1] and answer.is_complete
        with bench.desk.database.read() as session:
            assert session.scalars(select(Award.email)).all() == [""]
            assert session.scalars(select(Decision.reason)).all() == [""]
        assert count(bench, Offer.id) == 0
        assert b"a@b.example" not in (bench.directory / "registrar.db").read_bytes()


async def test_the_daily_run_leaves_its_row_in_the_trail(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of([1]), achievement=DIPLOMA))
        bench.clock.advance(2 * DAY_MS)
        learners = desk_with(bench, "awards 1 day after decision")
        await learners.retain()
        with bench.desk.database.read() as session:
            (row,) = session.scalars(select(TrailRow))
            assert (row.who, row.call, row.about) == ("schedule", "Rights.ApplyRetention", "1 rows")


def test_every_row_there_can_be_is_applied_by_somebody() -> None:
    assert set(EVENTS) == retention.KNOWN
    for what, event in EVENTS:
        assert parse_row(f"{what} 2 years after {event}").keep_ms == 2 * 365 * DAY_MS + DAY_MS // 2


@pytest.mark.parametrize(
    "row", ["awards", "awards 0 days after decision", "awards 3 weeks after decision", "trail 1 day after call"]
)
def test_rows_refused(row: str) -> None:
    """By the configuration already, with the rows there are."""
    with pytest.raises(MalformedError, match=r"node.toml: retention: .*(WHAT NUMBER UNIT|there is no such row)"):
        parse_config(f'name = "x"\nretention = ["{row}"]\n')


def test_the_page_has_every_row() -> None:
    """docs/rights.md explains each in the words of the program."""
    page = (Path(__file__).resolve().parents[4] / "docs" / "rights.md").read_text()
    for (what, event), words in EVENTS.items():
        assert f"| `{what} … after {event}` | {words} |" in page
