"""A school closes: what its graduates' credentials are worth then, with its database, with a key alone, with nothing."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from ledger.credential.report import Code
from ledger.credential.status import Status
from ledger.errors import PolicyError, RuleError
from ledger.log.governance import MemberOp, Rights
from ledger.log.keys import SigningKey
from ledger.log.network import Network
from node.client.finding import FindingCode
from node.client.registry import IssueRequest
from node.fsck.whole import check_node
from node.home import open_home
from node.registrar.copies import mint_wallet_copies
from node.registrar.correction_desk import CorrectionDesk
from node.registrar.estate import Sources
from node.registrar.learners.desk import LearnerDesk
from node.registrar.readmit import take_in
from node.registrar.tables import Award, Copy
from node.registrar.trouble import find_trouble
from node.registrar.views import REGISTRAR_KIND
from tests.node.registrar.desks import DIPLOMA, achievement_json, csv_of
from tests.node.successions import Valley, valley
from wallet_cli.acceptance import accept_credential
from wallet_cli.held import HeldLedger

pytestmark = pytest.mark.asyncio(loop_scope="module")
OLD, HEIR = "granite-hollow", "tidewater"


@dataclass
class Closed:
    """A folder in which the old school has ended: one award valid, one revoked, one suspended; one never cut."""

    folder: Path
    made: Valley
    copies: tuple[str, ...]
    awards: tuple[str, ...]


async def close_school(folder: Path) -> Closed:
    async with valley(folder) as made:
        old = made[OLD].desk
        await old.publish(achievement_json())
        report = await old.issue(IssueRequest(data=csv_of(range(1, 4)), achievement=DIPLOMA))
        await old.cut()
        await old.set_status([report.issued[1]], Status.REVOKED)
        await old.set_status([report.issued[2]], Status.SUSPENDED)
        await old.cut()
        late = await old.issue(IssueRequest(data=csv_of([4]), achievement=DIPLOMA))
        copies = await old.database.look(
            lambda session: tuple(session.scalars(select(Copy.credential).order_by(Copy.id)))
        )
        for name in ("confluence", HEIR):
            made.send(OLD, name)
        await made.succeed(OLD, HEIR)
        await made[HEIR].desk.cut()
        for log in (OLD, "confluence"):
            made.send(log, HEIR)
        return Closed(folder, made, copies, (*report.issued, *late.issued))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Closed:
    return await close_school(tmp_path_factory.mktemp("valley"))


@pytest_asyncio.fixture(loop_scope="module")
async def closed(template: Closed, tmp_path: Path) -> AsyncIterator[Closed]:
    """The same in a folder of the test's own, with network and heir open."""
    folder = tmp_path / "valley"
    shutil.copytree(template.folder, folder)
    made = Valley(folder, template.made.clock, dict(template.made.logs), template.made.networks)
    try:
        for name in ("confluence", HEIR):
            await made.open(name)
        yield Closed(folder, made, template.copies, template.awards)
    finally:
        await made.close_all()


def codes(closed: Closed) -> list[Code]:
    return [closed.made.judge(copy, HEIR).code for copy in closed.copies[:3]]


async def test_before_anything_is_taken_over_the_last_page_stands(closed: Closed) -> None:
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]
    told = closed.made.judge(closed.copies[0], HEIR).steps[10].detail
    assert "its log has ended" in told and "Tidewater" in told


async def test_with_the_database_every_award_can_be_decided_again(closed: Closed) -> None:
    made = closed.made
    done = await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD), prefix="granite-")
    assert (done.taken.lists, done.taken.awards, done.taken.minted, done.taken.unknown_slots) == (1, 4, 1, 0)
    heir = made[HEIR].desk
    await heir.cut()
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]
    assert "of the log of Tidewater" in made.judge(closed.copies[0], HEIR).steps[10].detail
    await heir.set_status([closed.awards[0]], Status.REVOKED)
    await heir.set_status([closed.awards[2]], Status.VALID)
    await heir.cut()
    assert codes(closed) == [Code.REVOKED, Code.REVOKED, Code.VALID]
    with pytest.raises(RuleError, match="is revoked and cannot become valid"):
        await heir.set_status([closed.awards[1]], Status.VALID)


async def test_what_never_reached_the_old_ledger_is_signed_by_the_heir_in_the_old_name(closed: Closed) -> None:
    made = closed.made
    await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    heir = made[HEIR].desk
    await heir.cut()
    (award,) = await heir.list_awards(learner_id="L0004")
    new = await heir.database.look(
        lambda session: session.scalars(select(Copy.credential).where(Copy.award_id == award.id)).one()
    )
    report = made.judge(new, HEIR)
    assert report.code is Code.VALID, report.to_lines()
    assert "of the log of Tidewater" in report.steps[5].detail
    assert report.issuer == "Granite Hollow"


