"""The desk, on a real log: awards, cuts, decisions, restarts."""

from pathlib import Path

import pytest
from sqlalchemy import update

from ledger.credential.commitment import commit
from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from ledger.log.receipt import verify_receipt
from node.client.registry import IssueRequest
from node.registrar import outbox, views
from node.registrar.tables import Slot
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

pytestmark = pytest.mark.usefixtures("each_database")


def request(learners: range, **options: object) -> IssueRequest:
    return IssueRequest(data=csv_of(learners), achievement=DIPLOMA, **options)  # type: ignore[arg-type]


def kinds(bench: Bench) -> list[str]:
    return [parse_entry(bench.log.entry(index)).statement.kind for index in range(bench.log.size)]


def page(bench: Bench) -> bytes:
    record = bench.log.state.newest_status
    assert record is not None
    body = bench.log.body(record.index)
    assert body is not None
    return decode_page(list_key(bench.keystore.list_root, 0), parse_body("status", body), record.statement_id)


async def test_awards_are_cut_and_proven(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(request(range(5)))
        assert (report.new, report.already, report.problems, report.waiting) == (5, 0, (), 5)
        assert [view.describe() for view in await bench.desk.list_awards()] == ["waiting for the next cut"] * 5

        answer = await bench.desk.cut()

        assert (answer.indexes, answer.copies, answer.waiting) == ((2, 3, 4), 5, 0)
        assert kinds(bench) == ["charter", "publish", "anchor", "issue", "status"]
        assert bench.log.state.void == {}
        assert [view.describe() for view in await bench.desk.list_awards()] == ["on the ledger at index 3"] * 5
        for award_id in report.issued:
            with bench.desk.database.read() as session:
                credential, receipt = views.find_receipt(session, bench.log, award_id)
            verify_receipt(receipt, commit(credential.partition("~")[0]), parse_entry(bench.log.entry(3)))
        assert page(bench) == bytes(16_384)


async def test_a_cut_is_answered_whoever_submits_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that looks after the outbox may be quicker than the desk."""
    async with fresh_bench(tmp_path) as bench:
        flush = bench.desk._dispatcher.flush

        async def overtaken() -> None:
            await flush()
            await flush()

        monkeypatch.setattr(bench.desk._dispatcher, "flush", overtaken)
        assert (await bench.desk.cut()).indexes == (2, 3, 4)


async def test_a_cut_that_the_log_refused_is_no_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another task heard the refusal: nobody is told of entries that are not there."""
    async with fresh_bench(tmp_path) as bench:

        async def refused() -> None:
            with bench.desk.database.write() as session:
                for shipment in outbox.load_pending(session):
                    outbox.withdraw(session, shipment)

        monkeypatch.setattr(bench.desk._dispatcher, "flush", refused)
        with pytest.raises(RuleError, match="the log refused it"):
            await bench.desk.cut()
        assert bench.log.size == 2


async def test_the_same_file_again_issues_nothing_new(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(request(range(3)))
        report = await bench.desk.issue(request(range(4)))

        assert (report.new, report.already, report.waiting) == (1, 3, 4)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(request(range(3), dry_run=True))

        assert (report.new, report.issued) == (3, ())
        assert await bench.desk.list_awards() == []
        assert (await bench.desk.status()).waiting_copies == 0


async def test_other_content_names_replace_and_replaces_when_asked(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        first = await bench.desk.issue(request(range(2)))
        changed = csv_of(range(2)).replace(b"met,waived", b"met,met", 1)
        refused = await bench.desk.issue(IssueRequest(data=changed, achievement=DIPLOMA))
        assert (refused.new, refused.already) == (0, 1)
        assert "use replace to correct it" in refused.problems[0].reason
        assert "Marker" not in refused.problems[0].describe()
        await bench.desk.cut()

        report = await bench.desk.issue(IssueRequest(data=changed, achievement=DIPLOMA, replace=first.issued[:1]))
        assert (report.new, report.replaced, report.already, report.problems) == (1, 1, 1, ())
        await bench.desk.cut()

        old, *_ = [view for view in await bench.desk.list_awards() if view.id == first.issued[0]]
        assert old.status is Status.REPLACED
        assert old.replaced_by == report.issued[0]
        assert sorted(page(bench))[-2:] == [0, 3]


async def test_results_are_checked_against_the_achievement(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        data = csv_of(range(3)).replace(b"met,waived", b"MET,secretvalue", 1).replace(b"result.R1", b"result.R1", 1)
        report = await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))

        assert report.new == 2
        assert [(problem.line, problem.column) for problem in report.problems] == [(2, "result.R2")]
        assert "secretvalue" not in report.problems[0].describe()


async def test_an_unknown_achievement_names_how_to_publish(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        with pytest.raises(RuleError, match="achievement nothing: is not published") as refusal:
            await bench.desk.issue(IssueRequest(data=csv_of(range(1)), achievement="nothing"))
        assert "cairn-node publish" in refusal.value.hint


async def test_decisions_show_in_all_slots_of_an_award_at_the_next_cut(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(request(range(4)))
        await bench.desk.cut()
        one, two, *_ = report.issued
        await bench.desk.set_status([one], Status.REVOKED, reason="private")
        await bench.desk.set_status([two], Status.SUSPENDED)
        assert page(bench) == bytes(16_384)
        await bench.desk.cut()
        assert sorted(page(bench))[-3:] == [0, 1, 2]

        await bench.desk.set_status([two], Status.VALID)
        await bench.desk.cut()
        assert sorted(page(bench))[-2:] == [0, 1]
        with pytest.raises(RuleError, match="is revoked and cannot become valid"):
            await bench.desk.set_status([one], Status.VALID)


async def test_more_than_a_cut_holds_waits_for_the_next(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(request(range(300)))
        first = await bench.desk.cut()
        second = await bench.desk.cut()

        assert (first.copies, first.waiting, second.copies, second.waiting) == (256, 44, 44, 0)
        assert {view.index for view in await bench.desk.list_awards()} == {first.indexes[1], second.indexes[1]}


async def test_a_page_that_no_decision_explains_is_not_signed(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        report = await bench.desk.issue(request(range(2)))
        await bench.desk.set_status(report.issued[:1], Status.REVOKED)
        await bench.desk.cut()
        size = bench.log.size
        with bench.desk.database.write() as session:
            session.connection().exec_driver_sql("UPDATE slots SET status = 0")
        with pytest.raises(RuleError, match="which is final"):
            await bench.desk.cut()
        with bench.desk.database.write() as session:
            session.connection().exec_driver_sql("UPDATE slots SET status = 2")
        with pytest.raises(RuleError):
            await bench.desk.cut()
        with bench.desk.database.write() as session:
            session.connection().exec_driver_sql("UPDATE slots SET status = 0")
            session.execute(update(Slot).where(Slot.award_id.in_(report.issued[:2])).values(status=1))
        with pytest.raises(RuleError, match="without a decision"):
            await bench.desk.cut()
        assert bench.log.size == size


async def test_two_cuts_with_0_and_with_6_awards_look_alike(tmp_path: Path) -> None:
    shapes = []
    for seed, count in (("a", 0), ("b", 6)):
        async with fresh_bench(tmp_path, seed=seed) as bench:
            report = await bench.desk.issue(request(range(count)))
            await bench.desk.cut()
            await bench.desk.set_status(report.issued[:2], Status.REVOKED)
            await bench.desk.cut()
            entries = [parse_entry(bench.log.entry(index)) for index in range(bench.log.size)]
            bodies = [entry.statement.body for entry in entries]
            shapes.append(
                [
                    (entry.statement.kind, entry.statement.at, len(entry.raw), body and (body.items, body.size))
                    for entry, body in zip(entries, bodies, strict=True)
                ][2:]
            )
    assert shapes[0] == shapes[1]


async def test_documents_keep_their_meaning(tmp_path: Path) -> None:
    from tests.node.registrar.desks import achievement_json

    async with fresh_bench(tmp_path) as bench:
        again = await bench.desk.publish(achievement_json())
        assert (again.index, again.id, again.version, again.type) == (1, DIPLOMA, 1, "achievement")
        with pytest.raises(RuleError, match="published with other content"):
            await bench.desk.publish(achievement_json().replace(b"A diploma", b"B diploma"))
        newer = await bench.desk.publish(achievement_json(version=2))
        assert (newer.index, newer.version) == (2, 2)
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(1)), achievement=f"{DIPLOMA}/1"))
        assert report.version == 1
        await bench.desk.close_document(DIPLOMA, 2)
        with pytest.raises(RuleError, match="closed for new awards"):
            await bench.desk.issue(IssueRequest(data=csv_of(range(1)), achievement=DIPLOMA))
