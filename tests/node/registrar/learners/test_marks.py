"""Restriction, disagreement, disclosures and the report that tells all of it."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.credential.fields import field_names
from ledger.errors import MalformedError, RuleError
from node.client.registry import IssueRequest
from node.registrar.learners.desk import LearnerDesk
from node.registrar.tables import Copy
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench


async def issue(bench: Bench, *learners: int) -> tuple[str, ...]:
    return (await bench.desk.issue(IssueRequest(data=csv_of(learners), achievement=DIPLOMA))).issued


async def test_a_restriction_pauses_every_use(tmp_path: Path, each_database: None) -> None:
    """No link by name or by learner, no place in the links of a class, no new award; lifted, all of it again."""
    async with fresh_bench(tmp_path) as bench:
        one, _ = await issue(bench, 1, 2)
        learners = LearnerDesk(bench.desk)
        await learners.put_mark("restriction", "contested", learner_id="L0001")
        with pytest.raises(RuleError, match="their data is restricted"):
            await bench.desk.offer(award_ids=[one])
        with pytest.raises(RuleError, match="their data is restricted"):
            await bench.desk.offer(learner_id="L0001")
        assert [link.learner_id for link in (await bench.desk.offer(achievement=DIPLOMA)).links] == ["L0002"]
        changed = csv_of([1]).replace(b"6.50", b"7.00")
        report = await bench.desk.issue(IssueRequest(data=changed, achievement=DIPLOMA, replace=(one,)))
        assert report.new == 0 and "restricted" in report.problems[0].reason
        assert await learners.end_mark("restriction", learner_id="L0001") == 1
        assert await learners.end_mark("restriction", learner_id="L0001") == 0
        assert len((await bench.desk.offer(learner_id="L0001")).links) == 1


async def test_a_disagreement_goes_with_the_copies_made_from_then_on(tmp_path: Path) -> None:
    """It can be hidden like any field, says whose words it is, and changes no count of digests."""
    async with fresh_bench(tmp_path) as bench:
        one, two = await issue(bench, 1, 2)
        await LearnerDesk(bench.desk).put_mark("disagreement", "I was  ill\nthat week.", award_id=one)
        with bench.desk.database.write() as session:
            for copy in session.scalars(select(Copy)):
                copy.key_id = bytes(32)  # as if its key had left force: both are signed anew before the cut
        await bench.desk.cut()
        with bench.desk.database.read() as session:
            made = {copy.award_id: field_names(copy.credential) for copy in session.scalars(select(Copy))}
        assert "statement" not in made[two]
        assert made[one]["statement"].value.endswith("does not vouch for it: I was ill that week.")


async def test_a_report_tells_everything_and_changes_nothing(tmp_path: Path, each_database: None) -> None:
    async with fresh_bench(tmp_path) as bench:
        one, _ = await issue(bench, 1, 2)
        await bench.desk.cut()
        await bench.desk.offer(learner_id="L0001")
        learners = LearnerDesk(bench.desk)
        await learners.note_disclosure("L0001", "State auditor", "transcript", "audit")
        await learners.put_mark("hold", "subpoena", learner_id="L0001")
        data = await learners.report("L0001")
        assert data is not None and await learners.report("L0001") == data
        report = json.loads(data)
        (award,) = report["awards"]
        assert (award["id"], award["name"], award["credits"]) == (one, "Learner Marker1", "6.50")
        assert award["copies"][0]["credential"].count("~") > 3 and award["copies"][0]["entry"] is not None
        assert report["disclosures"][0]["to"] == "State auditor"
        assert [mark["kind"] for mark in report["marks"]] == ["hold"]
        assert len(report["claim_links"]) == 1
        assert b"Marker2" not in data


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "bell \x07"])
async def test_texts_refused(tmp_path: Path, text: str) -> None:
    async with fresh_bench(tmp_path) as bench:
        await issue(bench, 1)
        with pytest.raises(MalformedError, match="restriction: "):
            await LearnerDesk(bench.desk).put_mark("restriction", text, learner_id="L0001")


async def test_nothing_is_noted_about_nobody(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        learners = LearnerDesk(bench.desk)
        with pytest.raises(RuleError, match="nothing is held"):
            await learners.put_mark("restriction", "x", learner_id="L9")
        with pytest.raises(RuleError, match="nothing is held"):
            await learners.note_disclosure("L9", "a", "b", "c")
        with pytest.raises(RuleError, match="no such award"):
            await learners.put_mark("disagreement", "x", award_id="none")
        with pytest.raises(MalformedError, match="mark: must be one of"):
            await learners.put_mark("grudge", "x", learner_id="L9")
