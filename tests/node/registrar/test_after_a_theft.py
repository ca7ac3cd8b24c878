"""After a theft: what would be hit is told, copies are made anew, own entries stated again, and the thief's never."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ledger import base64url
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from node.client.registry import IssueRequest
from node.errors import BusyError
from node.keystore import KeyRole
from node.registrar import outbox, views
from node.registrar.copies import read_credential_id
from node.registrar.correction_desk import CorrectionDesk
from node.registrar.learners.desk import LearnerDesk
from node.registrar.tables import RESTORED, Setting, Slot, SlotChange
from node.registrar.trouble import find_trouble
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench
from tests.node.registrar.thefts import add_key, forge_batch, retire, steal

pytestmark = pytest.mark.usefixtures("each_database")


async def issue(bench: Bench, *learners: int) -> tuple[str, ...]:
    return (await bench.desk.issue(IssueRequest(data=csv_of(learners), achievement=DIPLOMA))).issued


def page(bench: Bench) -> bytes:
    record = bench.log.state.effective_status()
    assert record is not None
    body = bench.log.body(record.index)
    assert body is not None
    return decode_page(list_key(bench.keystore.list_root, 0), parse_body("status", body), record.statement_id)


def registrars_copy(bench: Bench, award: str) -> tuple[str, int]:
    """The copy and the entry it stands in."""
    with bench.desk.database.read() as session:
        credential, receipt = views.find_receipt(session, bench.log, award)
    return credential, receipt.index


def name_of(key: object) -> str:
    return base64url.encode(key.public.id)  # type: ignore[attr-defined]


async def test_copies_of_a_stolen_key_are_made_anew(tmp_path: Path) -> None:
    """Fresh copies by the key in force that say what they replace; the old slots end, and only once."""
    async with fresh_bench(tmp_path) as bench:
        corrections = CorrectionDesk(bench.desk)
        early = await issue(bench, 1)
        await bench.desk.cut()
        awards = await issue(bench, 2, 3, 4)
        await bench.desk.set_status(awards[1:2], Status.SUSPENDED)
        await bench.desk.set_status(awards[2:], Status.REVOKED)
        since = (await bench.desk.cut()).indexes[0]
        before = {award: registrars_copy(bench, award)[0] for award in (*early, *awards)}
        old = await steal(bench, KeyRole.REGISTER, since)

        preview = await corrections.reissue(name_of(old), dry_run=True)
        assert (preview.awards, preview.new_copies, preview.ended_slots) == (2, 2, 2)
        assert page(bench) == page(bench) and sorted(page(bench))[-3:] == [0, 1, 2]
        report = await corrections.reissue(name_of(old))
        assert report == preview
        await bench.desk.cut()

        assert sorted(value for value in page(bench) if value) == [1, 2, 3, 3]
        assert registrars_copy(bench, early[0])[0] == before[early[0]]
        assert registrars_copy(bench, awards[2])[0] == before[awards[2]]
        for award in awards[:2]:
            credential, index = registrars_copy(bench, award)
            claims = parse_sd_jwt(credential)
            assert claims.jws.header["kid"] == base64url.encode(bench.keystore.newest(KeyRole.REGISTER).public.id)
            assert open_claims(claims).payload["replaces"] == read_credential_id(before[award])
            assert index > since
        assert (await corrections.reissue(name_of(old))).ended_slots == 0

        await bench.desk.set_status(awards[1:2], Status.VALID)
        await bench.desk.cut()
        assert sorted(value for value in page(bench) if value) == [1, 3, 3]
        await bench.desk.set_status(awards[:2], Status.REVOKED)
        await bench.desk.cut()
        assert sorted(value for value in page(bench) if value) == [1, 1, 1, 3, 3]


async def test_a_learner_whose_data_is_restricted_is_passed_over_and_counted(tmp_path: Path) -> None:
    """Nothing of theirs is used, not even to make good; once it is lifted the same command finds them."""
    async with fresh_bench(tmp_path) as bench:
        corrections, learners = CorrectionDesk(bench.desk), LearnerDesk(bench.desk)
        awards = await issue(bench, 1, 2)
        since = (await bench.desk.cut()).indexes[0]
        learner = next(one.learner_id for one in await bench.desk.list_awards() if one.id == awards[0])
        before = registrars_copy(bench, awards[0])
        await learners.put_mark("restriction", "asked for it", learner_id=learner)
        old = await steal(bench, KeyRole.REGISTER, since)
        report = await corrections.reissue(name_of(old))
        assert (report.awards, report.new_copies, report.ended_slots, report.restricted) == (1, 1, 1, 1)
        await bench.desk.cut()
        assert registrars_copy(bench, awards[0]) == before
        assert (await corrections.reissue(name_of(old), dry_run=True)).restricted == 1
        await learners.end_mark("restriction", learner_id=learner)
        report = await corrections.reissue(name_of(old))
        assert (report.new_copies, report.restricted) == (1, 0)


async def test_a_reissue_needs_a_theft_and_another_key(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        corrections = CorrectionDesk(bench.desk)
        await issue(bench, 1)
        await bench.desk.cut()
        good = bench.keystore.newest(KeyRole.REGISTER)
        with pytest.raises(RuleError, match="was not declared stolen"):
            await corrections.reissue(name_of(good))
        with pytest.raises(RuleError, match="signs no credentials") as refusal:
            await corrections.reissue(name_of(bench.keystore.newest(KeyRole.OPERATE)))
        assert "restate" in refusal.value.hint
        old = await steal(bench, KeyRole.REGISTER, 1)
        await retire(bench, bench.keystore.newest(KeyRole.REGISTER).public)
        with pytest.raises(RuleError, match="no register key of this node is in force"):
            await corrections.reissue(name_of(old))
        assert page(bench) == bytes(16_384)


async def test_a_key_tells_what_hangs_on_it(tmp_path: Path) -> None:
    """Copies by month and achievement with their entries; waiting ones apart; since when, by index or by day."""
    async with fresh_bench(tmp_path) as bench:
        corrections = CorrectionDesk(bench.desk)
        await issue(bench, 1, 2)
        first = (await bench.desk.cut()).indexes[1]
        bench.clock.advance(40 * 86_400_000)
        await issue(bench, 3)
        second = (await bench.desk.cut()).indexes[1]
        await issue(bench, 4)
        key = name_of(bench.keystore.newest(KeyRole.REGISTER))
        impact = await corrections.describe_key(key[:8], "")
        assert [(use.month, use.awards, use.first_entry, use.last_entry) for use in impact.uses] == [
            ("2026-09", 2, first, first),
            ("2026-10", 2, second, second),
        ]
        assert (impact.role, impact.is_here, impact.others, impact.hit_awards) == ("register", True, 0, 4)
        assert (impact.waiting_registrar_copies, impact.reissuable) == (1, 0)
        assert (await corrections.describe_key(key, str(second))).hit_awards == 2
        by_day = await corrections.describe_key(key, "2026-10-15")
        assert (by_day.since, by_day.hit_awards) == (first + 2, 2)
        with pytest.raises(RuleError, match="no key of this log has that id"):
            await corrections.describe_key("nothing-like-it", "")


async def test_an_operate_key_tells_which_entries_are_ours(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.cut()
        operate = bench.keystore.newest(KeyRole.OPERATE)
        await forge_batch(bench, operate, [b"\x07" * 32])
        impact = await CorrectionDesk(bench.desk).describe_key(name_of(operate), "")
        assert impact.entries == (("issue", 1, 1), ("status", 1, 0))


async def test_own_entries_are_stated_again_and_a_thiefs_never(tmp_path: Path) -> None:
    """Whole bodies at their old places, once; what this node's database does not know stays void."""
    async with fresh_bench(tmp_path) as bench:
        corrections = CorrectionDesk(bench.desk)
        await bench.desk.cut()
        (award,) = await issue(bench, 1)
        cut = (await bench.desk.cut()).indexes
        forged = await forge_batch(bench, bench.keystore.newest(KeyRole.OPERATE), [b"\x07" * 32])
        await steal(bench, KeyRole.OPERATE, cut[0])
        state = bench.log.state
        assert {index for index in range(bench.log.size) if void(bench, index)} == {cut[1], cut[2], forged}
        with pytest.raises(RuleError, match="2 of our own entries are void") as refusal:
            await bench.desk.cut()
        assert "restate" in refusal.value.hint
        assert any("restate" in str(finding) for finding in await find_trouble(bench.desk, running_since=bench.clock()))

        preview = await corrections.restate(dry_run=True)
        assert [(kind, index) for kind, index, _ in preview.restated] == [("issue", cut[1]), ("status", cut[2])]
        assert bench.log.state is state
        report = await corrections.restate()
        assert report.unknown == preview.unknown == (("issue", forged),)
        for _, index, again in report.restated:
            assert bench.log.body(index) == bench.log.body(again)
        assert {index for index in range(bench.log.size) if void(bench, index)} == {forged}
        assert (await corrections.restate()).restated == ()

        await bench.desk.set_status([award], Status.REVOKED)
        await bench.desk.cut()
        assert sum(page(bench)) == 1
        assert not any(
            "restate" in str(finding) for finding in await find_trouble(bench.desk, running_since=bench.clock())
        )


