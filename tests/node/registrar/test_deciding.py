"""Decisions about many awards: what is meant, what is shown, and that exactly this happens or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import base64url
from ledger.credential.sdjwt import open_claims, parse_sd_jwt
from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from node.client.correction import DecisionOrder, DecisionReport, Selection
from node.client.registry import IssueRequest
from node.keystore import KeyRole
from node.registrar import views
from node.registrar.copies import read_credential_id
from node.registrar.correction_desk import CorrectionDesk
from tests.node.registrar.desks import DIPLOMA, Bench, achievement_json, csv_of, fresh_bench

DAY_MS = 86_400_000
COURSE = "quiet-lantern"

pytestmark = pytest.mark.usefixtures("each_database")


async def issue(bench: Bench, *learners: int, achievement: str = DIPLOMA) -> tuple[str, ...]:
    report = await bench.desk.issue(IssueRequest(data=csv_of(learners), achievement=achievement))
    assert not report.problems
    return report.issued


def order(status: Status = Status.REVOKED, **more: object) -> DecisionOrder:
    selection = {name: more.pop(name) for name in list(more) if name in Selection.__dataclass_fields__}
    return DecisionOrder(selection=Selection(**selection), status=status, **more)  # type: ignore[arg-type]


async def decide(bench: Bench, status: Status = Status.REVOKED, **more: object) -> DecisionReport:
    return await CorrectionDesk(bench.desk).decide(order(status, **more))


async def states(bench: Bench) -> list[str]:
    return [view.status.name for view in await bench.desk.list_awards()]


Choose = Callable[[Bench, tuple[str, ...], tuple[str, ...]], dict[str, object]]
SELECTIONS: dict[str, tuple[Choose, set[str]]] = {
    "by id": (lambda bench, old, new: {"award_ids": old[:2]}, {"L0001", "L0002"}),
    "by learner": (lambda bench, old, new: {"learner_id": "L0002"}, {"L0002"}),
    "by achievement": (lambda bench, old, new: {"achievement": COURSE}, {"L0002", "L0009"}),
    "by version": (lambda bench, old, new: {"achievement": f"{DIPLOMA}/1"}, {"L0001", "L0002", "L0003"}),
    "by another version": (lambda bench, old, new: {"achievement": f"{DIPLOMA}/2"}, set()),
    "by key": (lambda bench, old, new: {"key": key_of(bench, KeyRole.ISSUE)}, {"L0002", "L0009"}),
    "since": (lambda bench, old, new: {"issued_since": "2026-09-22"}, {"L0002", "L0009"}),
    "until": (lambda bench, old, new: {"issued_until": "2026-09-21"}, {"L0001", "L0002", "L0003"}),
    "both at once": (lambda bench, old, new: {"learner_id": "L0002", "achievement": DIPLOMA}, {"L0002"}),
    "list and more": (lambda bench, old, new: {"award_ids": (*old, *new), "achievement": COURSE}, {"L0002", "L0009"}),
}


def key_of(bench: Bench, role: KeyRole) -> str:
    return base64url.encode(bench.keystore.newest(role).public.id)[:10]


@pytest.mark.parametrize("name", SELECTIONS)
async def test_awards_are_selected(tmp_path: Path, name: str) -> None:
    """By id, learner, achievement, key or day; what is given must hold at once, and a dry run changes nothing."""
    choose, expected = SELECTIONS[name]
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.publish(achievement_json(COURSE, achievement_type="Course"))
        old = await issue(bench, 1, 2, 3)
        bench.clock.advance(2 * DAY_MS)
        new = await issue(bench, 2, 9, achievement=COURSE)
        report = await decide(bench, dry_run=True, **choose(bench, old, new))
        learners = {view.id: view.learner_id for view in await bench.desk.list_awards()}
        assert {learners[award_id] for award_id in report.changed} == expected
        assert sum(one.awards for one in report.achievements) == len(report.changed)
        assert report.unmatched == (3 if name == "list and more" else 0)
        assert set(await states(bench)) == {"VALID"}


REFUSED: dict[str, tuple[dict[str, object], type[Exception], str]] = {
    "nothing given": ({}, MalformedError, "says no award"),
    "no such award": ({"award_ids": ("x" * 16,)}, RuleError, "no such award"),
    "no such key": ({"key": "nothing-like-it"}, RuleError, "no key of this log"),
    "no day": ({"issued_since": "yesterday"}, MalformedError, "is not a day"),
    "no calendar day": ({"issued_until": "2026-02-30"}, MalformedError, "is not a day"),
    "a week": ({"issued_since": "2026-W39-1"}, MalformedError, "is not a day"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_selection_that_says_nothing_is_refused(tmp_path: Path, name: str) -> None:
    more, kind, message = REFUSED[name]
    async with fresh_bench(tmp_path) as bench:
        await issue(bench, 1)
        with pytest.raises(kind, match=message):
            await decide(bench, **more)
        assert await states(bench) == ["VALID"]


async def test_a_key_that_signs_no_credentials_selects_nothing(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        with pytest.raises(RuleError, match="role operate and signs no credentials"):
            await decide(bench, key=key_of(bench, KeyRole.OPERATE))


async def test_all_of_a_list_or_none(tmp_path: Path) -> None:
    """One award of the list that can not follow refuses the whole; one found by a selector is left out and counted."""
    async with fresh_bench(tmp_path) as bench:
        awards = await issue(bench, 1, 2, 3)
        await decide(bench, award_ids=awards[:1])
        with pytest.raises(RuleError, match=f"{awards[0]} is revoked: cannot become suspended; nothing was changed"):
            await decide(bench, Status.SUSPENDED, award_ids=awards)
        assert sorted(await states(bench)) == ["REVOKED", "VALID", "VALID"]
        report = await decide(bench, Status.SUSPENDED, achievement=DIPLOMA)
        assert (set(report.changed), report.final) == (set(awards[1:]), 1)
        again = await decide(bench, Status.SUSPENDED, achievement=DIPLOMA)
        assert (again.changed, again.already, again.final) == ((), 2, 1)


async def test_what_was_shown_is_what_happens(tmp_path: Path) -> None:
    """Somebody who decides between the preview and the answer makes the answer void."""
    async with fresh_bench(tmp_path) as bench:
        awards = await issue(bench, 1, 2)
        preview = await decide(bench, learner_id="L0001", dry_run=True)
        await decide(bench, Status.SUSPENDED, award_ids=awards[:1])
        with pytest.raises(RuleError, match="other awards than those that were shown"):
            await decide(bench, learner_id="L0001", expected=preview.fingerprint)
        fresh = await decide(bench, learner_id="L0001", dry_run=True)
        assert fresh.suspended == 1
        done = await decide(bench, learner_id="L0001", expected=fresh.fingerprint)
        assert done.changed == (awards[0],)


async def test_what_hangs_on_the_awards_is_counted(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        awards = await issue(bench, 1, 2)
        await bench.desk.cut()
        more = await issue(bench, 3)
        await bench.desk.offer(award_ids=awards)
        report = await decide(bench, award_ids=(*awards, *more), dry_run=True)
        assert (report.learners, report.registrar_copies, report.wallet_copies) == (3, 3, 0)
        assert (report.waiting_copies, report.open_offers) == (1, 2)


async def test_a_name_is_corrected_on_all_awards_of_a_learner(tmp_path: Path) -> None:
    """Each award gets a successor whose registrar's copy says what it replaces; the old ones read replaced."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.publish(achievement_json(COURSE, achievement_type="Course"))
        await issue(bench, 1, 2)
        await issue(bench, 1, achievement=COURSE)
        await bench.desk.cut()
        report = await decide(
            bench, Status.REPLACED, learner_id="L0001", corrections=(("name", "Learner One"),), reason="misspelt"
        )
        assert (len(report.changed), len(report.new), report.learners) == (2, 2, 1)
        await bench.desk.cut()
        found = {view.id: view for view in await bench.desk.list_awards(learner_id="L0001")}
        for old, new in zip(report.changed, report.new, strict=True):
            assert (found[old].status, found[old].replaced_by, found[new].name) == (Status.REPLACED, new, "Learner One")
            with bench.desk.database.read() as session:
                before, _ = views.find_receipt(session, bench.log, old)
                after, _ = views.find_receipt(session, bench.log, new)
            assert open_claims(parse_sd_jwt(after)).payload["replaces"] == read_credential_id(before)
        same = await decide(bench, Status.REPLACED, learner_id="L0001", corrections=(("name", "Learner One"),))
        assert (same.changed, same.already, same.final) == ((), 2, 2)


