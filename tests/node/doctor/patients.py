"""Nodes to be looked at: their directories founded for real, and what an examination knows of them."""

import time
from dataclasses import replace
from pathlib import Path

from node.account import is_owner
from node.client.held import read_held
from node.clock import Clock, system_clock
from node.doctor.check import Check, Outcome, Topic
from node.doctor.patient import Patient
from node.home import open_home
from tests.end_to_end.world import Campus


def now() -> int:
    return time.time_ns() // 1_000_000


def patient_of(campus: Campus, *networks: Campus, clock: Clock = system_clock, **changes: object) -> Patient:
    """A running campus; its own log is read from the store that its node has open."""
    home = open_home(campus.directory)
    made = Patient(
        home=home,
        is_running=True,
        is_own_account=is_owner(campus.directory),
        clock=clock,
        own=read_held(campus.log),
        networks=tuple(read_held(network.log) for network in networks),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # each test names real fields


def change_config(directory: Path, **lines: str) -> None:
    """Set keys of a node.toml."""
    path = directory / "node.toml"
    text = path.read_text()
    for key, value in lines.items():
        text = "\n".join(f"{key} = {value}" if line.startswith(f"{key} = ") else line for line in text.split("\n"))
    path.write_text(text)


def outcomes(checks: "list[Check] | tuple[Check, ...]") -> dict[Topic, set[Outcome]]:
    found: dict[Topic, set[Outcome]] = {}
    for check in checks:
        found.setdefault(check.topic, set()).add(check.outcome)
    return found


def check_words(checks: "list[Check] | tuple[Check, ...]") -> None:
    """What every check promises: one sentence without full stop, and a remedy wherever something is not ok."""
    for check in checks:
        assert check.what and not check.what.endswith(".") and "\n" not in check.what
        assert bool(check.do) == (check.outcome is not Outcome.OK), check
