"""`cairn audit`: every log replayed from zero, over HTTP or from a folder, and what it says about each fault."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.log.charter import Role
from ledger.log.finding import Severity
from ledger.log.follow import judge_growth
from ledger.log.identity import encode_log_id
from tests.ledger.log.samples import amend
from tests.node.web.served import serve_logs
from tests.simulator import SimulatedLog, trust_of
from tests.wallet_cli.shown import write_replica
from tests.wallet_cli.world import World, write_trust
from wallet_cli.audit import AuditOptions, audit_replica
from wallet_cli.audit_report import AuditReport, load_report, read_report
from wallet_cli.main import run
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.sync import sync_replica
from wallet_cli.verify import NotHeldError


@pytest.fixture
def world() -> World:
    world = World()
    world.cut()
    return world


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def audit(world: World, folder: Path, **options: object) -> AuditReport:
    return audit_replica(write_replica(world, folder), world.trust, AuditOptions(**options))  # type: ignore[arg-type]


def test_a_good_network_is_clean(world: World, tmp_path: Path) -> None:
    """All logs replay; batches left out of a light replica are counted."""
    report = audit(world, tmp_path / "replica")
    assert (report.is_clean, report.exit_code) == (True, 0)
    logs = {log.name: (log.size, log.missing) for log in report.logs}
    assert logs == {
        "Confluence": (world.network.size, 0),
        "Granite": (world.school.size, 2),
        "Lantern": (world.other.size, 0),
    }
    assert report.logs[0].name == "Confluence"


def test_processes_find_the_same(world: World, tmp_path: Path) -> None:
    """Replaying in two processes gives the same report as in one."""
    assert audit(world, tmp_path / "replica", workers=2) == audit(world, tmp_path / "replica")


async def test_over_http_nothing_is_missing(world: World, tmp_path: Path, stack: AsyncExitStack) -> None:
    """With the history fetched, every body is held and its items counted."""
    logs = [world.network, world.school, world.other]
    url = await stack.enter_async_context(serve_logs(tmp_path / "store", logs))
    with ReplicaWriter(tmp_path / "replica") as writer:
        await sync_replica(writer, world.trust, [url], history=True)
    report = audit_replica(tmp_path / "replica", world.trust)
    assert [log.missing for log in report.logs] == [0, 0, 0]
    assert report.logs[1].items > 2 * 4


def test_a_void_entry_is_a_finding(world: World, tmp_path: Path) -> None:
    """A batch signed with a key of the wrong role is replicated, and listed."""
    index = world.school.issue(key=world.school.role_signers[Role.DEFINE]).index
    world.school.sign([world.network, world.other])
    report = audit(world, tmp_path / "replica")
    voids = [finding for finding in report.findings if finding.severity is Severity.VOID]
    assert ([finding.index for finding in voids], report.exit_code) == ([index], 1)


def test_a_state_somebody_else_computed_is_not_believed(world: World, tmp_path: Path) -> None:
    """A dump whose head file claims another state is replayed from its entries all the same."""
    world.school.issue(key=world.school.role_signers[Role.DEFINE])
    world.school.sign([world.network, world.other])
    forged = world.school.copy()
    forged.state = world.school.state.copy()
    forged.state.void.clear()
    folder = write_replica(world, tmp_path / "replica")
    with ReplicaWriter(folder) as writer:
        log = world.school
        assert log.note is not None
        growth = judge_growth(None, log.entries, log.bodies, log.note)
        writer.commit(replace(growth, state=forged.state, start=0), log.note, {})
    assert audit_replica(folder, world.trust).exit_code == 1


def test_a_log_that_does_not_replay_is_broken(world: World, tmp_path: Path) -> None:
    """A damaged file is a finding about that log, and the others are audited."""
    folder = write_replica(world, tmp_path / "replica")
    path = folder / encode_log_id(world.school.log_id) / f"tile/entries/000.p/{world.school.size}"
    path.write_bytes(path.read_bytes()[:-1])
    report = audit_replica(folder, world.trust)
    broken = [finding for finding in report.findings if finding.severity is Severity.BROKEN]
    assert [finding.log for finding in broken] == [world.school.log_id]
    assert str(path) in broken[0].text
    assert broken[0].text.startswith("Granite (granite.example/log) does not replay: ")
    assert {log.name for log in report.logs} == {"Confluence", "Lantern"}


def test_a_network_log_that_does_not_replay_is_broken(world: World, tmp_path: Path) -> None:
    """The finding names the damaged file; the other logs are replayed all the same."""
    folder = write_replica(world, tmp_path / "replica")
    path = folder / encode_log_id(world.network.log_id) / f"tile/entries/000.p/{world.network.size}"
    path.write_bytes(path.read_bytes()[:-1])
    report = audit_replica(folder, world.trust)
    assert report.exit_code == 1
    assert [(finding.log, str(path) in finding.text) for finding in report.findings] == [(world.network.log_id, True)]
    assert report.findings[0].text.startswith("Confluence (confluence.example/log) does not replay: ")
    assert {log.name for log in report.logs} == {"Granite", "Lantern"}


def test_without_the_networks_log_a_broken_one_has_no_name(world: World, tmp_path: Path) -> None:
    """Its own word about its name is worth nothing, and nobody else's can be read."""
    folder = write_replica(world, tmp_path / "replica")
    for log in (world.network, world.school):
        path = folder / encode_log_id(log.log_id) / f"tile/entries/000.p/{log.size}"
        path.write_bytes(path.read_bytes()[:-1])
    texts = [finding.text for finding in audit_replica(folder, world.trust).findings]
    assert sorted(text.partition("does not replay")[0] for text in texts) == [
        "",
        "Confluence (confluence.example/log) ",
    ]


