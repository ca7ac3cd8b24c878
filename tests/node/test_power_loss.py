"""Power cuts: whatever was not synced may be gone, torn or out of order, and what was acknowledged is there all the same."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from ledger.log.identity import LogId
from node.highwater import HighWater
from tests import powerloss, strace
from tests.node.test_disk_faults import check_bench, check_school, founded, founded_bench
from tests.powerloss import Event, Files
from tests.strace import Zygote
from tests.tracee import STATE

Check = Callable[[Path, tuple[str, ...]], Awaitable[None]]


@pytest.fixture(scope="module")
def tracee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    strace.skip_without_strace()
    with strace.zygote(tmp_path_factory.mktemp("traces")) as made:
        yield made


def record(tracee: Zygote, task: str, base: Path, place: Path) -> tuple[Files, list[Event]]:
    """The files when the work began, and all that was written from then on."""
    shutil.copytree(base, place)
    files: Files = {}
    outcome = tracee.run(task, place, powerloss.OPTIONS, before=lambda: files.update(powerloss.read_files(place)))
    events = powerloss.parse_record(outcome.trace, place)
    told = [line for event in events if event.call == "told" for line in event.data.decode().splitlines()]
    assert told == list(outcome.told)
    # The record is whole: what it leads to is what stands there.
    disk = powerloss.Disk.of(files)
    for event in events:
        if event.call != "told":
            disk.see(event)
    found = powerloss.read_files(place)
    assert {path: bytes(disk.inodes[number].content()) for path, number in disk.names.items()} == found
    return files, events


async def check_all(files: Files, events: list[Event], folder: Path, check: Check, share: int = 1) -> int:
    count = 0
    for count, (state, told) in enumerate(powerloss.find_states(files, events)):
        if count % share:
            continue
        place = folder / str(count)
        powerloss.write_files(place, state)
        try:
            await check(place, told)
        except BaseException as error:
            error.add_note(f"state {count}, told by then: {told}; kept in {place}")
            raise
        shutil.rmtree(place)
    return count


async def test_a_commit(tracee: Zygote, tmp_path: Path) -> None:
    """One commit after another: the store opens at the last one acknowledged or later, never behind the high-water file."""
    base = await founded(tmp_path / "base")
    files, events = record(tracee, "commit", base, tmp_path / "recorded")
    assert await check_all(files, events, tmp_path, check_school) > 20


async def test_an_opening(tracee: Zygote, tmp_path: Path) -> None:
    """The store is opened, which rewrites some of its files, and then written to; every tenth of the states."""
    base = await founded(tmp_path / "base")
    files, events = record(tracee, "start", base, tmp_path / "recorded")
    assert await check_all(files, events, tmp_path, check_school, 10) > 60


async def sweep_outbox(tracee: Zygote, folder: Path, share: int) -> None:
    base = folder / "base"
    log_id = await founded_bench(base)
    files, events = record(tracee, "outbox", base, folder / "recorded")

    async def check(place: Path, told: tuple[str, ...]) -> None:
        await check_bench(place, log_id, told)

    assert await check_all(files, events, folder, check, share) > 100


async def test_some_states_of_the_outbox(tracee: Zygote, tmp_path: Path) -> None:
    """Awards, a revocation and two cuts; every 150th of the states that may be found."""
    await sweep_outbox(tracee, tmp_path, 150)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_every_state_of_an_opening(tracee: Zygote, tmp_path: Path) -> None:
    """All of them."""
    base = await founded(tmp_path / "base")
    files, events = record(tracee, "start", base, tmp_path / "recorded")
    assert await check_all(files, events, tmp_path, check_school) > 60


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_every_state_of_the_outbox(tracee: Zygote, tmp_path: Path) -> None:
    """All of them."""
    await sweep_outbox(tracee, tmp_path, 1)


async def test_the_small_files(tracee: Zygote, tmp_path: Path) -> None:
    """High-water file, key file and configuration: what was done is there whole; the old ones are never lost or mixed."""
    base, log = tmp_path / "base", LogId(bytes(32))
    base.mkdir()
    (base / "node.toml").write_bytes(b"old")
    HighWater(base / STATE, log).raise_to(7)
    files, events = record(tracee, "files", base, tmp_path / "recorded")

    async def check(place: Path, told: tuple[str, ...]) -> None:
        size = HighWater(place / STATE, log).size
        assert size == 8 if len(told) > 0 else size in (7, 8)
        if len(told) > 1:
            assert (place / "new.key").read_bytes() == b"secret" * 200
        content = (place / "node.toml").read_bytes()
        assert content == b"new" * 500 if len(told) > 2 else content in (b"old", b"new" * 500)

    assert await check_all(files, events, tmp_path, check) > 15


async def test_a_write_that_was_not_synced_is_missed(tmp_path: Path) -> None:
    """The model can fail a program: told before the sync, the value is not there in some state."""
    events = [Event("write", "a", b"new", 0), Event("told", "", b"done\n"), Event("sync", "a")]
    found = [state["a"] for state, told in powerloss.find_states({"a": b"old"}, events) if told]
    assert set(found) == {b"old", b"new"}