async def test_copies_are_made_anew_on_the_heirs_log(closed: Closed) -> None:
    """In the old name, for awards that stand, once; whose data is restricted waits until that is lifted."""
    made = closed.made
    await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    heir = made[HEIR].desk
    corrections, learners = CorrectionDesk(heir), LearnerDesk(heir)
    await heir.cut()
    restricted = next(one.learner_id for one in await heir.list_awards() if one.id == closed.awards[2])
    await learners.put_mark("restriction", "asked for it", learner_id=restricted)
    preview = await corrections.reissue_inherited(dry_run=True)
    assert (preview.awards, preview.new_copies, preview.ended_slots, preview.wallet_copies) == (1, 1, 1, 0)
    assert (preview.restricted, [one.awards for one in preview.achievements]) == (1, [1])
    assert await corrections.reissue_inherited() == preview
    await heir.cut()
    assert codes(closed) == [Code.SUPERSEDED, Code.REVOKED, Code.SUSPENDED]
    assert made.judge(await newest_copy(closed, closed.awards[0]), HEIR).code is Code.VALID
    report = made.judge(await newest_copy(closed, closed.awards[0]), HEIR)
    assert report.issuer == "Granite Hollow" and "of the log of Tidewater" in report.steps[5].detail
    await learners.end_mark("restriction", learner_id=restricted)
    assert (await corrections.reissue_inherited()).new_copies == 1
    await heir.cut()
    assert codes(closed) == [Code.SUPERSEDED, Code.REVOKED, Code.SUPERSEDED]
    assert made.judge(await newest_copy(closed, closed.awards[2]), HEIR).code is Code.SUSPENDED
    assert (await corrections.reissue_inherited()).ended_slots == 0


async def newest_copy(closed: Closed, award: str) -> str:
    query = select(Copy.credential).where(Copy.award_id == award, Copy.kind == REGISTRAR_KIND)
    return await closed.made[HEIR].desk.database.look(lambda session: session.scalars(query).one())


async def test_with_the_list_root_alone_an_award_comes_back_from_its_copy(closed: Closed) -> None:
    made = closed.made
    done = await made.inherit(HEIR, sources=Sources(keys=closed.folder / OLD / "keys" / "list_root.key"))
    assert (done.taken.lists, done.taken.awards, done.taken.unknown_slots) == (1, 0, 2)
    heir = made[HEIR].desk
    await heir.cut()
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]
    known = await take_in(heir.parts, closed.copies[0], "G-1")
    assert (known.is_new, known.is_list_closed, known.status) == (True, False, Status.VALID)
    await heir.set_status([known.award], Status.SUSPENDED)
    await heir.cut()
    assert codes(closed) == [Code.SUSPENDED, Code.REVOKED, Code.SUSPENDED]


async def test_with_nothing_the_last_page_stands_and_copies_bring_awards_back(closed: Closed) -> None:
    made = closed.made
    done = await made.inherit(HEIR)
    assert (done.taken.lists, done.taken.closed_lists, done.taken.awards) == (0, 1, 0)
    heir = made[HEIR].desk
    known = await take_in(heir.parts, closed.copies[0], "G-1")
    assert (known.is_new, known.is_list_closed) == (True, True)
    again = await take_in(heir.parts, closed.copies[0], "G-1")
    assert (again.is_new, again.award) == (False, known.award)
    revoked = await take_in(heir.parts, closed.copies[1], "G-2")
    assert revoked.status is Status.REVOKED
    await heir.cut()
    new = await heir.database.look(lambda session: session.scalars(select(Copy.credential)).all())
    assert [made.judge(one, HEIR).code for one in new] == [Code.VALID]
    await heir.set_status([known.award], Status.REVOKED)
    await heir.cut()
    assert made.judge(new[0], HEIR).code is Code.REVOKED
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]


async def test_a_second_run_adds_what_was_found_later(closed: Closed) -> None:
    """A list root first, the database a year after; nothing is entered twice."""
    made = closed.made
    root = closed.folder / OLD / "keys" / "list_root.key"
    preview = await made.inherit(HEIR, sources=Sources(keys=root), dry_run=True)
    assert (preview.taken.lists, preview.new_roots) == (1, 0)
    first = await made.inherit(HEIR, sources=Sources(keys=root))
    assert (first.taken.lists, first.new_roots) == (1, 1)
    await made[HEIR].desk.cut()
    second = await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD), prefix="G-")
    assert (second.taken.lists, second.taken.awards, second.new_roots) == (0, 4, 0)
    third = await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD), prefix="G-")
    assert (third.taken.lists, third.taken.awards, third.taken.minted) == (0, 0, 0)
    heir = made[HEIR].desk
    assert sorted(view.learner_id for view in await heir.list_awards()) == ["G-L0001", "G-L0002", "G-L0003", "G-L0004"]
    await heir.set_status([closed.awards[0]], Status.SUSPENDED)
    await heir.cut()
    assert codes(closed) == [Code.SUSPENDED, Code.REVOKED, Code.SUSPENDED]


async def test_learners_of_two_schools_are_never_mixed_up(closed: Closed) -> None:
    heir = closed.made[HEIR].desk
    await heir.issue(IssueRequest(data=csv_of([2]), achievement=DIPLOMA))
    with pytest.raises(RuleError, match="learner ids: 1 of the old database are taken here") as refusal:
        await closed.made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    assert "--learner-prefix" in refusal.value.hint


