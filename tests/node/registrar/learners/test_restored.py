"""A backup from before a forgetting forgets it again: by a receipt, by this computer's list, by its own rows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.errors import MalformedError
from ledger.log.identity import encode_log_id
from node.client.registry import IssueRequest
from node.registrar import scrub
from node.registrar.database import fill_database, open_database
from node.registrar.learners.desk import LearnerDesk
from node.registrar.learners.forgottenlist import add_to_list, list_path, read_list
from node.registrar.tables import Award
from tests.node.registrar.desks import DIPLOMA, csv_of, fresh_bench


async def test_an_older_backup_forgets_again(tmp_path: Path) -> None:
    """From the receipt alone, and from the list that the node keeps outside of its directory; every byte."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of([1, 2]), achievement=DIPLOMA))
        with bench.desk.database.dump() as lines:
            backup = list(lines)
        bench.desk.parts = replace(bench.desk.parts, state_home=tmp_path / "state")
        answer = await LearnerDesk(bench.desk).forget("L0001", "request")
        assert answer is not None
        log = encode_log_id(bench.desk.parts.log_id)
    (tmp_path / "receipt.json").write_bytes(answer.receipt)
    listed = list_path(tmp_path / "state", log)
    assert read_list(listed) == read_list(tmp_path / "receipt.json") == tuple(json.loads(answer.receipt)["forgotten"])
    place = tmp_path / "restored.db"
    assert fill_database(place, log, backup, made_at=1, restored_at=2, forgotten=read_list(listed)) == 1
    database = open_database(place, log)
    with database.read() as session:
        assert session.scalars(select(Award.learner_id)).all() == ["L0002"]
        assert not scrub.is_due(session)
    database.close()
    assert not any(b"Marker1" in path.read_bytes() for path in tmp_path.glob("restored.db*"))


async def test_a_database_that_forgot_says_so_in_its_next_backup(tmp_path: Path) -> None:
    """Its own rows are enough, and say nothing but ids."""
    async with fresh_bench(tmp_path) as bench:
        await bench.desk.issue(IssueRequest(data=csv_of([1]), achievement=DIPLOMA))
        answer = await LearnerDesk(bench.desk).forget("L0001", "request")
        assert answer is not None
        with bench.desk.database.dump() as lines:
            text = b"".join(lines)
    assert json.loads(answer.receipt)["forgotten"][0].encode() in text and b"Marker1" not in text


def test_a_list_grows_and_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "list"
    assert read_list(path) == ()
    add_to_list(path, ["a" * 16])
    add_to_list(path, ["b" * 16, "a" * 16])
    assert read_list(path) == ("a" * 16, "b" * 16)
    assert path.stat().st_mode & 0o777 == 0o600
    for wrong in ("Learner Marker1", '{"forgotten": 1}', '{"x"', '{"forgotten": ["Marker"]}'):
        path.write_text(wrong)
        with pytest.raises(MalformedError, match="receipt"):
            read_list(path)
