"""A node restored from an older backup: it fetches its own entries, reads its page, signs no fork, and goes on."""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from ledger.credential.status import Status, decode_page, list_key
from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.checkpoint import read_checkpoint
from ledger.log.follow import judge_growth
from ledger.log.keyfile import LEAST_COST
from node.backup.make import Wanted, make_backup
from node.backup.restore import Source, restore_backup
from node.client.ledger import LedgerClient
from node.client.registry import IssueRequest, NodeStatus
from node.clock import system_clock, system_draw
from node.home import open_home
from node.keystore import open_keystore
from tests.end_to_end.learner import ACHIEVEMENTS
from tests.end_to_end.town import DEADLINE_SECONDS, ROOT, Neighbour, Town, eventually, town

DIPLOMA = "granite-hollow"
ACHIEVEMENT = f"urn:cairn:achievement:{DIPLOMA}"
SCHOOL = "granite-hollow"
PASSPHRASE = "kept apart from the file"


def csv_of(learners: range) -> bytes:
    rows = [f"L{number:05d},Learner {number},2026-06-15,met" for number in learners]
    return "\n".join(["learner_id,name,awarded_on,result.R1", *rows]).encode()


async def award(school: Neighbour, learners: range) -> tuple[str, ...]:
    async with school.desk() as desk:
        return (await desk.issue(IssueRequest(data=csv_of(learners), achievement=ACHIEVEMENT))).issued


async def revoke(school: Neighbour, *awards: str) -> None:
    async with school.desk() as desk:
        await desk.set_status(awards, Status.REVOKED)


async def status_of(school: Neighbour) -> NodeStatus:
    async with school.desk() as desk:
        return await desk.status()


async def page_at(made: Town, school: Neighbour) -> tuple[int, dict[int, int]]:
    """The newest page as a peer serves it: index of its entry, and what its slots say that do not read 0."""
    peer = next(node for node in made.nodes.values() if node is not school and node.process is not None)
    state = await state_at(peer, school)
    record = state.newest_status
    async with LedgerClient(peer.grpc, timeout_seconds=30) as client:
        bodies = {at: data async for at, data in client.bodies(school.log_id, record.index, record.index + 1)}
    list_root = open_keystore(school.directory / "keys").list_root
    items = parse_body("status", bodies[record.index])
    found: dict[int, int] = {}
    for place in record.lists:
        part = items[place.first : place.first + place.items]
        plain = decode_page(list_key(list_root, place.number), part, record.statement_id)
        found.update({place.number << 20 | slot: byte for slot, byte in enumerate(plain) if byte})
    return record.index, found


async def state_at(peer: Neighbour, school: Neighbour):  # type: ignore[no-untyped-def]  # a LogState
    async with peer.desk() as desk:
        return (await desk.held_log(school.log_id)).state


async def back_up(school: Neighbour, output: Path) -> None:
    wanted = Wanted(passphrase=PASSPHRASE, cost=LEAST_COST)
    await make_backup(open_home(school.directory), output, wanted, clock=system_clock, draw=system_draw)


