"""The stage of the demonstration: a temporary folder, real commands run in it, real node processes, and what they show.

Every command is printed as a person would type it, then run as a process of its own; what it says is printed below. A
command that does not end as expected stops the demonstration with exit code 1.
"""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

EXAMPLES = Path(__file__).resolve().parent
MODULES = {"cairn-node": "node.main", "cairn": "wallet_cli.main"}
COMMAND_SECONDS = 90
START_SECONDS = 30
SETTLE_SECONDS = 40
POLL_SECONDS = 0.2
PORTS = (10_000, 32_768)


Item = TypeVar("Item")
Result = TypeVar("Result")


class Surprise(Exception):
    """Something did not come out as the demonstration expects."""


class Stage:
    """One performance. Use `close` at the end, whatever happened.

    Args:
        examples: folder with `sample`, `achievements` and `awards`; a test plays on another one.
    """

    def __init__(self, examples: Path = EXAMPLES) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cairn-demo-"))
        (self.folder / "examples").symlink_to(examples)
        (self.folder / "home").mkdir()
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands = 0
        self._began = time.monotonic()
        self._taken: list[socket.socket] = []
        # Nothing is written outside the folder: neither ~/.cairn nor ~/.local/state.
        self.environment = {
            **os.environ,
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home" / "state"),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def say(self, text: str = "") -> None:
        """Print a line of our own."""
        print(text, flush=True)

    def scene(self, number: int, title: str) -> None:
        """Begin the next part."""
        self.say(f"\n\n{number}. {title}\n" + "-" * (len(title) + len(str(number)) + 2))

    def run(self, *words: str, expect: int = 0, contains: Sequence[str] = (), quiet: bool = False) -> str:
        """Run one command and return what it says on stdout.

        Args:
            words: the command as typed.
            expect: its exit code.
            contains: what its stdout must contain.
            quiet: print the command, and of what it says only the errors.

        Raises:
            Surprise: it ends otherwise, or says something else.
        """
        self.say(f"\n$ {_typed(words)}")
        done = self._process(words)
        shown = done.stdout if not quiet else ""
        if done.returncode != expect:
            shown = done.stdout + done.stderr
        elif expect != 0:
            shown += "".join(line for line in done.stderr.splitlines(True) if not line.startswith("next:"))
        for line in shown.splitlines():
            self.say(f"    {line}")
        if expect != 0 or done.returncode != expect:
            self.say(f"    (exit code {done.returncode})")
        if done.returncode != expect:
            raise Surprise(f"{_typed(words)}: exit code {done.returncode}, expected {expect}")
        for text in contains:
            if text not in done.stdout:
                raise Surprise(f"{_typed(words)}: did not say {text!r}")
        self.commands += 1
        return done.stdout

    def ask(self, *words: str) -> Any:  # Any: the command's JSON
        """Run one command with --json, unseen, and return what it answers, whatever its exit code."""
        done = self._process((*words, "--json"))
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Surprise(f"{_typed(words)} --json: {done.stderr.strip() or 'no JSON'}") from error

    def each(self, act: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Do the same for each, one after the other; a stage without an audience may do it for all at once."""
        return [act(item) for item in items]

    def start_node(self, name: str) -> str:
        """Start `cairn-node run NAME`, wait until it says that it is running, and return what it says."""
        self.say(f"\n$ cairn-node run {name} &")
        log = self.folder / f"{name}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [*_program("cairn-node"), "run", name],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.nodes[name] = process
        assert process.stdout is not None, "a pipe was asked for"
        os.set_blocking(process.stdout.fileno(), False)
        said = b""
        end = time.monotonic() + START_SECONDS
        while not said.endswith(b"\n"):
            if process.poll() is not None or time.monotonic() > end:
                raise Surprise(f"node {name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            said += process.stdout.read() or b""
            time.sleep(POLL_SECONDS / 4)
        process.stdout.close()
        self.say(f"    {said.decode().rstrip()}")
        return said.decode().rstrip()

    def stop_node(self, name: str) -> None:
        """End a node without warning, as a fire would."""
        process = self.nodes.pop(name)
        self.say(f"\n$ kill -9 {process.pid}        # the node of {name}")
        process.kill()
        process.wait()

    def settle(self, *names: str) -> None:
        """Wait until every witness has cosigned the newest checkpoint of each node."""
        end = time.monotonic() + SETTLE_SECONDS
        for name in names:
            self.say(
                f"\n$ cairn-node status {name} --json        # until all witnesses have cosigned its newest checkpoint"
            )
            while True:
                status = self.ask("cairn-node", "status", name)
                head = status["head"]
                if head["has_quorum"] and head["size"] == status["size"] and head["cosignatures"] == head["witnesses"]:
                    self.say(f"    size {head['size']}, {head['cosignatures']} of {head['witnesses']} witnesses")
                    break
                if time.monotonic() > end:
                    raise Surprise(f"node {name}: not cosigned by all within {SETTLE_SECONDS} seconds: {status}")
                time.sleep(POLL_SECONDS)

    def free_port(self) -> int:
        """A port of this computer that nobody uses now; held until `release_ports`."""
        while True:
            # Below what the system gives to connections, so that none of them takes the port before the node does.
            port = random.SystemRandom().randrange(*PORTS)
            with contextlib.suppress(OSError):
                self._taken.append(socket.create_server(("127.0.0.1", port)))
                return port

    def release_ports(self) -> None:
        """Let the nodes have the ports."""
        for taken in self._taken:
            taken.close()
        self._taken.clear()

    def close(self, *, keep: bool) -> None:
        """End every node and remove the folder; with `keep` leave both as they are."""
        self.release_ports()
        if keep:
            return
        for process in self.nodes.values():
            process.terminate()
        for process in self.nodes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _process(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*_program(words[0]), *words[1:]],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=COMMAND_SECONDS,
            check=False,
        )


def _program(name: str) -> list[str]:
    """The installed command, or the module behind it where the project is not installed."""
    script = Path(sys.executable).with_name(name)
    return [str(script)] if script.is_file() else [sys.executable, "-m", MODULES[name]]


def _typed(words: Sequence[str]) -> str:
    return " ".join(f"'{word}'" if any(c in word for c in " *?&;") else word for word in words)