async def test_the_operator_is_told_until_it_was_done(closed: Closed) -> None:
    made = closed.made
    (finding,) = await find_trouble(made[HEIR].desk, running_since=made.clock())
    assert (finding.code, "Granite Hollow" in finding.what) == (FindingCode.NOT_INHERITED, True)
    await made.inherit(HEIR)
    assert await find_trouble(made[HEIR].desk, running_since=made.clock()) == ()


async def test_rights_that_are_missing_are_told(closed: Closed) -> None:
    """What the heir signs needs a right of the heir's, also in the old name; without it nobody could verify it."""
    made = closed.made
    assert (await made.inherit(HEIR, dry_run=True)).warnings == ()
    await made.change(MemberOp.AMEND, HEIR, rights=Rights(("tidewater-associate",)))
    (warning,) = (await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))).warnings
    assert "has not given this institution the right to award" in warning
    await made[HEIR].desk.cut()
    (award,) = await made[HEIR].desk.list_awards(learner_id="L0004")
    new = await made[HEIR].desk.database.look(
        lambda session: session.scalars(select(Copy.credential).where(Copy.award_id == award.id)).one()
    )
    assert made.judge(new, HEIR).code is Code.ISSUER_NOT_AUTHORISED
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]


async def test_a_wrong_list_root_is_refused_and_nothing_is_kept(closed: Closed) -> None:
    made = closed.made
    with pytest.raises(RuleError, match="read as no status"):
        await made.inherit(HEIR, sources=Sources(keys=closed.folder / HEIR / "keys" / "list_root.key"))
    assert not list((closed.folder / HEIR / "keys").glob("inherited*"))
    assert not list((closed.folder / HEIR).glob(".inherit*"))


async def test_only_a_successor_inherits(closed: Closed) -> None:
    made = closed.made
    with pytest.raises(RuleError, match=r"no network says that .* goes on here"):
        await made.inherit("confluence")


async def test_a_burnt_heir_reads_the_lists_it_took_over_from_its_pages(closed: Closed) -> None:
    """Its database is lost, its keys are not: the next page restates what the last one said, own and inherited."""
    made = closed.made
    await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    await made[HEIR].desk.cut()
    await made.close(HEIR)
    for path in (closed.folder / HEIR).glob("registrar.db*"):
        path.unlink()
    await made.open(HEIR)
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]
    await made[HEIR].desk.cut()
    assert codes(closed) == [Code.VALID, Code.REVOKED, Code.SUSPENDED]
    known = await take_in(made[HEIR].desk.parts, closed.copies[0], "G-1")
    await made[HEIR].desk.set_status([known.award], Status.REVOKED)
    await made[HEIR].desk.cut()
    assert codes(closed) == [Code.REVOKED, Code.REVOKED, Code.SUSPENDED]


async def test_a_check_of_the_heirs_node_finds_nothing(closed: Closed) -> None:
    made = closed.made
    await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    await made[HEIR].desk.cut()
    await made.close(HEIR)
    home = open_home(closed.folder / HEIR)
    assert check_node(home, closed.folder, made.clock(), lambda done, total: None).findings == []
    (closed.folder / HEIR / "keys" / "inherited_root.key").unlink()
    (finding,) = check_node(home, closed.folder, made.clock(), lambda done, total: None).findings
    assert "which this one goes on with, is not there" in finding.what


async def test_a_wallet_takes_what_the_heir_gives_in_the_old_name(closed: Closed) -> None:
    """From the heir's own server; and a file of the old school's still, by what the heir's page says of it."""
    made = closed.made
    await made.inherit(HEIR, sources=Sources(backup=closed.folder / OLD))
    heir, now = made[HEIR].desk, made.clock()
    await heir.cut()
    trust = made.trust()
    seen = Network(trust, heir.parts.ledger)
    held = HeldLedger(trust, heir.parts.ledger, seen, (), closed.folder)
    wallet = SigningKey(bytes(32))
    (award,) = await heir.list_awards(learner_id="L0001")
    published = heir.find_achievement(award.achievement, award.version)
    (new,) = await heir.database.change(
        lambda session: mint_wallet_copies(
            session, heir.make_press(), published, session.get_one(Award, award.id), [wallet.public]
        )
    )
    accepted = accept_credential(new, keys=[wallet.public], server=f"https://{HEIR}.example", held=held, now=now)
    assert (accepted.log, accepted.issuer_name) == (made.logs[HEIR], "Tidewater")
    assert accepted.reading.issuer_name == "Granite Hollow"
    with pytest.raises(PolicyError, match="the server belongs to Confluence"):
        accept_credential(new, keys=[wallet.public], server="https://confluence.example", held=held, now=now)
    old = accept_credential(closed.copies[0], keys=[], server="", held=held, now=now)
    assert old.log == made.logs[OLD]
    await heir.set_status([closed.awards[0]], Status.SUSPENDED)
    await heir.cut()
    seen.forget(made.logs[HEIR])
    with pytest.raises(RuleError, match="its status is suspended"):
        accept_credential(closed.copies[0], keys=[], server="", held=held, now=now)
