"""K4, size: a long award is a diploma, a short one a micro-credential.

Answer: a commitment has 32 bytes whatever it commits to, and a body of other items does not parse.
"""

from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log.body import describe_body, parse_body
from node.client.registry import IssueRequest
from tests.node.registrar.desks import DIPLOMA, Bench
from tests.privacy.member import Replica, replicate
from tests.privacy.small_school import kept_copies, live, small_school

HEAD = "learner_id,name,awarded_on,email,date_of_birth,credits,result.R1,result.R2"
SHORT = "S1,A,2026-06-15,,,,,"
LONG = f"S1,{'Ann ' * 30}B,2026-06-15,{'a' * 150}@long.example,2008-02-11,1234.50,met,waived"


async def written(tmp_path: Path, seed: str, row: str) -> tuple[Replica, int]:
    """A school's log with one award, and the length of its copy."""

    async def work(bench: Bench, day: int) -> None:
        report = await bench.desk.issue(IssueRequest(data=f"{HEAD}\n{row}\n".encode(), achievement=DIPLOMA))
        assert not report.problems, report.problems

    async with small_school(tmp_path, seed) as bench:
        await live(bench, 1, work)
        (copy,) = await kept_copies(bench)
        return replicate(bench.log), len(copy.credential)


async def test_k04_a_long_award_and_a_short_one_look_alike(tmp_path: Path) -> None:
    (short, little), (long, much) = await written(tmp_path, "a", SHORT), await written(tmp_path, "b", LONG)
    assert much > little + 500
    assert short.shape() == long.shape()
    assert {len(item) for replica in (short, long) for item in replica.cuts()[0].commitments} == {32}


def test_k04_planted_items_of_other_lengths_are_refused() -> None:
    """Control: an item that is longer, as an award in clear would be, makes no body; nor does half an item."""
    with pytest.raises(MalformedError, match="an item of kind issue has 32 bytes"):
        describe_body("issue", [bytes(32), bytes(33)])
    with pytest.raises(MalformedError, match="no whole number of 32-byte items"):
        parse_body("issue", bytes(32 * 3 + 1))