def test_since_an_earlier_report(world: World, tmp_path: Path) -> None:
    """What was there must still be there: growth is fine, a rewritten or rewound log is broken."""
    earlier = read_report(json.dumps(audit(world, tmp_path / "replica").to_json()).encode())
    world.cut()
    assert audit(world, tmp_path / "replica", since=earlier).is_clean
    rewritten = [replace(log, root=bytes(32)) for log in earlier]
    assert len(broken(audit(world, tmp_path / "replica", since=rewritten))) == 3
    longer = [replace(log, size=log.size + 1000) for log in earlier]
    assert len(broken(audit(world, tmp_path / "replica", since=longer))) == 3
    gone = [replace(earlier[0], log=SimulatedLog("gone").log_id)]
    assert len(broken(audit(world, tmp_path / "replica", since=gone))) == 1


def broken(report: AuditReport) -> list[str]:
    return [finding.text for finding in report.findings if finding.severity is Severity.BROKEN]


def test_another_network_cannot_be_audited(world: World, tmp_path: Path) -> None:
    """Without the network of the trust root there is nothing to audit."""
    with pytest.raises(NotHeldError, match="is not in it"):
        audit_replica(write_replica(world, tmp_path / "replica"), trust_of(SimulatedLog("elsewhere")))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"v": 2, "logs": []}', b'{"v": 1, "logs": [{}]}', b"\xff"])
def test_a_report_that_cannot_be_read(data: bytes) -> None:
    """What `--report` did not write is refused."""
    with pytest.raises(MalformedError, match="audit report"):
        read_report(data)


@pytest.mark.parametrize("size", ["Infinity", "1e999", "-1", "4.5", "true", '"4"', "null"])
def test_a_report_with_a_size_that_counts_nothing(world: World, tmp_path: Path, size: str) -> None:
    value: Any = json.loads(json.dumps(audit(world, tmp_path / "replica").to_json()))
    value["logs"][0]["size"] = "SIZE"
    data = json.dumps(value).replace('"SIZE"', size)
    with pytest.raises(MalformedError, match="audit report"):
        read_report(data.encode())


def test_the_command_on_a_dump(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words on stdout, the report in a file that the next audit reads, and no overwriting."""
    folder, trust = write_replica(world, tmp_path / "replica"), write_trust(world, tmp_path / "trust.json")
    report = tmp_path / "report.json"
    arguments = ["audit", "--trust", str(trust), "--dump", str(folder), "--report", str(report)]
    assert run(arguments) == 0
    assert "clean: every log replays from zero" in capsys.readouterr().out
    assert len(load_report(report)) == 3
    assert run(arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert run([*arguments, "--force", "--since", str(report), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clean"] is True


def test_a_member_that_takes_another_members_name_is_told_from_it(world: World, tmp_path: Path) -> None:
    """Headings say what the network calls a log; its own charter says what it likes."""
    amend(world.other, name="Granite")
    report = audit(world, tmp_path / "replica")
    assert [log.name for log in report.logs] == ["Confluence", "Granite", "Lantern (calls itself Granite)"]
