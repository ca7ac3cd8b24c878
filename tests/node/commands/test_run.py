"""`cairn-node run`: what it writes on stderr, in which form, and how it ends where it cannot begin."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.commands.cli import ROOT, START_SECONDS, Shell


def start(directory: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "node.main", "run", str(directory), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(directory.parent / "state"), "PYTHONUNBUFFERED": "1"},
    )


def school(shell: Shell) -> Path:
    return shell.found("granite", "school", "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")


@pytest.mark.parametrize(("options", "is_json"), [((), False), (("--log-format", "json"), True)])
def test_lines_are_in_the_form_that_was_asked(shell: Shell, options: tuple[str, ...], is_json: bool) -> None:
    """The option wins over node.toml, and every line is an event with a name."""
    with start(school(shell), *options) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("running: ")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 0, errors
    lines = errors.splitlines()
    assert len(lines) >= 3
    if is_json:
        events = [json.loads(line) for line in lines]
        assert {"serving", "listening", "stopped"} <= {event["message"] for event in events}
        assert all({"time", "level", "logger", "message"} <= event.keys() for event in events)
    else:
        assert all(line.startswith("time=") for line in lines)


def test_another_form_is_refused(shell: Shell) -> None:
    said = shell("run", school(shell), "--log-format", "xml")
    assert (said.code, "'xml' is not one of" in said.err) == (2, True)


def test_what_goes_wrong_in_a_task_is_told_in_words(shell: Shell) -> None:
    """A group that does not exist comes to light only when the socket is made: one line and a hint, no traceback."""
    directory = school(shell)
    text = (directory / "node.toml").read_text()
    (directory / "node.toml").write_text(text.replace('registrar_group = ""', 'registrar_group = "no-such-group"'))
    with start(directory) as process:
        _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1
    assert "cannot be given to group no-such-group" in errors
    assert "cairn-node: hint: registrar_group in node.toml must name a group" in errors
    assert "Traceback" not in errors
