"""Findings keep their age, also through a restart; news is told once; nothing stops the watch."""

import asyncio
import contextlib
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import RuleError
from node.client.finding import Finding, FindingCode, Severity
from node.watch import FILE_NAME, Watch, last_look
from tests.node.registrar.desks import START, Clock

SILENT = Finding(
    code=FindingCode.PEER_SILENT, severity=Severity.WARNING, subject="a.example:1", what="away", do="wait", why="gone"
)
FORK = Finding(code=FindingCode.FORK, severity=Severity.PROBLEM, subject="log", what="two", do="tell", since=17)


class Scene:
    """What a watch looks at."""

    def __init__(self, folder: Path) -> None:
        self.found: list[Finding] = []
        self.clock = Clock()
        self.path = folder / FILE_NAME
        self.looks = 0

    async def gather(self) -> tuple[Finding, ...]:
        self.looks += 1
        return tuple(self.found)

    def watch(self) -> Watch:
        return Watch(self.gather, self.path, self.clock, os.urandom)


async def test_a_finding_keeps_its_age_through_a_restart(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.found = [SILENT]
    assert await scene.watch().look() == (replace(SILENT, since=START),)
    scene.clock.advance(60_000)
    again = scene.watch()
    scene.found = [replace(SILENT, why="still gone")]
    assert await again.look() == (replace(SILENT, since=START, why="still gone"),)
    assert again.newest == await again.look()


async def test_what_went_and_came_back_is_new(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    watch = scene.watch()
    for found in ([SILENT], [], [SILENT]):
        scene.found = list(found)
        scene.clock.advance(1000)
        newest = await watch.look()
    assert newest[0].since == START + 3000


async def test_what_knows_its_age_keeps_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.found = [FORK]
    assert await scene.watch().look() == (FORK,)


async def test_news_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With constant words, and fields that a collector can count."""
    caplog.set_level(logging.INFO, "node.watch")
    scene = Scene(tmp_path)
    watch = scene.watch()
    scene.found = [SILENT]
    await asyncio.gather(watch.look(), watch.look())
    scene.found = []
    await watch.look()
    await watch.look()
    told = [(record.message, getattr(record, "code", None)) for record in caplog.records]
    assert told == [("finding appeared", "peer-silent"), ("finding is gone", "peer-silent")]


@pytest.mark.parametrize(
    "damage", ["", "{", "[1]", '[{"code":"nonsense","subject":"","since":1}]', '{"a":"b"}', "\xff"]
)
async def test_a_damaged_file_costs_only_the_ages(tmp_path: Path, damage: str) -> None:
    scene = Scene(tmp_path)
    scene.path.write_text(damage, encoding="latin-1")
    scene.found = [SILENT]
    (finding,) = await scene.watch().look()
    assert finding.since == START


async def test_a_folder_that_cannot_be_written_does_not_end_the_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(tmp_path / "missing")
    scene.found = [SILENT]
    watch = scene.watch()
    assert await watch.look() == (replace(SILENT, since=START),)
    assert await watch.look() == (replace(SILENT, since=START),)
    assert "ages of findings not stored" in caplog.text


async def test_every_look_leaves_its_time(tmp_path: Path) -> None:
    """So that the status of a node that was killed can say for how long it is gone."""
    assert last_look(tmp_path) is None
    scene = Scene(tmp_path)
    watch = scene.watch()
    await watch.look()
    os.utime(scene.path, (1, 1))
    assert last_look(tmp_path) == 1000
    await watch.look()
    assert (last_look(tmp_path) or 0) > 1_700_000_000_000


async def test_a_look_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever cannot be judged now must neither end the node nor the watch."""
    monkeypatch.setattr("node.watch.FIRST_SECONDS", 0)
    monkeypatch.setattr("node.tasks.FIRST_PAUSE_SECONDS", 0)
    done, failures = asyncio.Event(), [RuleError("not now"), OSError("no disk")]

    async def gather() -> tuple[Finding, ...]:
        if failures:
            raise failures.pop()
        done.set()
        return ()

    task = asyncio.create_task(Watch(gather, tmp_path / FILE_NAME, Clock(), lambda length: bytes(length)).run())
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
