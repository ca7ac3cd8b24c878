"""A disk that fills up under a running node: nothing acknowledged is lost, it says so, and it goes on by itself."""

import json
import os
import resource
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import CairnError
from ledger.log.charter import Institution
from node.client.registry import IssueRequest, NodeStatus
from node.clock import system_clock, system_draw
from node.errors import BusyError
from node.found import Founding, found_institution
from tests.end_to_end.learner import ACHIEVEMENTS
from tests.end_to_end.test_backup import ACHIEVEMENT, DIPLOMA, csv_of
from tests.end_to_end.town import Neighbour, eventually
from tests.end_to_end.world import free_port
from tests.node.governors import GOVERNORS

SMALL_FILE_BYTES = 96 * 1024


def lonely_school(directory: Path) -> Neighbour:
    """A school without a network: its high-water file alone guards it."""
    http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    founding = Founding(
        name="Granite Hollow High",
        kind=Institution.SCHOOL,
        origin="granite.example/log",
        root_keys=(GOVERNORS[0].public,),
        http_url=f"http://{http}",
        grpc_address=grpc,
        http_listen=http,
        grpc_listen=grpc,
        interval_ms=0,
    )
    log_id = found_institution(directory, founding, system_clock, system_draw).log_id
    return Neighbour("granite", directory, (GOVERNORS[0],), log_id, grpc, f"http://{http}")


async def status_of(school: Neighbour) -> NodeStatus:
    async with school.desk() as desk:
        return await desk.status()


async def is_open(school: Neighbour) -> bool:
    try:
        return (await status_of(school)).is_waiting_for == ""
    except CairnError:
        return False


def healthz(school: Neighbour) -> dict[str, object]:
    with urllib.request.urlopen(f"{school.http}/healthz", timeout=30) as answer:
        value: dict[str, object] = json.load(answer)
        return value


async def test_files_that_may_not_grow_lose_nothing(tmp_path: Path) -> None:
    """No file may grow any more: what was acknowledged stands, and all goes on when files may grow again."""
    school = lonely_school(tmp_path / "granite")
    await school.start()
    try:
        await eventually(lambda: is_open(school))
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
            await desk.issue(IssueRequest(data=csv_of(range(3)), achievement=ACHIEVEMENT))
            await desk.cut()
        assert school.process is not None
        resource.prlimit(school.process.pid, resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, resource.RLIM_INFINITY))
        acknowledged = []
        async with school.desk() as desk:
            with pytest.raises(CairnError):
                for _ in range(100):
                    acknowledged += (await desk.cut()).indexes
        status = await status_of(school)
        assert any("cannot be written" in str(finding) for finding in status.findings), "it says so"
        resource.prlimit(school.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await eventually(lambda: is_open(school))
        async with school.desk() as desk:
            state = (await desk.held_log()).state
            assert state.size > max(acknowledged, default=4)
            await desk.issue(IssueRequest(data=csv_of(range(4)), achievement=ACHIEVEMENT))
            assert not any("cannot be written" in str(finding) for finding in (await desk.status()).findings)
            indexes = (await desk.cut()).indexes
            state = (await desk.held_log()).state
            assert state.void == {}
            assert state.size == indexes[-1] + 1
            views = await desk.list_awards()
        assert [view.index is not None for view in views] == [True] * 4
    finally:
        await school.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 64 MiB, where this account may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


async def test_a_disk_that_fills_up_is_noticed_before_it_is_full(small_disk: Path) -> None:
    """The node refuses while there is still a reserve, awards wait in the database, and nothing has to be restarted."""
    school = lonely_school(small_disk / "granite")
    await school.start()
    try:
        await eventually(lambda: is_open(school))
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
            await desk.cut()
        free = os.statvfs(small_disk)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 8 * 1024 * 1024))
        process = school.process
        async with school.desk() as desk:
            # The database still has room in the reserve: what is acknowledged now is durable, and waits.
            await desk.issue(IssueRequest(data=csv_of(range(3)), achievement=ACHIEVEMENT))
            with pytest.raises(BusyError, match=r"the disk of .* is full: \d MiB are free, 16 MiB are needed"):
                await desk.cut()
        status = await status_of(school)
        assert status.size == 5
        assert status.waiting_copies == 3
        assert any("is full" in str(finding) for finding in status.findings)
        assert healthz(school)["waiting"] != ""
        ballast.unlink()
        async with school.desk() as desk:
            assert (await desk.cut()).copies == 3
        assert school.process is process and process is not None and process.returncode is None
        assert healthz(school)["waiting"] == ""
        assert (await status_of(school)).size == 8
    finally:
        await school.stop()