async def test_a_thiefs_page_stops_neither_issue_nor_cut(tmp_path: Path) -> None:
    """The newest page of the log is not ours then; the newest that counts is, and ours follow from that."""
    async with fresh_bench(tmp_path) as bench:
        await issue(bench, 1)
        cut = (await bench.desk.cut()).indexes
        operate = bench.keystore.newest(KeyRole.OPERATE)
        await forge_page(bench, operate, cut[2])
        with pytest.raises(BusyError, match="has not been read into it"):
            await issue(bench, 2)
        await steal(bench, KeyRole.OPERATE, cut[2] + 1)
        await issue(bench, 2)
        await bench.desk.cut()
        assert page(bench) == bytes(16_384)


async def test_a_restored_database_takes_no_thiefs_page_for_its_own(tmp_path: Path) -> None:
    """It reads the log, which holds one; what it took for its own it would state again with the new key."""
    async with fresh_bench(tmp_path) as bench:
        await issue(bench, 1)
        cut = (await bench.desk.cut()).indexes
        forged = await forge_page(bench, bench.keystore.newest(KeyRole.OPERATE), cut[2])
        await steal(bench, KeyRole.OPERATE, cut[2] + 1)
        with bench.desk.database.write() as session:
            session.add(Setting(name=RESTORED, value=f"{bench.clock()} {bench.clock()}"))
        await bench.desk.start()
        statement_id = parse_entry(bench.log.entry(forged)).statement.id
        with bench.desk.database.read() as session:
            assert session.get(Setting, RESTORED) is None
            assert not outbox.has_statement(session, statement_id)
        await bench.desk.cut()
        assert void(bench, forged)


