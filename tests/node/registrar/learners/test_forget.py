"""Forgetting: nothing of the learner is in any byte of any file, everything else goes on, a second run finds nothing."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from node.backup.make import no_progress
from node.backup.replay import replay_store
from node.client.registry import IssueRequest
from node.pb import registrar_pb2 as pb
from node.registrar import sqlite
from node.registrar.learners import forget
from node.registrar.learners.desk import LearnerDesk
from node.registrar.learners.erasing import erase, find_ids
from node.registrar.learners.tables import Forgotten
from node.registrar.people import acts, proposals
from node.registrar.people.caller import Caller
from node.registrar.people.roles import Role
from node.registrar.people.tables import Proposal
from node.registrar.tables import Award, Copy, Decision, Slot
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

WHO = "Q7-Quillfeather"
NAME = "Perpetua Quillfeather"
EMAIL = "perpetua@quill.example"


def row_of(credits: str = "6.50", learner: str = WHO) -> bytes:
    return (
        "learner_id,name,email,awarded_on,credits,result.R1,result.R2\n"
        f"{learner},{NAME},{EMAIL},2026-06-15,{credits},met,waived\n"
    ).encode()


async def plant(bench: Bench) -> list[bytes]:
    """A learner with a replaced award, a decision that waits, a link, marks and a disclosure; gives what must go."""
    desk, learners = bench.desk, LearnerDesk(bench.desk)
    first = await desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
    await desk.cut()
    second = await desk.issue(IssueRequest(data=row_of("7.00"), achievement=DIPLOMA, replace=first.issued))
    await desk.offer(learner_id=WHO)
    await desk.cut()
    await desk.set_status(second.issued, Status.SUSPENDED, reason="inquiry Quillwort")
    await learners.put_mark("disagreement", "I was there, says Quillback", award_id=second.issued[0])
    await learners.put_mark("restriction", "letter of Quillon", learner_id=WHO)
    await learners.note_disclosure(WHO, "Quillton College", "transcript", "admission of Quillet")
    with desk.database.read() as session:
        copies = session.scalars(select(Copy).where(Copy.credential != "")).all()
        mine = [copy for copy in copies if session.get_one(Award, copy.award_id).learner_id == WHO]
    found = [b"Quill", b"perpetua@", b"inquiry"]
    for copy in mine:
        jwt, *disclosures, _ = copy.credential.split("~")
        found += [jwt[start : start + 40].encode() for start in (len(jwt) - 80, len(jwt) - 40)]
        found += [text.encode() for text in disclosures]
        found += [json.loads(base64url.decode(text))[0].encode() for text in disclosures]
    assert len(found) > 12
    return found


def traces(directory: Path, needles: list[bytes]) -> set[str]:
    """Files in which any of these stands, whatever they are: database, side files, ledger store, settings."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert any(path.name == "registrar.db" for path in files)
    return {path.name for path in files if any(needle in path.read_bytes() for needle in needles)}