async def test_a_restored_older_copy_fetches_its_log_and_never_forks(tmp_path: Path) -> None:
    """The fire: what was awarded and revoked after the backup stays so, and the log goes on where it was."""
    async with town(tmp_path) as made:
        school, *others = made[SCHOOL], *(node for name, node in made.nodes.items() if name != SCHOOL)
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
        first = await award(school, range(4))
        await made.cut(SCHOOL)
        backup = tmp_path / "night.backup"
        await back_up(school, backup)
        # After the backup: new awards, a revocation of an old and of a new one, a cut; and one award that misses it.
        lost = await award(school, range(4, 6))
        await revoke(school, first[0], lost[0])
        await made.cut(SCHOOL)
        await award(school, range(6, 7))
        index, before = await page_at(made, school)
        assert sorted(before.values()) == [1, 1]
        async with school.desk() as desk:
            signed = (await desk.held_log()).note
        size = read_checkpoint(signed).size
        assert index == size - 1
        for node in made.nodes.values():
            await node.stop()
        shutil.rmtree(school.directory)
        restored = restore_backup(
            Source(path=backup, passphrase=PASSPHRASE), school.directory, clock=system_clock, draw=system_draw
        )
        assert (restored.awards, restored.size) == (4, size - 3)

        # Alone it serves and waits, in words; it awards nothing, since it would draw slots that are taken.
        await school.start()

        async def has_asked() -> bool:
            return "no peer was asked" not in (await status_of(school)).is_waiting_for

        await eventually(has_asked)
        status = await status_of(school)
        assert status.size == size - 3
        assert "waiting for 2 of 3 witnesses" in status.is_waiting_for
        assert any("restored from a backup of" in finding.what for finding in status.findings)
        with pytest.raises(CairnError, match="has not been read into it yet"):
            await award(school, range(10, 11))
        with pytest.raises(CairnError, match="nothing is written"):
            async with school.desk() as desk:
                await desk.cut()

        await asyncio.gather(*(node.start() for node in others))

        async def has_read_its_log() -> bool:
            findings = (await status_of(school)).findings
            return any("restored on" in finding.what for finding in findings)

        await eventually(has_read_its_log)
        status = await status_of(school)
        assert (status.size, status.is_waiting_for) == (size, "")
        assert any(
            "3 newer entries of the log were read, 1 awards follow" in finding.what for finding in status.findings
        )
        async with school.desk() as desk:
            assert read_checkpoint((await desk.held_log()).note) == read_checkpoint(signed)
            views = {view.id: view.status for view in await desk.list_awards()}
        assert views == {one: Status.REVOKED if one == first[0] else Status.VALID for one in first}

        # The lost awards are handed in again, as the finding says; what was revoked stays revoked on the next page.
        assert len(await award(school, range(4, 7))) == 3
        await made.cut(SCHOOL)
        index, after = await page_at(made, school)
        assert index == size + 2
        assert after == before
        await no_fork(made, school)


async def no_fork(made: Town, school: Neighbour) -> None:
    """Every replica has the same tree, replays it from zero, and holds no evidence against the school."""
    roots = set()
    for node in made.nodes.values():
        async with LedgerClient(node.grpc, timeout_seconds=30) as client:
            (head,) = await client.heads([school.log_id])
            assert head.note is not None
            assert head.evidence_count == 0
            roots.add((head.size, read_checkpoint(head.note).root))
            entries = [
                entry async for package in client.entries(school.log_id, 0, head.size) for entry in package.entries
            ]
            bodies = {at: data async for at, data in client.bodies(school.log_id, 0, head.size)}
        growth = judge_growth(None, entries, [bodies.get(index) for index in range(head.size)], head.note)
        assert not growth.state.void
    assert len(roots) == 1


async def test_a_backup_taken_while_the_node_works_is_of_one_moment(tmp_path: Path) -> None:
    """Issuing and cutting go on all the while; every backup restores, replays and belongs together."""
    async with town(tmp_path) as made:
        school = made[SCHOOL]
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())

        async def work() -> None:
            for number in range(1000):
                await award(school, range(number * 3, number * 3 + 3))
                async with school.desk() as desk:
                    await desk.cut()

        working = asyncio.create_task(work())
        for number in range(4):
            await back_up(school, tmp_path / f"{number}.backup")
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        sizes = []
        for number in range(4):
            directory = tmp_path / f"back{number}"
            source = Source(path=tmp_path / f"{number}.backup", passphrase=PASSPHRASE)
            restored = restore_backup(source, directory, clock=system_clock, draw=system_draw)
            assert restored.awards % 3 == 0
            assert_database_is_not_newer(directory, restored.size)
            sizes.append(restored.size)
        assert sizes == sorted(sizes)


def assert_database_is_not_newer(directory: Path, size: int) -> None:
    """No statement counts as on the log that this copy of the log has not."""
    with contextlib.closing(sqlite3.connect(directory / "registrar.db")) as connection:
        (newest,) = connection.execute("SELECT MAX(entry) FROM outbox").fetchone()
    assert newest is None or newest < size


async def test_a_second_process_is_refused_in_words(tmp_path: Path) -> None:
    """`run` and commands that open the directory; a lock left by a killed process is none."""
    async with town(tmp_path) as made:
        school = made[SCHOOL]
        said = await run("run", str(school.directory))
        assert said[0] == 3
        assert "another process uses this directory: process" in said[1]
        assert "cairn-node run" in said[1]
        assert (await run("upgrade", str(school.directory)))[0] == 1
        await school.stop(signal.SIGKILL)
        assert (school.directory / "node.lock").exists()
        assert (await run("upgrade", str(school.directory)))[0] == 0
        await school.start()
        assert (await status_of(school)).size >= 1


async def run(*words: str) -> tuple[int, str]:
    """A command line in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.main", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
