"""K3, type: an entry says `alternative diploma` or `waiver`.

Answer: a batch has 32-byte values and an entry without room for anything else; a copy of any achievement, a renewed one and
a decoy are values alike. Which achievement was issued stands in the credential alone.
"""

import json
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log import statements
from node.client.registry import IssueRequest
from tests.node.registrar.desks import DIPLOMA, Bench, achievement_json, csv_of
from tests.privacy.member import Replica, replicate
from tests.privacy.small_school import live, small_school

OTHER = "alternative-pathway"


async def awarded(tmp_path: Path, seed: str, achievement: str) -> Replica:
    async def work(bench: Bench, day: int) -> None:
        await bench.desk.issue(IssueRequest(data=csv_of(range(6)), achievement=achievement))

    async with small_school(tmp_path, seed) as bench:
        await bench.desk.publish(achievement_json(OTHER, achievement_type="Course"))
        await live(bench, 1, work)
        return replicate(bench.log)


async def test_k03_a_diploma_and_another_award_look_alike(tmp_path: Path) -> None:
    """Also they are signed by keys of different roles, which do not stand on the ledger beside the batch."""
    diploma, other = [await awarded(tmp_path, seed, name) for seed, name in (("a", DIPLOMA), ("b", OTHER))]
    assert diploma.shape() == other.shape()
    for replica in (diploma, other):
        issue = next(entry for entry in replica.entries if entry.statement.kind == "issue")
        assert set(json.loads(issue.statement_bytes)) == {"at", "body", "id", "kind", "log"}
        assert len(issue.signatures) == 1


async def test_k03_planted_a_batch_that_names_a_type_cannot_be_written(tmp_path: Path) -> None:
    """Control: a member more is seen by every parser, and refused."""
    replica = await awarded(tmp_path, "a", OTHER)
    issue = next(entry for entry in replica.entries if entry.statement.kind == "issue")
    telling = json.loads(issue.statement_bytes) | {"achievement": OTHER}
    with pytest.raises(MalformedError, match="achievement"):
        statements.parse(json.dumps(telling, separators=(",", ":"), sort_keys=True).encode())