async def test_no_byte_of_any_file_is_left(tmp_path: Path) -> None:
    """Rows, copies, salts, the write-ahead log, free pages; the node still runs, and the next cut goes on."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of(range(40)), achievement=DIPLOMA))
        needles = await plant(bench)
        # The ledger store holds nothing of it at any time.
        assert "registrar.db-wal" in (found := traces(bench.directory, needles))
        assert found <= {"registrar.db", "registrar.db-wal"}
        slots = await bench.desk.database.look(lambda session: session.scalar(select(func.count(Slot.slot))))
        answer = await LearnerDesk(bench.desk).forget(WHO, "request")
        assert answer is not None
        assert traces(bench.directory, needles) == set()
        receipt = json.loads(answer.receipt)
        assert (
            receipt["erased"] | {"awards": 2, "copies": 2, "marks": 2, "disclosures": 1, "offers": 1}
            == receipt["erased"]
        )
        assert receipt["is_complete"] and not any(needle in answer.receipt for needle in needles)
        # The decision that waited is shown by the next page all the same, and the slots stay used.
        assert (await bench.desk.cut()).indexes
        with bench.desk.database.read() as session:
            assert session.scalar(select(func.count(Slot.slot))) == slots
            assert {slot.status for slot in session.scalars(select(Slot).where(Slot.award_id.is_(None)))} == {2, 3}
            assert session.scalar(select(func.count(Award.id))) == 40
        # Replayed from the first entry, the log is as it was.
        assert replay_store(bench.desk.parts.ledger, no_progress)  # type: ignore[arg-type]  # the store
        assert traces(bench.directory, needles) == set()


async def test_without_secure_deletion_the_same_test_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what a plain deletion leaves is found by the search that the test above relies on."""
    configure = sqlite._configure

    def careless(connection: object, record: object) -> None:
        configure(connection, record)
        connection.execute("PRAGMA secure_delete=OFF")  # type: ignore[attr-defined]  # the driver's own

    monkeypatch.setattr(sqlite, "_configure", careless)
    async with fresh_bench(tmp_path) as bench:
        needles = await plant(bench)
        await bench.desk.database.change(lambda session: erase(session, find_ids(session, WHO), now=1))
        assert "registrar.db-wal" in traces(bench.directory, needles)
        with contextlib.closing(bench.desk.database._engine.raw_connection()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]  # as above
        assert traces(bench.directory, needles) == {"registrar.db"}


async def test_a_second_run_finds_nothing(tmp_path: Path, each_database: None) -> None:
    """On every database; what is left is ids that lead nowhere."""
    async with fresh_bench(tmp_path) as bench:
        await plant(bench)
        learners = LearnerDesk(bench.desk)
        preview = await learners.forget(WHO, "request", dry_run=True)
        assert preview is not None and json.loads(preview.receipt)["is_dry_run"]
        assert await learners.report(WHO) is not None
        answer = await learners.forget(WHO, "request")
        assert answer is not None
        receipt = json.loads(answer.receipt)
        assert receipt["erased"] == json.loads(preview.receipt)["erased"]
        assert await learners.forget(WHO, "request") is None
        assert await learners.report(WHO) is None
        with bench.desk.database.read() as session:
            assert set(session.scalars(select(Forgotten.id))) == set(receipt["forgotten"])
            assert session.scalar(select(func.count(Decision.number))) == 0
        await bench.desk.cut()
        again = await bench.desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
        assert again.new == 1, "a learner who comes back is a new one"


