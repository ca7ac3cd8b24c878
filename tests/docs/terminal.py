"""A terminal for the pages under test: types a command line into bash, answers what is asked, returns what is seen."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS = 60
# rich asks the environment for both, and a dumb terminal draws no moving bars.
SCREEN = {"TERM": "dumb", "COLUMNS": "300", "LINES": "50", "NO_COLOR": "1"}
# What a table on a terminal has around its words.
_RULE = re.compile(r"[─━\s]+")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a command line left: its exit code and the lines on the screen, in order, spaces collapsed."""

    exit_code: int
    lines: tuple[str, ...]


def type_line(line: str, folder: Path, environment: Mapping[str, str], answers: Sequence[tuple[str, str]]) -> Seen:
    """Run one line in bash on a terminal of its own.

    Args:
        line: the command line as typed.
        folder: where.
        environment: complete.
        answers: pairs of a pattern for the line the cursor stands in, and what is then typed.
    """
    master, slave = pty.openpty()
    variables = {**environment, **SCREEN}
    try:
        process = subprocess.Popen(
            ["bash", "-c", line],
            cwd=folder,
            env=variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # Without a session of its own the passphrase would be asked for on the terminal of whoever runs the tests.
            start_new_session=True,
        )
    finally:
        os.close(slave)
    try:
        screen = _watch(master, process, answers, line)
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
        process.wait()
    return Seen(process.returncode, clean(screen))


def clean(screen: str) -> tuple[str, ...]:
    """The lines of a screen with spaces collapsed, without control sequences, ruled lines and empty lines."""
    lines = _CONTROL.sub("", screen).replace("\r\n", "\n").split("\n")
    return tuple(" ".join(line.split()) for line in lines if not _RULE.fullmatch(line) and line)


def _watch(master: int, process: "subprocess.Popen[bytes]", answers: Sequence[tuple[str, str]], line: str) -> str:
    end = time.monotonic() + COMMAND_SECONDS
    screen, answered = "", 0
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError(f"{line}: not done after {COMMAND_SECONDS} seconds; on the screen:\n{screen}")
        ready, _, _ = select.select([master], [], [], min(left, 1.0))
        if not ready:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            # Linux answers EIO once nobody holds the other end.
            data = b""
        if not data:
            process.wait(timeout=max(1.0, left))
            return screen
        screen += data.decode("utf-8", "replace")
        prompt = screen[answered:].rsplit("\n", 1)[-1]
        for pattern, answer in answers:
            if re.search(pattern, prompt):
                answered = len(screen)
                os.write(master, answer.encode() + b"\n")
                break
