"""The database as neutral rows: everything comes back, on either database, also from an older layout."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import MalformedError
from node.client.registry import IssueRequest
from node.registrar import migrations, postgresql, rows, sqlite
from node.registrar.database import Database
from node.registrar.tables import Setting, Table
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench
from tests.postgres import Server


async def fill(bench: Bench) -> None:
    """Some of everything, replaced awards among it, and something that waits."""
    report = await bench.desk.issue(IssueRequest(data=csv_of(range(5)), achievement=DIPLOMA))
    await bench.desk.cut()
    changed = csv_of(range(1)).replace(b"waived", b"met")
    for _ in range(2):
        request = IssueRequest(data=changed, achievement=DIPLOMA, replace=report.issued[:1])
        report = await bench.desk.issue(request)
        changed = changed.replace(b"6.50", b"7.00")
    await bench.desk.set_status(report.issued, Status.REVOKED, reason="Grund: ä")
    await bench.desk.offer(learner_id="L0002")
    bench.desk._make_cut(bench.clock())


def dump(database: Database) -> list[bytes]:
    with database.read() as session:
        return list(rows.dump_rows(session.connection()))


def load(engine: Engine, lines: Iterator[bytes] | list[bytes]) -> int:
    Table.metadata.create_all(engine)
    with engine.begin() as connection:
        return rows.load_rows(connection, iter(lines))


@pytest.fixture
def engines(tmp_path: Path, postgres: Server) -> Iterator[dict[str, Engine]]:
    url = postgresql.parse_place(postgres.create(f"rows_{abs(hash(str(tmp_path)))}"))
    writing, reading = postgresql.make_engines(url)
    made = {"sqlite": sqlite.make_engine(tmp_path / "other.db"), "postgresql": writing}
    yield made
    for engine in (*made.values(), reading):
        engine.dispose()


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
async def test_everything_comes_back_on_either_database(
    tmp_path: Path, engines: dict[str, Engine], target: str
) -> None:
    """From SQLite to PostgreSQL and back, every value and every table; numbers go on where they were."""
    async with fresh_bench(tmp_path) as bench:
        await fill(bench)
        lines = dump(bench.desk.database)
    engine = engines[target]
    assert load(engine, lines) == migrations.LAYOUT
    with engine.connect() as connection:
        assert list(rows.dump_rows(connection)) == lines
    database = Database(engine)
    with database.write() as session:
        from node.registrar.tables import Cut

        before = max(session.scalars(select(Cut.id)))
        session.add(Cut(at=1))
        session.flush()
        assert max(session.scalars(select(Cut.id))) == before + 1


async def test_rows_of_an_older_layout_are_migrated(tmp_path: Path) -> None:
    """They are loaded into today's tables and then go the way of an old file."""
    async with fresh_bench(tmp_path) as bench:
        await fill(bench)
        with bench.desk.database.read() as session:
            lines = list(rows.dump_rows(session.connection(), layout=1))
    engine = sqlite.make_engine(tmp_path / "other.db")
    assert load(engine, lines) == 1
    assert [step.layout for step in migrations.migrate(engine, 1)] == list(range(2, migrations.LAYOUT + 1))
    with Session(engine) as session:
        assert session.scalar(select(Setting.value).where(Setting.name == "layout")) == str(migrations.LAYOUT)
    engine.dispose()


def test_a_dump_is_the_database_at_one_moment(tmp_path: Path) -> None:
    """Whatever is written while it is read is not in it."""
    engine = sqlite.make_engine(tmp_path / "one.db")
    Table.metadata.create_all(engine)
    database = Database(engine)
    with database.write() as session:
        session.add(Setting(name="first", value="1"))
    with database.read() as session:
        lines = rows.dump_rows(session.connection())
        given = [next(lines)]
        while b'"settings"' not in given[-1]:
            given.append(next(lines))
        with database.write() as other:
            other.add(Setting(name="second", value="2"))
        given += lines
    assert not any(b'"second"' in line for line in given)
    database.close()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "a line is not JSON"),
        ([b'["cairn/rows/v9",2]'], "expected format cairn/rows/v1"),
        ([b'["cairn/rows/v1",99]'], "of a newer cairn-node"),
        ([b'["cairn/rows/v1",2]'], "the end is missing"),
        ([b'["cairn/rows/v1",2]', b'["table","students",["name"]]', b'["end",0]'], "'students' is not one this version"),
        ([b'["cairn/rows/v1",2]', b'["table","settings",["secret"]]', b'["end",0]'], "is not one this version"),
        ([b'["cairn/rows/v1",2]', b'["x","y"]'], "a row does not fit"),
        ([b'["cairn/rows/v1",2]', b'["table","settings",["name","value"]]', b'["a"]'], "a row does not fit"),
        ([b'["cairn/rows/v1",2]', b'["table","settings",["name","value"]]', b'["a","b"]', b'["end",2]'], "1 found"),
        ([b'["cairn/rows/v1",2]', b'["table","settings",["name","value"]]', b'["a",{"b":"AA"}]', b'["end",1]'], "no value"),
        ([b'["cairn/rows/v1",2]', b'["table","settings",["name","value"]]', b'["a",["b"]]', b'["end",1]'], "no value"),
        ([b'["cairn/rows/v1",2]', b"{}"], "not a JSON array"),
    ],
)  # fmt: skip
def test_rows_refused(tmp_path: Path, lines: list[bytes], message: str) -> None:
    """Nothing is kept of a dump that is refused."""
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    event.listen(engine, "connect", sqlite._configure)
    event.listen(engine, "begin", sqlite._begin)
    with pytest.raises(MalformedError, match=message):
        load(engine, lines)
    with engine.connect() as connection:
        assert connection.execute(select(Setting.name)).all() == []
    engine.dispose()
