"""Errors and kills at every system call that writes, of one commit, one awarding and cut, and the small files.

After each of them the store is opened again: a stranger accepts all of it, whatever was acknowledged is there, and no size
was ever signed twice with another root.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.credential.status import Status
from ledger.log import merkle
from ledger.log.identity import LogId, encode_log_id
from node.client.registry import IssueRequest
from node.highwater import HighWater
from tests import strace
from tests.node.registrar.desks import Clock, Dice, achievement_json, csv_of, found, open_bench
from tests.node.registrar.outbox_tracee import DIPLOMA, FIRST
from tests.node.registrar.test_crash import check
from tests.node.school import check_log, found_school, open_school, running
from tests.strace import Fault, Outcome, Zygote
from tests.tracee import SCHOOL, STATE

KINDS = ("EIO", "ENOSPC", "KILL")


@pytest.fixture(scope="module")
def tracee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    strace.skip_without_strace()
    with strace.zygote(tmp_path_factory.mktemp("traces")) as made:
        yield made


async def founded(folder: Path) -> Path:
    """A school with one batch, and the high-water file that belongs to it."""
    folder.mkdir()
    school = found_school(folder / SCHOOL)
    async with running(school.sequencer()) as sequencer:
        await sequencer.append([school.issue(1)])
    HighWater(folder / STATE, school.log.state.log_id).raise_to(2)
    school.store.close()
    return folder


async def check_school(folder: Path, told: tuple[str, ...]) -> None:
    """What was told is there, the whole log passes, and the writer goes on."""
    school = open_school(folder / SCHOOL)
    try:
        check_log(school)
        mark = HighWater(folder / STATE, school.log.state.log_id)
        assert (mark.size or 0) <= school.log.size
        for line in told:
            match line.split():
                case ["entry", number, index, size, root]:
                    assert school.log.state.find_id(int(number).to_bytes(16, "big")) == int(index)
                    assert merkle.root_at(int(size), school.log.read_hashes).hex() == root
                    assert (mark.size or 0) >= int(size)
                case ["cosigned", size, root]:
                    cosigned = school.log.cosigned()
                    assert cosigned is not None
                    assert (cosigned[0], cosigned[1].hex()) == (int(size), root)
                case ["refused", *_]:
                    pass
                case _:
                    pytest.fail(f"the process told: {line}")
        async with running(school.sequencer()) as sequencer:
            assert await sequencer.append([school.issue(n) for n in range(1, 5)]) == sorted(
                await sequencer.append([school.issue(n) for n in range(1, 5)])
            )
        check_log(school)
    finally:
        school.store.close()


def attempt(tracee: Zygote, task: str, base: Path, place: Path, fault: Fault) -> Outcome:
    shutil.copytree(base, place)
    return tracee.run(task, place, fault.options)


async def sweep_commit(tracee: Zygote, tmp_path: Path, *, alternate: bool) -> None:
    base = await founded(tmp_path / "base")
    shutil.copytree(base, tmp_path / "clean")
    clean = tracee.run("commit", tmp_path / "clean", ["-e", f"trace={','.join(strace.WRITE_CALLS)}"])
    assert [line.split()[0] for line in clean.told] == ["entry", "entry", "entry", "cosigned"]
    faults = strace.faults_of(clean.trace, [tmp_path / "clean"], KINDS)
    assert {fault.call for fault in faults} >= {"write", "fdatasync", "fsync", "rename", "openat"}
    if alternate:
        faults = [fault for fault in faults if fault.kind in ("KILL", ("EIO", "ENOSPC")[fault.number % 2])]
    hits = 0
    for number, fault in enumerate(faults):
        place = tmp_path / str(number)
        outcome = attempt(tracee, "commit", base, place, fault)
        hits += outcome.is_hit
        try:
            await check_school(place, outcome.told)
        except BaseException as error:
            error.add_note(f"{fault}: {outcome.told}")
            raise
        shutil.rmtree(place)
    assert hits == len(faults)


async def test_every_write_of_a_commit_may_fail(tracee: Zygote, tmp_path: Path) -> None:
    """SIGKILL, and EIO or ENOSPC in turn, at each call of a commit and of the high-water file that follows it."""
    await sweep_commit(tracee, tmp_path, alternate=True)


@pytest.mark.soak
async def test_every_write_of_a_commit_may_fail_in_every_way(tracee: Zygote, tmp_path: Path) -> None:
    """All three at each call."""
    await sweep_commit(tracee, tmp_path, alternate=False)


async def test_every_write_of_the_small_files_may_fail(tracee: Zygote, tmp_path: Path) -> None:
    """High-water file, key file, configuration: the old one or the new one whole, and never half of a key."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "node.toml").write_bytes(b"old")
    log = LogId(bytes(32))
    HighWater(base / STATE, log).raise_to(7)
    shutil.copytree(base, tmp_path / "clean")
    clean = tracee.run("files", tmp_path / "clean", ["-e", f"trace={','.join(strace.WRITE_CALLS)}"])
    assert clean.told == (f"done mark {encode_log_id(log)}", "done key", "done config")
    faults = strace.faults_of(clean.trace, [tmp_path / "clean"], KINDS)
    for number, fault in enumerate(faults):
        place = tmp_path / str(number)
        outcome = attempt(tracee, "files", base, place, fault)
        assert outcome.is_hit, fault
        assert not any(line.startswith("crashed") for line in outcome.told), (fault, outcome.told)
        assert HighWater(place / STATE, log).size in ((8,) if clean.told[0] in outcome.told else (7, 8))
        key = place / "new.key"
        if "done key" in outcome.told:
            assert key.read_bytes() == b"secret" * 200
        elif "refused key" in outcome.told and key.exists():
            # Only where the folder could not be synced: the file itself is whole.
            assert key.read_bytes() == b"secret" * 200
        assert (place / "node.toml").read_bytes() in (b"old", b"new" * 500)
        if "done config" in outcome.told:
            assert (place / "node.toml").read_bytes() == b"new" * 500
        shutil.rmtree(place)