async def test_a_legal_hold_keeps_everything(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
        learners = LearnerDesk(bench.desk)
        await learners.put_mark("hold", "subpoena 2026-114", learner_id=WHO)
        with pytest.raises(RuleError, match="a legal hold keeps everything about them: subpoena 2026-114"):
            await learners.forget(WHO, "request")
        assert len(await bench.desk.list_awards(learner_id=WHO)) == 1
        assert await learners.end_mark("hold", learner_id=WHO) == 1
        assert await learners.forget(WHO, "request") is not None


async def test_a_backup_under_way_is_waited_for_later(tmp_path: Path) -> None:
    """The rows are gone at once; the write-ahead log is cut when nobody reads the old state any more."""
    async with fresh_bench(tmp_path) as bench:
        needles = await plant(bench)
        learners = LearnerDesk(bench.desk)
        with bench.desk.database.dump() as lines:
            next(lines)
            answer = await learners.forget(WHO, "request")
            assert answer is not None and not json.loads(answer.receipt)["is_complete"]
            assert await learners.forget(WHO, "request") is None
            assert not await learners.finish()
        assert traces(bench.directory, needles) != set()
        assert await learners.finish()
        assert traces(bench.directory, needles) == set()


async def test_a_proposal_that_names_the_learner_is_withdrawn(tmp_path: Path) -> None:
    """Its content is a file with their name; one about others waits on."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
        ana = Caller("ana", frozenset({Role.REGISTRAR}), b"x")

        def propose(session: Session) -> list[str]:
            contents = [
                acts.pack([pb.IssueRequest(achievement=DIPLOMA), pb.IssueRequest(data=data)])
                for data in (row_of("9.00"), csv_of([7]))
            ]
            draw = bench.desk.parts.draw
            return [
                proposals.propose(session, ana, "Registrar.Issue", "issue", content, now=bench.clock(), draw=draw).id
                for content in contents
            ]

        named, other = await bench.desk.database.change(propose)
        report = await LearnerDesk(bench.desk).report(WHO)
        assert report is not None and [one["id"] for one in json.loads(report)["proposals"]] == [named]
        answer = await LearnerDesk(bench.desk).forget(WHO, "request")
        assert answer is not None and json.loads(answer.receipt)["proposals_withdrawn"] == 1
        with bench.desk.database.read() as session:
            assert session.get_one(Proposal, named).content is None
            assert session.get_one(Proposal, other).state == "waiting"
        assert traces(bench.directory, [NAME.encode()]) == set()


async def test_a_trace_that_is_found_has_the_file_written_anew(tmp_path: Path) -> None:
    """Also where the node was killed after the deletion, so that nobody knows what to search for."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of(range(3)), achievement=DIPLOMA))
        needles = await plant(bench)
        assert bench.desk.database.scrub([b"Learner Marker1"]).is_rewritten
        assert not bench.desk.database.scrub([b"nobody of this name"]).is_rewritten
        await bench.desk.database.change(lambda session: erase(session, find_ids(session, WHO), now=1))
        assert traces(bench.directory, needles) != set()
        assert await LearnerDesk(bench.desk).finish()
        assert traces(bench.directory, needles) == set()


async def test_a_reason_is_a_word_of_a_closed_set(tmp_path: Path) -> None:
    """Free text could name the learner in the receipt and the trail."""
    async with fresh_bench(tmp_path) as bench:
        with pytest.raises(MalformedError, match="reason: must be one of request, consent"):
            await LearnerDesk(bench.desk).forget(WHO, "because Perpetua asked")


async def test_copies_of_the_database_and_files_that_name_the_learner(tmp_path: Path) -> None:
    """What an upgrade kept is deleted; what people put there is named, and left to them."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
        (bench.directory / "registrar.layout-1.db").write_bytes(b"old copy of " + NAME.encode())
        (bench.directory / "june.csv").write_bytes(row_of())
        (bench.directory / "july.csv").write_bytes(csv_of([1]))
        bench.desk.parts = replace(bench.desk.parts, directory=bench.directory)
        answer = await LearnerDesk(bench.desk).forget(WHO, "request")
        assert answer is not None
        assert answer.files == ("june.csv",)
        assert not (bench.directory / "registrar.layout-1.db").exists()
        assert json.loads(answer.receipt)["copies_of_the_database_deleted"] == 1


async def test_a_file_that_cannot_be_read_or_is_long_costs_no_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner is gone by then and a second run finds nothing, so the receipt would be lost."""
    monkeypatch.setattr(forget, "_PIECE_BYTES", 8)
    read = Path.open

    def refuse(path: Path, *mode: Any, **more: Any) -> Any:  # Any: as Path.open
        if path.name == "sealed.csv" and mode == ("rb",):
            raise PermissionError(13, "not yours")
        if path.name == "gone.tmp" and mode == ("rb",):
            raise FileNotFoundError(2, "gone")
        return read(path, *mode, **more)

    monkeypatch.setattr(Path, "open", refuse)
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=row_of(), achievement=DIPLOMA))
        for name in ("sealed.csv", "gone.tmp"):
            (bench.directory / name).write_bytes(b"whatever")
        (bench.directory / "long.txt").write_bytes(b"x" * 100 + NAME.encode() + b"y" * 100)
        bench.desk.parts = replace(bench.desk.parts, directory=bench.directory)
        answer = await LearnerDesk(bench.desk).forget(WHO, "request")
        assert answer is not None
        assert answer.files == ("long.txt", "sealed.csv")
