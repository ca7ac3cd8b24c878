"""`cairn monitor`: every event once, alarms told from news, and what stands in one's own log and is not one's own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import base64url
from ledger.log.charter import Role
from ledger.log.entry import Entry, parse_entry
from ledger.log.governance import MemberOp
from tests.node.web.served import serve_logs
from tests.simulator import NOW
from tests.wallet_cli.shown import write_replica
from tests.wallet_cli.world import Background, World, background, write_trust
from wallet_cli.main import run
from wallet_cli.monitor import Event, Monitor, Watched

KEY = b"\x21" * 32


@pytest.fixture
def servers() -> "object":
    with background() as servers:
        yield servers


class Watch:
    """A monitor over a network whose node is served anew whenever the world has moved on."""

    def __init__(self, folder: Path, servers: Background) -> None:
        self.world = World()
        self.folder = folder
        self.servers = servers
        self.stores = 0
        self.own = self.command = ""

    def serve(self) -> str:
        self.stores += 1
        logs = [self.world.network, self.world.school, self.world.other]
        return str(self.servers.start(serve_logs(self.folder / f"store{self.stores}", logs)))

    def look(self, now: int = NOW + 1000, nodes: tuple[str, ...] | None = None) -> list[Event]:
        watched = Watched(
            folder=self.folder / "watch",
            trust=self.world.trust,
            nodes=(self.serve(),) if nodes is None else nodes,
            key=KEY,
            own=self.own,
            own_command=self.command,
            own_log="granite.example/log" if self.own or self.command else "",
        )
        return Monitor(watched).look(now)


@pytest.fixture
def watch(tmp_path: Path, servers: Background) -> Watch:
    return Watch(tmp_path, servers)


def kinds(events: list[Event]) -> list[str]:
    return sorted({event.kind.value for event in events})


def test_growth_is_told_each_round_and_findings_once(watch: Watch) -> None:
    """A void entry is an alarm, once; the next rounds tell what is new alone."""
    first = watch.look()
    grown = [event for event in first if event.kind == "growth"]
    assert len(grown) == 3 and not any(event.is_alarm for event in first)
    assert watch.look() == []
    watch.world.school.issue(key=watch.world.school.role_signers[Role.DEFINE])
    watch.world.cut()
    events = watch.look()
    (alarm,) = [event for event in events if event.is_alarm]
    assert alarm.kind == "finding" and "issue entry is void" in alarm.text and "leaf hash" in alarm.text
    assert watch.look() == []


def test_a_node_that_serves_less_than_it_did_is_a_rewind(watch: Watch) -> None:
    """The replica keeps what it has, and somebody is told."""
    old = watch.serve()
    before = watch.look(nodes=(old,))
    assert "rewind" not in kinds(before)
    told = watch.folder / "watch" / "told.json"
    value = json.loads(told.read_text())
    value["served"] = {key: size + 5 for key, size in value["served"].items()}
    told.write_text(json.dumps(value))
    events = [event for event in watch.look(nodes=(old,)) if event.kind == "rewind"]
    assert len(events) == 3 and all(event.is_alarm and "it served" in event.text for event in events)


def test_silence_of_the_network_is_told_until_it_ends(watch: Watch) -> None:
    watch.look()
    late = NOW + 40 * 86_400_000
    assert kinds(watch.look(late)) == ["stale"]
    assert watch.look(late) == []
    assert watch.look(NOW) == []
    assert kinds(watch.look(late)) == ["stale"]


def test_nodes_that_do_not_answer_are_told_and_end_nothing(watch: Watch) -> None:
    watch.look()
    (event,) = watch.look(nodes=("http://127.0.0.1:9",))
    assert event.kind == "unreachable" and not event.is_alarm
    assert watch.look() == []


def digest(entry: Entry) -> str:
    return base64url.encode(hashlib.sha256(entry.statement_bytes).digest())


def own_ids(watch: Watch) -> str:
    path = watch.folder / "ids"
    ids = [base64url.encode(parse_entry(raw).statement.id) for raw in watch.world.school.entries]
    path.write_text("\n".join(ids) + "\n")
    return str(path)


@pytest.mark.parametrize("source", ["file", "folder", "node"])
def test_what_was_issued_in_my_name_and_not_by_me(watch: Watch, source: str) -> None:
    """A thief of the key writes an entry that every rule allows; only the school knows that it is not its own."""
    if source == "file":
        watch.own = own_ids(watch)
    else:
        mine = write_replica(watch.world, watch.folder / "mine", KEY)
        watch.own = str(mine) if source == "folder" else watch.serve()
    assert {"decision", "growth"} <= set(kinds(watch.look())) <= {"decision", "growth", "finding"}
    stolen = watch.world.school.issue().index
    watch.world.school.sign([watch.world.network, watch.world.other])
    foreign = [event for event in watch.look() if event.kind == "foreign"]
    assert [f"entry {stolen} (issue)" in event.text and event.is_alarm for event in foreign] == [True]
    assert watch.look() == []


def test_my_own_database_is_asked_after_each_fetch(watch: Watch) -> None:
    """A thief that reuses a statement id is found by its bytes; what the governors signed is told to be recognised."""
    school = watch.world.school
    lines = [f"{base64url.encode(e.statement.id)} {digest(e)}" for e in map(parse_entry, school.entries[1:])]
    waiting = school.new_id()
    mine = watch.folder / "mine"
    mine.write_text("\n".join([*lines, f"{base64url.encode(waiting)} {base64url.encode(bytes(32))}"]) + "\n")
    watch.command = f"cat {mine}"
    assert "foreign" not in kinds(watch.look())
    school.counter -= 1
    stolen = school.issue().index
    rotated = school.add_key(school.key("second"), Role.ISSUE).index
    school.sign([watch.world.network, watch.world.other])
    events = [event for event in watch.look() if event.kind in ("foreign", "decision")]
    assert [(event.kind.value, event.is_alarm) for event in events] == [("foreign", True), ("decision", False)]
    assert f"entry {stolen} (issue)" in events[0].text and f"entry {rotated} (key)" in events[1].text
    assert watch.look() == []


@pytest.mark.parametrize("command", ["/nothing/here", "false", "echo not-an-id", "echo 'unbalanced"])
def test_a_database_that_does_not_answer_is_told_and_asked_again(watch: Watch, command: str) -> None:
    watch.command = command
    assert "could not compare" in next(event.text for event in watch.look() if event.kind == "unreachable")
    watch.command = "true"
    assert "foreign" in kinds(watch.look())


def test_what_the_network_decides_about_me_is_told(watch: Watch) -> None:
    watch.own = own_ids(watch)
    watch.look()
    watch.world.network.member(watch.world.school, MemberOp.SUSPEND)
    watch.world.network.sign([watch.world.school, watch.world.other])
    (event,) = [event for event in watch.look() if event.kind == "decision"]
    assert "suspend" in event.text


def test_the_command_calls_the_hook(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """One round: lines on stdout, the same events as JSON for the hook, and the exit code of an alarm."""
    watch.world.school.issue(key=watch.world.school.role_signers[Role.DEFINE])
    watch.world.cut()
    trust, heard = write_trust(watch.world, watch.folder / "trust.json"), watch.folder / "heard"
    hook = watch.folder / "hook"
    hook.write_text(f"#!/bin/sh\ncat > {heard}\n")
    hook.chmod(0o755)
    options = [
        "--trust",
        trust,
        "--node",
        watch.serve(),
        "--state",
        watch.folder / "watch",
        "--vault",
        watch.folder / "v",
    ]
    words = ["monitor", *map(str, options), "--once"]
    assert run([*words, "--hook", str(hook)]) == 1
    assert "ALARM finding: Granite: void: entry" in capsys.readouterr().out
    assert {event["kind"] for event in json.loads(heard.read_text())["events"]} >= {"growth", "finding"}
    assert run([*words, "--own", "ids"]) == 2
    # Told once; later only STALE, by this computer's clock, could be new.
    assert run([*words, "--hook", "/nothing/here"]) == 0


def test_it_stops_when_told(watch: Watch) -> None:
    """SIGTERM ends the wait between two rounds at once, with the exit code of what was seen."""
    trust = write_trust(watch.world, watch.folder / "trust.json")
    options = [
        "--trust",
        trust,
        "--node",
        watch.serve(),
        "--state",
        watch.folder / "watch",
        "--vault",
        watch.folder / "v",
    ]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("cairn")), "monitor", *map(str, options), "--interval", "3600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        assert "growth" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, "stopped" in error) == (0, True)
