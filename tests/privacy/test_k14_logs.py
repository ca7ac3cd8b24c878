"""K14, logs, backups and error messages: a node's log prints an award.

Answer: log lines have constant words and fields with sizes, indexes and reasons; errors of databases come without values;
backups are encrypted. Slot keys, salts and codes never reach a line, at any level, whatever goes wrong.
"""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from ledger import base64url
from ledger.credential.sdjwt import parse_sd_jwt
from ledger.credential.status import Status, parse_status_claim
from ledger.errors import CairnError
from node.client.registry import IssueRequest
from node.logs import JSONFormatter
from node.registrar.tables import Award
from tests.node.registrar.desks import DIPLOMA, Bench
from tests.privacy.small_school import award, kept_copies, live, name_of, revoke, small_school

LEARNERS = ["Qzxwvk-0001", "Qzxwvk-0002"]
BORN = "1913-11-23"
REASON = "qzx-scandal-wvk"


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """Everything any logger says, down to debug, as a collector would get it."""
    heard, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(JSONFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


async def a_bad_day(bench: Bench) -> set[str]:
    """A school's work and everything that can go wrong with it; gives what must not be told."""
    logger = logging.getLogger("node.test")
    issued = await award(bench, LEARNERS, date_of_birth=BORN)
    secrets = {*LEARNERS, *map(name_of, LEARNERS), BORN, REASON, base64url.encode(bench.keystore.list_root)}
    for copy in await kept_copies(bench):
        token = parse_sd_jwt(copy.credential)
        place = parse_status_claim(token.payload["status"])
        assert place is not None
        secrets |= {base64url.encode(place.key), place.key.hex(), *copy.credential.split("~")[1:-1]}
        logger.info("a reference", extra={"place": place, "copy": copy})
    await bench.desk.offer(award_ids=issued)
    await bench.desk.set_status(issued[:1], Status.SUSPENDED, reason=REASON)
    await revoke(bench, issued[1:])
    for bad in (f"learner_id,name,awarded_on\n{LEARNERS[0]},{name_of(LEARNERS[0])},never\n", "no columns\n"):
        try:
            await bench.desk.issue(IssueRequest(data=bad.encode(), achievement=DIPLOMA))
        except CairnError:
            logger.exception("refused")
    try:
        with bench.desk.database.write() as session:
            row = session.get_one(Award, issued[0])
            session.execute(
                insert(Award), {column.name: getattr(row, column.name) for column in Award.__table__.columns}
            )
    except SQLAlchemyError:
        logger.exception("call failed")
    await live(bench, 1)
    return {secret for secret in secrets if secret}


async def test_k14_no_line_holds_anything_about_a_learner(tmp_path: Path) -> None:
    with listening() as heard:
        async with small_school(tmp_path) as bench:
            secrets = await a_bad_day(bench)
    text = heard.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"awards decided", "status decided", "cut is on the ledger", "call failed"} <= {
        one["message"] for one in lines
    }
    assert "IntegrityError" in text, "a traceback of the database is among them"
    assert [secret for secret in secrets if secret in text] == []


async def test_k14_planted_a_line_with_a_row_is_found(tmp_path: Path) -> None:
    """Control: the same look finds a careless line."""
    with listening() as heard:
        async with small_school(tmp_path) as bench:
            secrets = await a_bad_day(bench)
            (row, *_) = await bench.desk.list_awards()
            # A view as such keeps its fields to itself.
            logging.getLogger("node.test").info(
                "awards decided", extra={"row": row, "who": f"{row.learner_id} {row.name}"}
            )
    assert {secret for secret in secrets if secret in heard.getvalue()} == {row.learner_id, row.name}


async def test_k14_files_beside_the_database_hold_nothing_about_a_learner(tmp_path: Path) -> None:
    """Of database, keys, settings and ledger, the last two hold nothing of the first two."""
    async with small_school(tmp_path) as bench:
        secrets = await a_bad_day(bench)
    found = {
        path.parent.name
        for path in tmp_path.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in secrets)
    }
    # These two are the control, too: the same look finds everything where it belongs.
    assert found == {"school", "keys"}
    assert {path.name for path in (tmp_path / "school").iterdir() if path.is_file()} >= {"registrar.db", "node.toml"}
    assert not any(secret in (tmp_path / "school" / "node.toml").read_text() for secret in secrets)


@pytest.mark.parametrize("name", ["registrar.db", "keys"])
async def test_k14_what_is_private_is_readable_by_the_node_alone(tmp_path: Path, name: str) -> None:
    async with small_school(tmp_path) as bench:
        await award(bench, LEARNERS)
    for path in [tmp_path / "school" / name, *(tmp_path / "school" / name).glob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
