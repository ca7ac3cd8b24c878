"""`cairn-node doctor` as it is typed: on a stopped node, a running one, a broken one, and none at all."""

import json
import shutil
from pathlib import Path

import pytest

from node.commands import doctor
from node.doctor.check import Topic
from tests.node.commands.cli import Said, Shell, running

PORTS = ("--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0")


def checks(said: Said) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in json.loads(said.out)["checks"]:
        found.setdefault(check["topic"], []).append(check["outcome"])
    return found


def test_a_stopped_node(shell: Shell) -> None:
    """Everything that needs no running node is looked at; the rest says so. Nothing is changed by looking."""
    directory = shell.found("granite", "school", *PORTS)
    before = sorted(path.name for path in directory.iterdir())
    said = shell("doctor", directory)
    assert said.code == 1
    assert "ok               configuration: node.toml is good" in said.out
    assert "ok               ledger store: opens; granite.example/log has 1 entry" in said.out
    assert "could not check  addresses: " in said.out
    assert f"do:  cairn-node join {directory} --trust FILE" in said.out
    assert said.err == "next: do what is said above, problems first; then doctor again\n"
    # The lock that keeps a second process away stays, as after every command.
    assert sorted(path.name for path in directory.iterdir() if path.name != "node.lock") == before
    told = checks(shell("doctor", directory, "--json"))
    assert list(told) == [topic.value for topic in Topic]


def test_a_running_node(shell: Shell) -> None:
    """Its stores are open in another process, and it is asked instead."""
    directory = shell.found("granite", "school", *PORTS)
    with running(directory, shell.folder / "state"):
        told = checks(shell("doctor", directory, "--json"))
    for topic in ("configuration", "keys", "ledger store", "registrar's database", "disk", "ports"):
        assert set(told[topic]) == {"ok"}, topic


def test_a_node_toml_that_cannot_be_read(shell: Shell) -> None:
    """One problem, and why nothing else was looked at."""
    directory = shell.found("granite", "school", *PORTS)
    (directory / "node.toml").write_text('name = "x"\nhttp_lisen = "127.0.0.1:1"\n')
    said = shell("doctor", directory)
    assert said.code == 1
    assert "http_lisen: no such key" in said.out and "do:  did you mean http_listen?" in said.out
    assert said.out.count("could not check") == len(Topic) - 1


def test_a_damaged_store_and_lost_keys(shell: Shell) -> None:
    """What one check finds keeps no other from looking."""
    directory = shell.found("granite", "school", *PORTS)
    shutil.rmtree(directory / "ledger")
    (directory / "ledger").write_text("no directory")
    shutil.rmtree(directory / "keys")
    told = checks(shell("doctor", directory, "--json"))
    assert told["ledger store"] == ["problem"]
    assert told["keys"] == ["problem"]
    assert told["peers"] == ["could not check"]
    assert "ok" in told["disk"]


def test_no_node_at_all(shell: Shell, tmp_path: Path) -> None:
    said = shell("doctor", tmp_path)
    assert said.code == 1
    assert "no node is here" in said.out


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["ok"], 0),
        (["ok", "could not check"], 3),
        (["could not check", "warning"], 1),
        (["problem", "could not check"], 1),
    ],
)
def test_exit_codes(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcomes: list[str], code: int
) -> None:
    """0 all is well, 1 something should be done, 3 nothing is known to be wrong but not all could be looked at."""
    from node.doctor.check import Check, Outcome

    async def examine(directory: Path, clock: object) -> tuple[Check, ...]:
        return tuple(Check(Topic.DISK, Outcome(outcome), "x") for outcome in outcomes)

    monkeypatch.setattr("node.doctor.examination.examine", examine)
    said = shell("doctor", tmp_path)
    assert (said.code, said.err.startswith("next: ")) == (code, True)
    assert doctor.command.name == "doctor"