async def test_a_corrected_result_keeps_the_rest(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        (award,) = await issue(bench, 1)
        report = await decide(
            bench, Status.REPLACED, award_ids=(award,), corrections=(("result.R2", "MET"), ("awarded_on", "2026-06-22"))
        )
        (view,) = [one for one in await bench.desk.list_awards() if one.id == report.new[0]]
        assert (view.awarded_on, view.name) == ("2026-06-22", "Learner Marker1")


BAD_CORRECTIONS: dict[str, tuple[tuple[tuple[str, str], ...], type[Exception], str]] = {
    "nobody else": ((("learner_id", "L9"),), MalformedError, "nothing that can be corrected"),
    "no column": ((("shoe", "41"),), MalformedError, "nothing that can be corrected"),
    "twice": ((("name", "A"), ("name", "B")), MalformedError, "given twice"),
    "no date": ((("awarded_on", "15.6.26"),), RuleError, "awarded_on: not a date"),
    "empty": ((("name", " "),), RuleError, "name: is empty"),
    "not allowed": ((("result.R1", "secretvalue"),), RuleError, "result.R1"),
    "no such result": ((("result.R9", "met"),), RuleError, "result.R9"),
    "nothing new": ((), MalformedError, "needs the new content"),
    "surrogate": ((("name", "a\udc80"),), RuleError, "name: not UTF-8"),
}


@pytest.mark.parametrize("name", BAD_CORRECTIONS)
async def test_a_correction_passes_the_checks_of_a_file(tmp_path: Path, name: str) -> None:
    """And its message repeats no value."""
    corrections, kind, message = BAD_CORRECTIONS[name]
    async with fresh_bench(tmp_path) as bench:
        (award,) = await issue(bench, 1)
        with pytest.raises(kind, match=message) as refusal:
            await decide(bench, Status.REPLACED, award_ids=(award,), corrections=corrections)
        assert "secretvalue" not in str(refusal.value)
        assert await states(bench) == ["VALID"]


async def test_only_a_replacement_carries_corrections(tmp_path: Path) -> None:
    async with fresh_bench(tmp_path) as bench:
        (award,) = await issue(bench, 1)
        with pytest.raises(MalformedError, match="only a replacement"):
            await decide(bench, award_ids=(award,), corrections=(("name", "X"),))
