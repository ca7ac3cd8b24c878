"""K6, issuer key granularity: the key of the special-education programme signed that entry.

Answer: every batch and page is signed by the one `operate` key, whatever is in it; the keys that sign credentials stand in
no batch, and the newest of a role signs for everybody. An entry signed by a credential key has no effect, so the log takes
none.
"""

from pathlib import Path

import pytest

from ledger.errors import CairnError
from node.client.registry import IssueRequest
from node.keystore import KeyRole
from tests.node.registrar.desks import DIPLOMA, Bench, achievement_json, csv_of
from tests.node.registrar.thefts import add_key
from tests.node.school import found_school, running
from tests.privacy.member import replicate
from tests.privacy.small_school import kept_copies, live, small_school


async def test_k06_one_key_signs_all_batches_whatever_is_in_them(tmp_path: Path) -> None:
    """Courses and diplomas are signed by two roles, and courses of two days by two keys; the batches do not say."""

    async def work(bench: Bench, day: int) -> None:
        if day == 1:
            await add_key(bench, KeyRole.ISSUE)
        for achievement, first in ((DIPLOMA, 0), ("course", 50)):
            rows = csv_of(range(first + 3 * day, first + 3 * day + 3))
            await bench.desk.issue(IssueRequest(data=rows, achievement=achievement))

    async with small_school(tmp_path) as bench:
        await bench.desk.publish(achievement_json("course", achievement_type="Course"))
        await live(bench, 2, work)
        operate = bench.keystore.newest(KeyRole.OPERATE).public.id
        entries = [e for e in replicate(bench.log).entries if e.statement.kind in ("issue", "status")]
        assert {signature.key for entry in entries for signature in entry.signatures} == {operate}
        signers = [copy.key_id for copy in await kept_copies(bench)]
        assert len(set(signers)) == 3 and operate not in signers
        # Of two keys of one role in force, the newest signs all: a programme cannot have one of its own.
        assert len(set(signers[-3:])) == 1


async def test_k06_planted_a_batch_by_a_credential_key_is_refused(tmp_path: Path) -> None:
    """Control: it would tell; the log does not take it."""
    school = found_school(tmp_path / "school")
    try:
        async with running(school.sequencer()) as sequencer:
            with pytest.raises(CairnError, match="role"):
                await sequencer.append([school.issue(1, school.keys.newest(KeyRole.ISSUE))])
            assert await sequencer.append([school.issue(2)]) == [1]
    finally:
        school.store.close()
