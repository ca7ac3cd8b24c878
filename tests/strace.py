"""strace, attached to a process that waits: faults at chosen system calls, and a record of what was written.

The process under test is forked from a zygote (`tests.tracee`) that has imported everything, says that it is ready, waits for
a byte, does one piece of work, and tells what was acknowledged to it over a socket. Calls are counted from the moment strace
is attached, so the numbers of one run fit the next.
"""

import contextlib
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 60
WRITE_CALLS = (
    *("write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate"),
    *("openat", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat"),
)
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")


@dataclass(frozen=True)
class Fault:
    """What happens at the `number`-th call, from 1, of one kind in each thread."""

    call: str
    number: int
    kind: str
    """EIO, ENOSPC or KILL."""

    def __str__(self) -> str:
        return f"{self.kind} at {self.call} {self.number}"

    @property
    def options(self) -> list[str]:
        effect = "signal=KILL" if self.kind == "KILL" else f"error={self.kind}"
        # strace injects nothing, and says nothing, where the call is not traced too.
        return ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{effect}:when={self.number}"]


@dataclass(frozen=True)
class Outcome:
    """What a traced process told, in lines, and strace's lines about it."""

    told: tuple[str, ...]
    trace: tuple[str, ...]

    @property
    def is_hit(self) -> bool:
        """Whether the fault was met at all."""
        return any("INJECTED" in line or "killed by SIGKILL" in line for line in self.trace)


@cache
def why_not() -> str:
    """Why strace cannot be used here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder, zygote(Path(folder)) as tracee:
        try:
            tracee.run("nothing", Path(folder), ["-e", "trace=write"])
        except PermissionError as error:
            return f"strace may not attach to processes here: {error}"
    return ""


def skip_without_strace() -> None:
    reason = why_not()
    if reason:
        pytest.skip(reason)


class Zygote:
    """Forks a process for each run. Use `zygote`."""

    def __init__(self, process: "subprocess.Popen[bytes]", listener: socket.socket, folder: Path) -> None:
        self._process = process
        self._listener = listener
        self._folder = folder

    def run(
        self,
        task: str,
        directory: Path,
        options: Sequence[str] = (),
        *,
        before: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Do a task of `tests.tracee` in a process of its own, under strace with these options.

        Args:
            task: a function of `tests.tracee`.
            directory: what it works on.
            options: of strace.
            before: called when the process is ready and waits.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task} {directory}\n".encode())
        self._process.stdin.flush()
        connection, _ = self._listener.accept()
        connection.settimeout(DEADLINE_SECONDS)
        with connection, connection.makefile("r") as lines:
            word, pid = lines.readline().split()
            assert word == "ready"
            trace = self._folder / f"trace.{pid}"
            command = ["strace", "-f", "-o", str(trace), "-p", pid, *options]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
                try:
                    _await_attachment(strace)
                    before()
                    connection.sendall(b"g")
                    told = []
                    # A process that is killed resets nothing: a socket of a pair just ends.
                    with contextlib.suppress(ConnectionResetError):
                        told = [line.rstrip("\n") for line in lines]
                    strace.wait(DEADLINE_SECONDS)
                finally:
                    strace.kill()
                    connection.close()
            return Outcome(tuple(told), tuple(trace.read_text(errors="replace").splitlines()))


@contextmanager
def zygote(folder: Path) -> Iterator[Zygote]:
    """Start the zygote; `folder` gets its socket and the traces."""
    # A path of a Unix socket has at most 107 bytes, and pytest's folders are deep.
    with (
        tempfile.TemporaryDirectory() as short,
        socket.socket(socket.AF_UNIX) as listener,
        socket_at(listener, f"{short}/s"),
        subprocess.Popen(
            [sys.executable, "-m", "tests.tracee", f"{short}/s"], cwd=ROOT, stdin=subprocess.PIPE
        ) as process,
    ):
        try:
            yield Zygote(process, listener, folder)
        finally:
            process.kill()


@contextmanager
def socket_at(listener: socket.socket, path: str) -> Iterator[None]:
    listener.bind(path)
    listener.listen()
    listener.settimeout(DEADLINE_SECONDS)
    yield


def _await_attachment(strace: "subprocess.Popen[bytes]") -> None:
    assert strace.stderr is not None
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(strace.stderr, selectors.EVENT_READ)
        while b"attached" not in said:
            assert selector.select(DEADLINE_SECONDS), "strace does not attach"
            piece = os.read(strace.stderr.fileno(), 4096)
            said += piece
            if not piece:
                raise PermissionError(said.decode(errors="replace").strip())


def count_calls(trace: Sequence[str], within: Sequence[Path]) -> dict[str, int]:
    """How often each call that writes was made by the thread that made it most often, as faults are counted.

    Openings count only where something below `within` was opened for writing, or a directory to be synced.
    """
    counts: dict[tuple[str, str], int] = {}
    highest: dict[str, int] = {}
    for line in trace:
        match = _CALL.match(line)
        if match is None or match[2] not in WRITE_CALLS:
            continue
        thread, call, arguments = match.groups()
        number = counts[thread, call] = counts.get((thread, call), 0) + 1
        if call == "openat" and not _is_for_writing(arguments, within):
            continue
        highest[call] = max(number, highest.get(call, 0))
    return highest


def _is_for_writing(arguments: str, within: Sequence[Path]) -> bool:
    is_ours = any(f'"{folder}' in arguments for folder in within)
    return is_ours and any(flag in arguments for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_DIRECTORY"))


def faults_of(trace: Sequence[str], within: Sequence[Path], kinds: Sequence[str]) -> list[Fault]:
    """Every fault to be tried on work that left this trace."""
    counts = count_calls(trace, within)
    return [Fault(call, n, kind) for call in sorted(counts) for n in range(1, counts[call] + 1) for kind in kinds]