async def forge_page(bench: Bench, key: object, like: int) -> int:
    """A page that somebody else puts on this log: our lists, other bytes."""
    import dataclasses

    from ledger.log import statements
    from ledger.log.body import describe_body
    from ledger.log.entry import sign_statement
    from ledger.log.records import StatusUpdate
    from node.sequencer import SignedStatement
    from tests.node.registrar.desks import Dice

    old = parse_entry(bench.log.entry(like)).statement
    assert isinstance(old, StatusUpdate)
    items = tuple(Dice(f"page{number}")(1024) for number in range(16))
    forged = dataclasses.replace(old, id=Dice("forged")(16), reference=describe_body("status", items))
    data = statements.encode(forged)
    (index,) = await bench.sequencer.append([SignedStatement(data, sign_statement(data, [key]), items)])  # type: ignore[list-item]
    return index


def void(bench: Bench, index: int) -> str | None:
    return bench.log.state.void_reason(parse_entry(bench.log.entry(index)))


async def test_a_key_retires_only_after_its_successor(tmp_path: Path) -> None:
    """Where another was made; whoever made none ends the role on purpose."""
    async with fresh_bench(tmp_path) as bench:
        old = bench.keystore.newest(KeyRole.ISSUE).public
        bench.keystore.add(KeyRole.ISSUE, lambda length: b"\x05" * length)
        with pytest.raises(RuleError, match="the one made to follow it is not in force yet"):
            await retire(bench, old)
        await add_key(bench, KeyRole.ISSUE)
        await retire(bench, old)
        await retire(bench, bench.keystore.newest(KeyRole.DEFINE).public)


async def test_the_explanation_of_a_reissue_is_used_once(tmp_path: Path) -> None:
    """By the page that shows it; a cut that the log refused gives it back."""
    async with fresh_bench(tmp_path) as bench:
        await issue(bench, 1)
        await bench.desk.cut()
        old = await steal(bench, KeyRole.REGISTER, 1)
        await CorrectionDesk(bench.desk).reissue(name_of(old))
        database = bench.desk.database
        # The cut is made and refused before it is written: what it took waits again.
        made = bench.desk._make_cut(bench.clock())
        with database.write() as session:
            (shipment,) = outbox.load_pending(session)
            assert shipment.cut_id == made.id
            outbox.withdraw(session, shipment)
        await bench.desk.cut()
        assert sorted(value for value in page(bench) if value) == [3]
        with database.write() as session:
            slot = session.scalars(select(SlotChange)).one()
            session.execute(update(Slot).where(Slot.slot != slot.slot).values(status=2))
        with pytest.raises(RuleError, match="without a decision"):
            await bench.desk.cut()
        with database.write() as session:
            session.add(
                SlotChange(list_number=slot.list_number, slot=fresh_slot(session, slot), at=0, cut_id=slot.cut_id)
            )
        with pytest.raises(RuleError, match="without a decision"):
            await bench.desk.cut()
        with database.write() as session:
            shown = session.scalars(select(SlotChange).where(SlotChange.number == slot.number)).one()
            assert shown.cut_id is not None


def fresh_slot(session: Session, ended: SlotChange) -> int:
    return session.scalars(select(Slot.slot).where(Slot.slot != ended.slot)).one()
