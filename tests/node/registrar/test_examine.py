"""The registrar's database under examination: every kind of damage is named by table and row, and nothing is repeated."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from ledger.credential.status import Status
from ledger.log.identity import encode_log_id
from ledger.log.view import LogView
from node.client.registry import IssueRequest
from node.fsck.finding import Finding
from node.registrar.database import FILE_NAME
from node.registrar.examine import examine
from node.registrar.tables import Copy
from tests.node.registrar import desks
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench
from tests.postgres import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Case:
    """A copy of the database to spoil, beside the log and keys it belongs to."""

    path: Path
    bench: Bench

    @property
    def log(self) -> LogView:
        return self.bench.log

    def examine(self, log: LogView | None = None, list_root: bytes | None = None) -> list[Finding]:
        root = self.bench.keystore.list_root if list_root is None else list_root
        return examine(self.path, log or self.log, encode_log_id(self.log.state.log_id), root).findings

    def spoil(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount != 0, statement
            connection.commit()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def used(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """Five awards on the ledger, one of them revoked there, one more waiting."""
    async with fresh_bench(tmp_path_factory.mktemp("desk")) as bench:
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(1, 6)), achievement=DIPLOMA))
        await bench.desk.cut()
        await bench.desk.set_status([report.issued[0]], Status.REVOKED)
        await bench.desk.cut()
        await bench.desk.issue(IssueRequest(data=csv_of([6]), achievement=DIPLOMA))
        await bench.desk.set_status([report.issued[1]], Status.SUSPENDED)
        yield bench


@pytest.fixture
def case(used: Bench, tmp_path: Path) -> Case:
    for file in used.directory.glob(f"{FILE_NAME}*"):
        shutil.copy(file, tmp_path)
    made = Case(tmp_path / FILE_NAME, used)
    made.spoil("UPDATE settings SET value = value")
    return made


async def test_a_good_database_gives_no_finding(case: Case) -> None:
    """Also with a decision and a copy that wait for the next cut."""
    before = case.path.read_bytes()
    examined = examine(case.path, case.log, encode_log_id(case.log.state.log_id), case.bench.keystore.list_root)
    assert (examined.findings, examined.copies) == ([], 6)
    assert case.path.read_bytes() == before


DAMAGES = {
    "outbox, id": ("UPDATE outbox SET statement_id = x'00' WHERE id = 3", "table outbox, row 3", "bears another id"),
    "outbox, statement": (
        "UPDATE outbox SET statement = x'7b7d' WHERE id = 3",
        "table outbox, row 3",
        "cannot be read",
    ),
    "outbox, entry": ("UPDATE outbox SET entry = 2 WHERE id = 4", "table outbox, row 4", "is another statement"),
    "outbox, waiting, emptied": (
        "UPDATE outbox SET statement = x'', entry = NULL WHERE id = 4",
        "table outbox, row 4",
        "cannot be read",
    ),
    "outbox, above the log": ("UPDATE outbox SET entry = 900 WHERE id = 4", "table outbox, row 4", "are held"),
    "cut without its anchor": ("UPDATE outbox SET cut_id = NULL WHERE id = 2", "table cuts, row 1", "issue, status"),
    "copy, commitment": (
        "UPDATE copies SET commitment = zeroblob(32) WHERE id = 2",
        "table copies, row 2",
        "another commitment stands at its place",
    ),
    "copy, place": ("UPDATE copies SET position = NULL WHERE id = 2", "table copies, row 2", "has no place"),
    "copy, waiting, commitment": (
        "UPDATE copies SET commitment = zeroblob(32) WHERE id = 6",
        "table copies, row 6",
        "does not have its commitment",
    ),
    "copy, disclosure": (
        "UPDATE copies SET credential = substr(credential, 1, length(credential) - 9) || '~' WHERE id = 2",
        "table copies, row 2",
        "credential is damaged",
    ),
    "copy, key": ("UPDATE copies SET key_id = zeroblob(32) WHERE id = 2", "table copies, row 2", "never named"),
    "copy, slot": ("UPDATE copies SET slot = slot + 1 WHERE id = 2", "table copies, row 2", "names another slot"),
    "award, name": (
        "UPDATE awards SET name = 'Somebody Else' WHERE id = (SELECT award_id FROM copies WHERE id = 2)",
        "table copies, row 2",
        "says something else than the signed credential",
    ),
    "award, date": (
        "UPDATE awards SET awarded_on = '2020-01-01' WHERE id = (SELECT award_id FROM copies WHERE id = 2)",
        "table copies, row 2",
        "says something else",
    ),
    "slot, revoked taken back": (
        "UPDATE slots SET status = 0 WHERE status = 1",
        "table slots, list 0",
        "newest page revoked",
    ),
    "slot, revoked unasked": (
        "UPDATE slots SET status = 1 WHERE slot = (SELECT slot FROM copies WHERE id = 3)",
        "table slots, list 0",
        "says revoked, and the newest page valid",
    ),
    "slot gone": (
        "DELETE FROM slots WHERE status = 1",
        "table slots, list 0",
        "says valid, and the newest page revoked",
    ),
    "list, size": ("UPDATE lists SET slots = 1024 WHERE number = 0", "table lists, row 0", "not as the newest page"),
    "award gone": (
        "DELETE FROM awards WHERE id = (SELECT award_id FROM copies WHERE id = 4)",
        "table copies, row 4",
        "a row of awards that is not there",
    ),
    "settings, log": ("UPDATE settings SET value = 'another' WHERE name = 'log'", "table settings", "belongs to log"),
    "settings, layout": ("UPDATE settings SET value = '99' WHERE name = 'layout'", "table settings", "layout 99"),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_damaged_row_is_named(case: Case, name: str) -> None:
    """Table and row, what is wrong there; never what stands in it."""
    statement, place, what = DAMAGES[name]
    case.spoil(statement)
    findings = case.examine()
    named = [finding for finding in findings if place in finding.place and what in finding.what]
    assert named, findings
    assert named[0].is_damage
    told = " ".join(f"{item.place} {item.what} {item.means} {item.remedy}" for item in findings)
    assert "Marker" not in told
    assert "Somebody" not in told


async def test_a_file_that_is_no_database(case: Case) -> None:
    """Overwritten, cut short, gone, or with a page of something else in it."""
    good = case.path.read_bytes()
    pages = (good[:4096] + b"\xff" * 4096 + good[8192:], good[: len(good) // 2], b"not a database at all" * 400)
    for data in pages:
        case.path.write_bytes(data)
        findings = case.examine()
        assert findings
        assert all(str(case.path) in finding.place or "table" in finding.place for finding in findings)
        assert findings[0].is_damage
    case.path.unlink()
    (finding,) = case.examine()
    assert finding.what == "the file is missing"


async def test_a_database_older_than_its_log_is_no_damage(case: Case) -> None:
    """A restored backup reads the log by itself; until then it is a doubt, said in words."""
    case.spoil(
        "UPDATE decisions SET cut_id = NULL", "DELETE FROM outbox WHERE cut_id = 2", "DELETE FROM cuts WHERE id = 2"
    )
    findings = [finding for finding in case.examine() if finding.place == "table outbox"]
    assert [finding.is_damage for finding in findings] == [False]
    assert "does not know 3 statements of the log" in findings[0].what


async def test_a_wrong_list_root_is_named(case: Case) -> None:
    """It opens no page, so nothing could be decided."""
    (finding,) = case.examine(list_root=bytes(32))
    assert "does not open the newest page" in finding.what


async def test_without_a_log_it_is_a_doubt(case: Case) -> None:
    """Nothing is said to be damaged that could not be compared."""
    (finding,) = examine(case.path, None, "", None).findings
    assert not finding.is_damage


async def test_a_database_on_a_server(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same questions; its structure is the server's own business, and a server that is away is a doubt."""
    url = postgres.create("examined")
    monkeypatch.setattr(desks, "place_in", lambda directory: url)
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of([1]), achievement=DIPLOMA))
        await bench.desk.cut()
        log, root = encode_log_id(bench.log.state.log_id), bench.keystore.list_root
        assert examine(url, bench.log, log, root).findings == []
        await bench.desk.database.change(lambda session: session.execute(update(Copy).values(position=None)))
        (finding,) = examine(url, bench.log, log, root).findings
        assert "has no place in the batch" in finding.what
    (away,) = examine("postgresql+psycopg://nobody@127.0.0.1:1/nothing", None, log, root).findings
    assert not away.is_damage
    assert away.place == "the PostgreSQL database"
