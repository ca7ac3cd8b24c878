"""Plays pages from top to bottom: one folder, real nodes on free loopback ports, every line typed on a terminal."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import node.main
from examples.network import PASSPHRASE
from examples.stage import Stage
from tests.docs.pages import Stop, Typed, Wait, compare, fill, read_steps
from tests.docs.terminal import Seen, clean, type_line

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = ((r"passphrase[^:]*: $", PASSPHRASE), (r"the same again: $", PASSPHRASE), (r"\[y/N\]:? $", "y"))
"""What is typed where the cursor waits behind these words."""

_NODE = re.compile(r"cairn-node run ([a-z]+) 2> \1\.log &")
_STOP = re.compile(r"kill %\?([a-z]+)")
_STOP_SECONDS = 30
_ADDRESS = re.compile(r"127\.0\.0\.1:(84[0-9]{2})\b")
_SETTING_UP = re.compile(r"export PATH=|mkdir -p /tmp/my-network && cp -r examples ")


class QuietStage(Stage):
    """A stage without an audience: nothing is printed, and its own commands run inside this process, which is quicker.

    Nodes are processes as ever, and so are the lines of a page; this prepares what the pages find.
    """

    def say(self, text: str = "") -> None:
        """Say nothing."""

    def _process(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        command, *arguments = words
        assert command == "cairn-node", "nothing else prepares a page"
        out, err = io.StringIO(), io.StringIO()
        with chdir(self.folder), patch.dict(os.environ, self.environment), redirect_stdout(out), redirect_stderr(err):
            code = node.main.run(arguments)
        return subprocess.CompletedProcess(list(words), code, out.getvalue(), err.getvalue())


class Rehearsal:
    """One folder in which pages are played, in order; what a page leaves is there for the next."""

    def __init__(self, stage: Stage, addresses: dict[str, str] | None = None) -> None:
        """Play on a stage whose nodes stand at `addresses`, by the port that the pages name."""
        self.stage = stage
        self.addresses = dict(addresses or {})
        self.known: dict[str, str] = {}

    def play(self, page: Path) -> Iterator[tuple[Typed, Seen, str]]:
        """Play a page; gives each line typed, what was seen, and what is wrong with that (nothing, if all is well)."""
        # Every page is read by somebody else, at a computer of their own.
        home = self.stage.folder / "home" / page.stem
        home.mkdir(exist_ok=True)
        environment = reader_environment(self.stage, home)
        last, is_told = 0, True
        for step in read_steps(page):
            if isinstance(step, Wait):
                self.stage.settle(*step.names)
                continue
            if isinstance(step, Stop):
                for name in step.names:
                    self.stage.stop_node(name)
                continue
            if step.page == "README.md" and _SETTING_UP.match(step.line):
                # The rehearsal has a folder and a PATH of its own.
                continue
            asks_code = step.line == "echo $?"
            if not is_told and not asks_code:
                yield step, Seen(last, ()), f"the line before ended with exit code {last}, which the page does not tell"
            seen = Seen(0, (str(last),)) if asks_code else self._type(step.line, environment)
            last, is_told = seen.exit_code, seen.exit_code == 0 or asks_code
            wrong = compare(tuple(map(self._at_home, step.shown)), seen.lines, self.known)
            yield step, seen, wrong

    def _type(self, line: str, environment: dict[str, str]) -> Seen:
        line = fill(self._at_home(line), self.known)
        started = _NODE.fullmatch(line)
        if started:
            self.stage.release_ports()
            return Seen(0, clean(self.stage.start_node(started[1])))
        stopped = _STOP.fullmatch(line)
        if stopped:
            # The job of another shell to this one; the node gets the same signal.
            process = self.stage.nodes.pop(stopped[1])
            process.terminate()
            process.wait(_STOP_SECONDS)
            return Seen(0, ())
        return type_line(line, self.stage.folder, environment, ANSWERS)

    def _at_home(self, text: str) -> str:
        """Put free ports of this computer in the place of those that the page names."""
        return _ADDRESS.sub(lambda found: f"127.0.0.1:{self._port(found[1])}", text)

    def _port(self, named: str) -> str:
        if named not in self.addresses:
            self.addresses[named] = str(self.stage.free_port())
        return self.addresses[named]


def reader_environment(stage: Stage, home: Path) -> dict[str, str]:
    """What a reader's shell has: our commands on its path, and a home of its own."""
    tools = str(Path(sys.executable).parent)
    return {**stage.environment, "HOME": str(home), "PATH": f"{tools}:{stage.environment['PATH']}"}


def complaint(typed: Typed, seen: Seen, problem: str) -> str:
    """What is wrong with one line of a page, with all that was on the screen."""
    screen = "\n".join(seen.lines)
    return (
        f"{typed.page}:{typed.number}: $ {typed.line}\n{problem}\nexit code {seen.exit_code}, on the screen:\n{screen}"
    )
