"""Whatever stops the writer, what was acknowledged is there afterwards, once."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from node.errors import BusyError
from tests.node.school import School, check_log, found_school, running


@pytest.fixture
async def school(tmp_path: Path) -> AsyncIterator[School]:
    school = found_school(tmp_path / "granite")
    yield school
    school.store.close()


class Crash(Exception):
    """What the injected pause raises in place of a power cut."""


@pytest.mark.parametrize("point", ["before-commit", "after-commit"])
async def test_a_crash_at_every_point_loses_nothing_acknowledged(school: School, point: str) -> None:
    acknowledged: list[int] = []
    for number in range(1, 6):

        def pause(reached: str) -> None:
            if reached == point:
                raise Crash(reached)

        async with running(school.sequencer()) as sequencer:
            acknowledged += await sequencer.append([school.issue(10 * number)])
        async with running(school.sequencer(pause)) as sequencer:
            with pytest.raises(BusyError, match="it is not known whether this was written"):
                await sequencer.append([school.issue(10 * number + 1)])
            with pytest.raises(BusyError, match="start the node again"):
                await sequencer.append([school.issue(10 * number + 2)])
        school.kill()
        school.resume()
        async with running(school.sequencer()) as sequencer:
            # Asking again under the same id neither loses it nor writes it twice.
            acknowledged += await sequencer.append([school.issue(10 * number + 1)])

    assert acknowledged == list(range(1, 11))
    assert school.log.size == 11
    check_log(school)


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from ledger.errors import CairnError
from tests.node.school import open_school

school = open_school(Path(sys.argv[1]))

async def main():
    sequencer = school.sequencer()
    sequencer.start()
    await sequencer.append([school.issue(1)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    for number in range(2, 6):
        try:
            print(number, await sequencer.append([school.issue(number)]))
        except CairnError as error:
            print(number, error)
    await sequencer.close()

asyncio.run(main())
"""


async def test_a_full_disk_stops_the_writer_and_loses_nothing(school: School) -> None:
    school.store.close()
    root = Path(__file__).parents[2]

    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(school.directory)], cwd=root, capture_output=True, text=True, timeout=60
    )
    school.resume()

    assert ended.returncode == 0, ended.stderr
    assert "cannot write" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("5 log: nothing is written: the last write failed")
    acknowledged = 1 + sum("[" in line for line in ended.stdout.splitlines())
    assert school.log.size >= 1 + acknowledged
    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(number) for number in range(1, 6)]) == [1, 2, 3, 4, 5]
    check_log(school)
