"""Taking awards back in: what a copy proves, and every way in which it does not."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from ledger import base64url
from ledger.credential.fields import select_fields
from ledger.credential.status import Status
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.identity import encode_log_id
from node.client.registry import IssueRequest
from node.registrar import awards, documents
from node.registrar.adopt_page import adopt_log
from node.registrar.database import Database, open_database
from node.registrar.decisions import set_status
from node.registrar.page import load_contents
from node.registrar.parts import DeskParts
from node.registrar.readmit import Home, Readmitted, readmit, take_in
from node.registrar.shown import ShownCopy, read_copy
from node.registrar.tables import Copy, Slot, SlotChange
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Lost:
    """A log with four copies: valid, revoked, suspended and one that was replaced; a fifth waits for its cut."""

    bench: Bench
    copies: dict[str, str]

    def readmit(self, database: Database, text: str, learner: str = "L0001", **changes: object) -> Readmitted:
        bench = self.bench
        shown = replace(read_copy(text), **changes)  # type: ignore[arg-type]  # each test names real fields
        published = documents.list_achievements(bench.desk.parts.ledger, bench.desk.parts.log_id, ())
        with database.write() as session:
            return readmit(
                session,
                shown,
                text,
                home=Home(own=bench.log.state.log_id, log=bench.log, list_root=bench.keystore.list_root),
                published=published,
                learner_id=learner,
                now=bench.clock(),
                draw=os.urandom,
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lost(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lost]:
    async with fresh_bench(tmp_path_factory.mktemp("desk")) as bench:
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(1, 5)), achievement=DIPLOMA))
        await bench.desk.cut()
        await bench.desk.set_status([report.issued[1]], Status.REVOKED)
        await bench.desk.set_status([report.issued[2]], Status.SUSPENDED)
        corrected = csv_of([4]).replace(b"Marker4", b"Marker44")
        again = IssueRequest(data=corrected, achievement=DIPLOMA, replace=(report.issued[3],))
        assert (await bench.desk.issue(again)).replaced == 1
        await bench.desk.cut()
        await bench.desk.issue(IssueRequest(data=csv_of([9]), achievement=DIPLOMA))
        texts = await bench.desk.database.look(
            lambda session: list(session.scalars(select(Copy.credential).order_by(Copy.id)))
        )
        names = ("valid", "revoked", "suspended", "replaced", "correct", "waiting")
        yield Lost(bench, dict(zip(names, texts, strict=True)))


@pytest.fixture
def empty(lost: Lost, tmp_path: Path) -> Iterator[Database]:
    """A database made anew, which has read the log and knows nobody."""
    bench = lost.bench
    database = open_database(tmp_path / "registrar.db", encode_log_id(bench.log.state.log_id))
    with database.write() as session:
        adopt_log(
            session,
            bench.log,
            list_root=bench.keystore.list_root,
            list_policy=bench.log.state.charter.lists,
            now=bench.clock(),
        )
    with closing(database):
        yield database


async def test_an_award_comes_back_with_its_status_and_slot(lost: Lost, empty: Database) -> None:
    """Everything that the copy says, what the newest page says of it, and its place; a second time changes nothing."""
    for name, learner, status in (("valid", "L0001", 0), ("revoked", "L0002", 1), ("suspended", "L0003", 2)):
        done = lost.readmit(empty, lost.copies[name], learner)
        assert (done.is_new, done.status) == (True, status)
        with empty.read() as session:
            (award,) = awards.find_awards(session, learner_id=learner)
            shown = read_copy(lost.copies[name])
            slot = session.get_one(Slot, (shown.status.number, shown.status.slot))
            assert (slot.award_id, slot.status, award.status) == (award.id, status, status)
        assert award.name == f"Learner Marker{int(learner[1:])}"
        assert (award.awarded_on, award.credits) == ("2026-06-15", "6.5")
        assert dict(awards.results_of(award)) == {"R1": "met", "R2": "waived"}
        again = lost.readmit(empty, lost.copies[name], learner)
        assert (again.is_new, again.award, again.place) == (False, done.award, done.place)
    with empty.read() as session:
        assert session.scalars(select(SlotChange)).all() == []


async def test_its_status_can_be_decided_again(lost: Lost, empty: Database) -> None:
    """The next page changes exactly its slot."""
    done = lost.readmit(empty, lost.copies["valid"])
    slot = read_copy(lost.copies["valid"]).status.slot
    with empty.write() as session:
        set_status(session, [done.award], Status.REVOKED, reason="", now=lost.bench.clock())
    with empty.read() as session:
        content = load_contents(session)[0]
        assert (content.statuses[slot], set(content.explained)) == (1, {slot})


async def test_a_copy_joins_an_award_that_is_known(lost: Lost, empty: Database) -> None:
    """Decided otherwise meanwhile, the slot follows at the next page, and only that slot."""
    done = lost.readmit(empty, lost.copies["valid"])
    with empty.write() as session:
        set_status(session, [done.award], Status.SUSPENDED, reason="", now=lost.bench.clock())
        copy = session.scalars(select(Copy)).one()
        session.delete(copy)
        session.get_one(Slot, (copy.list_number, copy.slot)).award_id = None
    joined = lost.readmit(empty, lost.copies["valid"])
    assert (joined.is_new, joined.award) == (False, done.award)
    with empty.read() as session:
        (change,) = session.scalars(select(SlotChange))
        assert session.get_one(Slot, (change.list_number, change.slot)).status == Status.SUSPENDED


def tampered(text: str) -> str:
    jwt, rest = text.split("~", 1)
    head, body, signature = jwt.split(".")
    changed = base64url.encode(base64url.decode(body).replace(b'"Proficiency Diploma"', b'"Proficiency diploma"'))
    return f"{head}.{changed}.{signature}~{rest}"


REFUSALS: dict[str, tuple[str, Callable[[ShownCopy], dict[str, object]], type[CairnError], str]] = {
    "another log": (
        "valid",
        lambda shown: {"status": replace(shown.status, log=bytes(32))},
        RuleError,
        "is of another institution",
    ),
    "a strange key": ("valid", lambda shown: {"key_id": bytes(32)}, SignatureError, "never named"),
    "not on the ledger": ("waiting", lambda shown: {}, RuleError, "stands in none of our batches"),
    "another slot key": (
        "valid",
        lambda shown: {"status": replace(shown.status, key=bytes(32))},
        RuleError,
        "its slot key is not one of ours",
    ),
    "another achievement": ("valid", lambda shown: {"achievement": {}}, RuleError, "is not published here"),
    "no name": ("valid", lambda shown: {"name": ""}, RuleError, "name is not shown"),
    "replaced": ("replaced", lambda shown: {}, RuleError, "was replaced by a later one"),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_what_is_refused(lost: Lost, empty: Database, why: str) -> None:
    """Each step has a copy that fails it, and nothing is entered."""
    name, change, error, message = REFUSALS[why]
    text = lost.copies[name]
    with pytest.raises(error, match=message):
        lost.readmit(empty, text, **change(read_copy(text)))
    with empty.read() as session:
        assert awards.find_awards(session) == []
        assert session.scalars(select(Copy)).all() == []


async def test_a_changed_copy_is_refused(lost: Lost, empty: Database) -> None:
    """One letter of what was signed."""
    with pytest.raises(SignatureError):
        lost.readmit(empty, tampered(lost.copies["valid"]))


async def test_a_copy_that_contradicts_a_known_award_is_refused(lost: Lost, empty: Database) -> None:
    """Another learner's copy under this learner's id, or a revoked one beside a valid one."""
    lost.readmit(empty, lost.copies["valid"], "L0001")
    with pytest.raises(RuleError, match="says something else than award"):
        lost.readmit(empty, lost.copies["correct"], "L0001")
    with pytest.raises(RuleError, match="was revoked for good"):
        shown = read_copy(lost.copies["valid"])
        lost.readmit(empty, lost.copies["revoked"], "L0001", name=shown.name)


async def test_at_a_running_desk(lost: Lost) -> None:
    """What the database knows is told; a part of a copy, or no learner's id, is refused."""
    parts: DeskParts = lost.bench.desk.parts
    known = await take_in(parts, lost.copies["valid"], "L0001")
    assert not known.is_new
    assert known.title == "Proficiency Diploma"
    with pytest.raises(MalformedError, match="learner id"):
        await take_in(parts, lost.copies["valid"], " ")
    with pytest.raises(CairnError):
        await take_in(parts, "no copy at all~", "L0001")
    part = select_fields(lost.copies["valid"], ["name"])
    assert read_copy(part).awarded_on == ""
