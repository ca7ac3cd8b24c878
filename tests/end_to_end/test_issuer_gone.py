"""The issuer's node is gone for good: whoever holds a replica answers as before, and opens no connection for it."""

import shutil
from pathlib import Path

import pytest

from ledger.credential.status import Status
from tests.end_to_end.learner import award, new_learner, offer, steps_of
from tests.end_to_end.town import town


@pytest.mark.soak  # the demonstration plays it on every run; this asks more of the replicas
async def test_replicas_answer_when_the_issuer_is_gone(tmp_path: Path) -> None:
    """Valid stays valid and revoked stays revoked, from a replica that another member served."""
    async with town(tmp_path) as made:
        granite, tidewater = made["granite-hollow"], made["tidewater"]
        trust = await made.write_trust()
        report = await award(granite, "granite-hollow")
        learners = {}
        for position, learner_id in enumerate(("L01", "L02")):
            learner = await new_learner(tmp_path, learner_id, trust, granite, made.network)
            await learner.claim(await offer(granite, learner_id))
            learners[learner_id] = (learner, report.issued[position])
        await made.cut("granite-hollow")
        files = {}
        for learner_id, (learner, _) in learners.items():
            await learner.cairn("refresh")
            (holding,) = (await learner.holdings()).values()
            files[learner_id] = tmp_path / f"{learner_id}.cairn"
            await learner.present(files[learner_id], (holding, ("name", "awarded_on")))

        college = await new_learner(tmp_path, "college", trust, granite)
        before = {name: await college.verify(file, expected=0) for name, file in files.items()}
        assert all(report["verdict"] == "Valid now" for report in before.values())
        async with granite.desk() as desk:
            await desk.set_status([learners["L02"][1]], Status.REVOKED)
        await made.cut("granite-hollow")
        await college.cairn("sync")
        revoked = await college.verify(files["L02"], expected=1)
        assert revoked["verdict"] == "Was valid, not now"

        await granite.stop()
        shutil.rmtree(granite.directory)
        later = await new_learner(tmp_path, "later", trust, tidewater)
        after = {
            "L01": await later.verify(files["L01"], expected=0),
            "L02": await later.verify(files["L02"], expected=1),
        }
        assert steps_of(after["L01"]) == steps_of(before["L01"])
        assert {answer for _, steps in steps_of(after["L01"]) for step, answer in steps.items() if step < 12} == {"yes"}
        assert steps_of(after["L02"]) == steps_of(revoked)
        assert [code for code, _ in steps_of(after["L02"])] == ["REVOKED"]

        # Those that are left go on: what they cut without the issuer changes nothing about what it had issued.
        await made.cut("tidewater")
        await later.cairn("sync")
        assert steps_of(await later.verify(files["L01"], expected=0)) == steps_of(before["L01"])