async def founded_bench(folder: Path) -> LogId:
    log_id = found(folder, Clock(), Dice())
    async with open_bench(folder, log_id, Clock(), Dice("bench")) as bench:
        await bench.desk.publish(achievement_json())
        await bench.desk.issue(IssueRequest(data=csv_of(FIRST), achievement=DIPLOMA))
        await bench.desk.cut()
    return log_id


async def check_bench(folder: Path, log_id: LogId, told: tuple[str, ...]) -> None:
    """Awards and revocations that were acknowledged are there, each once; cuts stand where they were told to stand."""
    async with open_bench(folder, log_id, Clock(), Dice("again")) as bench:
        assert (await bench.desk.status()).outbox == 0
        await bench.desk.cut()
        awards = {view.id: view for view in await bench.desk.list_awards()}
        acknowledged: set[str] = set()
        for line in told:
            match line.split():
                case ["awarded", *ids]:
                    acknowledged |= set(ids)
                case ["revoked", *ids]:
                    assert all(awards[award].status == Status.REVOKED for award in ids)
                case ["cut", *indexes]:
                    assert all(int(index) < bench.log.size for index in indexes)
                case ["refused" | "end", *_]:
                    pass
                case _:
                    pytest.fail(f"the process told: {line}")
        assert set(awards) >= acknowledged
        assert len({view.learner_id for view in awards.values()}) == len(awards)
        assert all(view.index is not None for view in awards.values())
        check(bench, acknowledged)


async def sweep_outbox(tracee: Zygote, folder: Path, share: int) -> None:
    """Every fault, or one in `share` of them drawn with a fixed seed."""
    base = folder / "base"
    log_id = await founded_bench(base)
    shutil.copytree(base, folder / "clean")
    clean = tracee.run("outbox", folder / "clean", ["-e", f"trace={','.join(strace.WRITE_CALLS)}"])
    assert [line.split()[0] for line in clean.told] == ["awarded", "revoked", "cut", "cut", "end"]
    faults = strace.faults_of(clean.trace, [folder / "clean"], KINDS)
    assert {fault.call for fault in faults} >= {"pwrite64", "fdatasync", "write"}
    chosen = random.Random(1).sample(faults, len(faults) // share)
    hits = 0
    for number, fault in enumerate(chosen):
        place = folder / str(number)
        outcome = attempt(tracee, "outbox", base, place, fault)
        hits += outcome.is_hit
        try:
            await check_bench(place, log_id, outcome.told)
        except BaseException as error:
            error.add_note(f"{fault}: {outcome.told}")
            raise
        shutil.rmtree(place)
    # The number of pages a transaction touches varies a little, so the last ones may not be met.
    assert hits >= len(chosen) * 0.9


async def test_some_writes_of_the_outbox_may_fail(tracee: Zygote, tmp_path: Path) -> None:
    """One in 40 faults of an awarding, a revocation and two cuts, in the registrar's database and the ledger store."""
    await sweep_outbox(tracee, tmp_path, 40)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_every_write_of_the_outbox_may_fail(tracee: Zygote, tmp_path: Path) -> None:
    """All of them."""
    await sweep_outbox(tracee, tmp_path, 1)


def test_a_planted_fault_is_met_and_told(tracee: Zygote, tmp_path: Path) -> None:
    """The tests above can fail: a call that is to fail does fail, in the process that is traced."""
    (tmp_path / "node.toml").write_bytes(b"old")
    outcome = tracee.run("files", tmp_path, Fault("rename", 1, "EIO").options)
    assert outcome.is_hit
    assert outcome.told[0].startswith("refused mark")
