"""What is traced: `python -m tests.tracee SOCKET` forks a process for each line "TASK DIRECTORY" on its input.

The fork opens what the task works on, tells "ready PID", waits for a byte, works, and tells in lines what was acknowledged to
it. It tells over the socket (`sendto`), which no fault is put on.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import RootHash
from node import durable
from node.highwater import HighWater
from node.sequencer import Sequencer
from tests.node.school import School, open_school

STATE = "state"
"""Folder of the high-water file, beside the institution's."""
SCHOOL = "granite"


class Line:
    """The line to the test."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def tell(self, *words: object) -> None:
        self._socket.send((" ".join(map(str, words)) + "\n").encode())

    def wait(self) -> None:
        self.tell("ready", os.getpid())
        assert self._socket.recv(1) == b"g"


def use_one_thread() -> None:
    """Faults are counted for each thread, so the work must not move between them from run to run."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))


def nothing(line: Line, directory: Path) -> None:
    line.wait()


@asynccontextmanager
async def writing(school: School, directory: Path) -> AsyncIterator[Sequencer]:
    """A sequencer that raises the high-water file before it answers, as a running node's does."""
    mark = HighWater(directory / STATE, school.log.state.log_id)

    def reached(point: str) -> None:
        if point == "after-commit":
            mark.raise_to(school.log.size)

    sequencer = school.sequencer(reached)
    sequencer.start()
    yield sequencer
    await sequencer.close()


def commit(line: Line, directory: Path) -> None:
    """Append one statement; then the same again, another, and what a witness remembers, whatever came of the first."""

    _commit(line, directory, waits_before_opening=False)


def start(line: Line, directory: Path) -> None:
    """The same with the opening of the store."""
    _commit(line, directory, waits_before_opening=True)


def _commit(line: Line, directory: Path, *, waits_before_opening: bool) -> None:
    async def work() -> None:
        use_one_thread()
        if waits_before_opening:
            line.wait()
        school = open_school(directory / SCHOOL)
        async with writing(school, directory) as sequencer:
            if not waits_before_opening:
                line.wait()
            for number in (2, 2, 3):
                try:
                    (index,) = await sequencer.append([school.issue(number)])
                except CairnError:
                    line.tell("refused", number)
                else:
                    size, root = head_of(school)
                    line.tell("entry", number, index, size, root)
            size, root = head_of(school)
            try:
                school.log.set_cosigned(size, RootHash(bytes.fromhex(root)))
            except CairnError:
                line.tell("refused", "cosigning")
            else:
                line.tell("cosigned", size, root)
        school.kill()

    asyncio.run(work())


def head_of(school: School) -> tuple[int, str]:
    checkpoint = read_checkpoint(school.log.note)
    return checkpoint.size, checkpoint.root.hex()


def files(line: Line, directory: Path) -> None:
    """Raise the high-water file, make a key file, and replace a configuration."""
    mark = HighWater(directory / STATE, LogId(bytes(32)))
    line.wait()
    steps: list[tuple[str, Callable[[], None]]] = [
        (f"mark {encode_log_id(LogId(bytes(32)))}", lambda: mark.raise_to(8)),
        ("key", lambda: durable.create_file(directory / "new.key", b"secret" * 200)),
        ("config", lambda: durable.replace_file(directory / "node.toml", b"new" * 500)),
    ]
    for name, step in steps:
        try:
            step()
        except OSError:
            line.tell("refused", name)
        else:
            line.tell("done", name)


def main() -> None:
    from tests.node.registrar.outbox_tracee import outbox

    tasks = {task.__name__: task for task in (nothing, commit, start, files, outbox)}
    for text in sys.stdin:
        name, _, directory = text.rstrip("\n").partition(" ")
        if os.fork() == 0:
            os.close(0)
            line = Line(sys.argv[1])
            try:
                tasks[name](line, Path(directory))
            except BaseException as error:
                line.tell("crashed", repr(error))
            # No clean-up of what the zygote had opened.
            os._exit(0)
        # Those that ended before; the last ones go with the zygote.
        reap()


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
