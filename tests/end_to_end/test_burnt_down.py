"""A node burns down with its database; its keys and its peers bring the institution back."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.credential.status import Status
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY
from tests.end_to_end.learner import award, new_learner, offer
from tests.end_to_end.town import ROOT, Neighbour, Town, town

PROCESS_SECONDS = 120


async def cairn_node(made: Town, *arguments: object, expected: int = 0) -> Any:
    """Run one command in a process of its own; gives its result."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.main", *map(str, arguments), "--json"),
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(made.folder / "state")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PROCESS_SECONDS):
        out, errors = await process.communicate()
    assert process.returncode == expected, out.decode() + errors.decode()
    return json.loads(out)


async def burn(made: Town, node: Neighbour) -> Path:
    """All that is left is a copy of the keys elsewhere; the computer's memory of what it signed is gone too."""
    await node.stop()
    kept = made.folder / f"{node.name}-stick"
    shutil.copytree(node.directory / KEYS_DIRECTORY, kept)
    shutil.rmtree(node.directory)
    for file in (made.folder / "state" / "cairn").iterdir():
        file.unlink()
    return kept


@pytest.mark.soak  # docs/disaster.md plays a fire on every run; this is the long way
async def test_a_school_burns_down_and_comes_back(tmp_path: Path) -> None:
    """Before and after: valid stays valid, revoked stays revoked, new cuts are cosigned, a shown copy can be revoked."""
    async with town(tmp_path) as made:
        granite, tidewater = made["granite-hollow"], made["tidewater"]
        trust = await made.write_trust()
        report = await award(granite, "granite-hollow")
        files, copies = {}, {}
        for learner_id in ("L01", "L02"):
            learner = await new_learner(tmp_path, learner_id, trust, granite, made.network)
            await learner.claim(await offer(granite, learner_id))
            copies[learner_id] = learner
        await made.cut("granite-hollow")
        for learner_id, learner in copies.items():
            await learner.cairn("refresh")
            (holding,) = (await learner.holdings()).values()
            files[learner_id] = tmp_path / f"{learner_id}.cairn"
            await learner.present(files[learner_id], (holding, ("name", "awarded_on")))
        async with granite.desk() as desk:
            await desk.set_status([report.issued[1]], Status.REVOKED)
        await made.cut("granite-hollow")
        size = await tidewater.size_of(granite.log_id)

        keys = await burn(made, granite)
        recovered = await cairn_node(
            made, "recover", granite.directory, "--from", tidewater.grpc, "--keys", keys, "--trust", trust
        )
        assert recovered["findings"] == []
        assert (recovered["size"], recovered["size_before"], recovered["database"]) == (size, 0, "empty")
        assert recovered["witnesses"] == recovered["witnesses_told"] == 3
        assert recovered["unknown_slots"] == 2, "the registrar's and the wallet's copy of the revoked award"
        clean = await cairn_node(made, "fsck", granite.directory)
        assert clean["verdict"] == "clean"

        await granite.start()
        await made.level()
        await made.cut("granite-hollow")
        assert await tidewater.size_of(granite.log_id) == size + 3
        college = await new_learner(tmp_path, "college", trust, tidewater)
        assert (await college.verify(files["L01"], expected=0))["verdict"] == "Valid now"
        assert (await college.verify(files["L02"], expected=1))["verdict"] == "Was valid, not now"

        async with granite.desk() as desk:
            assert (await desk.status()).awards == 0
        whole = tmp_path / "whole.cairn"
        (holding,) = (await copies["L01"].holdings()).values()
        fields = json.loads(await copies["L01"].cairn("show", holding, "--json"))["fields"]
        await copies["L01"].present(whole, (holding, tuple(fields)))
        (taken,) = await cairn_node(made, "recover-award", granite.directory, whole, "--learner", "L01")
        assert (taken["new"], taken["status"]) == (True, "valid")
        (again,) = await cairn_node(made, "recover-award", granite.directory, whole, "--learner", "L01")
        assert (again["new"], again["award"]) == (False, taken["award"])
        reissued = await award(granite, "granite-hollow")
        assert len(reissued.issued) == len(report.issued) - 1, "the student system's file adds those nobody showed"
        async with granite.desk() as desk:
            await desk.set_status([taken["award"]], Status.REVOKED)
        await made.cut("granite-hollow")
        await college.cairn("sync")
        assert (await college.verify(files["L01"], expected=1))["verdict"] == "Was valid, not now"
        await granite.stop()
        assert (await cairn_node(made, "fsck", granite.directory))["verdict"] == "clean"
        await lose_the_ledger(made, granite, len(report.issued))
        await lose_the_database(made, granite)


async def lose_the_ledger(made: Town, node: Neighbour, awards: int) -> None:
    """The log comes back from the peers that the directory's own trust root names; the database is as it was."""
    shutil.rmtree(node.directory / LEDGER_DIRECTORY)
    damaged = await cairn_node(made, "fsck", node.directory, expected=1)
    assert "not one row of it can be read" in [finding["what"] for finding in damaged["findings"]]
    recovered = await cairn_node(made, "recover", node.directory, "--from", made["tidewater"].grpc)
    assert (recovered["findings"], recovered["database"], recovered["page"]) == ([], "kept", None)
    assert (recovered["awards"], recovered["size_before"]) == (awards, 0)
    assert recovered["size"] == await made["tidewater"].size_of(node.log_id)


async def lose_the_database(made: Town, node: Neighbour) -> None:
    """The log is there; an empty database reads its newest page, and cuts go on."""
    for file in node.directory.glob("registrar.db*"):
        file.unlink()
    damaged = await cairn_node(made, "fsck", node.directory, expected=1)
    assert [finding["what"] for finding in damaged["findings"]] == ["the file is missing"]
    recovered = await cairn_node(made, "recover", node.directory, "--from", made["tidewater"].grpc)
    assert (recovered["findings"], recovered["database"], recovered["awards"]) == ([], "empty", 0)
    assert recovered["size"] == recovered["size_before"]
    assert recovered["unknown_slots"] > 0
    await node.start()
    await made.level()
    await made.cut(node.name)
