"""A writer with two histories, both with a quorum: nobody takes the second, everybody hears, verifiers are told.

Real nodes follow simulated ones: the honest replicas serve one history, an accomplice serves another that the same log
key signed and the same witnesses cosigned.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ledger.credential.report import Answer, Code
from ledger.log.charter import Institution
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.follow import judge_growth
from ledger.log.governance import MemberOp, Rights
from ledger.log.policy import encode_trust_root
from ledger.log.snapshot import encode_state
from node.web.app import build_app
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.world import Campus, found, until
from tests.ledger.credential.award import seeded
from tests.ledger.log import networks
from tests.ledger.log.test_reports import report
from tests.node.web.served import ServedNode, serve
from tests.simulator import NOW, SLOTS, SimulatedLog, found_network, trust_of
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show
from tests.wallet_cli.world import World
from wallet_cli import verify
from wallet_cli.audit import AuditReport, audit_replica
from wallet_cli.main import run
from wallet_cli.replica import Replica
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.sync import sync_replica
from wallet_cli.sync_report import SyncReport


class Besieged(World):
    """The wallet tests' network, with everybody reached at one address."""

    def __init__(self, grpc: str) -> None:
        self.now = NOW
        self.network, (self.school, self.other) = found_network("granite", "lantern", grpc=grpc)
        self.trust = trust_of(self.network)
        self.draw = seeded("besieged")
        self.slots = 0
        self.statuses = {}
        self.cut()


class Siege:
    """The network, the two simulated servers, and what learners show from before and after the fork."""

    def __init__(self, honest: HostilePeer, accomplice: HostilePeer) -> None:
        self.honest = honest
        self.accomplice = accomplice
        self.world = Besieged(honest.address)
        self.below = show(self.world)
        self.fork_size = self.world.school.size
        self.branch = self.world.school.copy()
        self.branch.counter += 1000
        self.above = show(self.world)
        self._write_branch()
        self.serve_honestly()

    def _write_branch(self) -> None:
        """The other history: another batch and another page, with as many cosignatures as the first."""
        self.branch.anchor()
        self.branch.issue()
        self.branch.status(bytes(SLOTS))
        self.branch.sign([self.world.network, self.world.other], NOW // 1000)

    def serve_honestly(self) -> None:
        logs = (self.world.network, self.world.school, self.world.other)
        self.honest.logs = {log.log_id: served(log) for log in logs}

    def serve_branch(self) -> None:
        self.accomplice.logs = {self.branch.log_id: served(self.branch)}


def served(log: SimulatedLog) -> Served:
    assert log.note is not None
    return Served(log.log_id, list(log.entries), list(log.bodies), log.note)


@asynccontextmanager
async def siege() -> AsyncIterator[Siege]:
    async with serving(HostilePeer()) as honest, serving(HostilePeer()) as accomplice:
        yield Siege(honest, accomplice)


def holdings(campus: Campus, log: SimulatedLog) -> tuple[object, ...]:
    held = campus.node.ledger.log(log.log_id)
    assert held is not None
    return encode_state(held.state), held.entries(0, held.size), [held.body(i) for i in range(held.size)], held.note


def evidence(campus: Campus, log: SimulatedLog) -> tuple[bytes, ...]:
    held = campus.node.ledger.log(log.log_id)
    return () if held is None else tuple(held.evidence())


class Office:
    """An admissions office: a light replica, and what `cairn verify` says there."""

    def __init__(self, made: Siege, folder: Path) -> None:
        self.made = made
        self.folder = folder
        folder.mkdir()
        self.replica = folder / "replica"
        (folder / "trust.json").write_bytes(encode_trust_root(made.world.trust))
        (folder / "below.cairn").write_bytes(made.below)
        (folder / "above.cairn").write_bytes(made.above)

    async def sync(self, campus: Campus) -> SyncReport:
        """Fetch what this node serves over HTTP."""
        node = campus.node
        async with serve(build_app(ServedNode(node.ledger, node.log_id, node.trust))) as url:
            with ReplicaWriter(self.replica) as writer:
                return await sync_replica(writer, self.made.world.trust, [url])

    def judge(self, data: bytes) -> tuple[Code, Answer]:
        """The code, and the answer to step 8."""
        report = verify.verify_file(data, Replica(self.replica), self.made.world.trust, AUDIENCE, NONCE, NOW + DAY)
        (credential,) = report.credentials
        return credential.code, next(step.answer for step in credential.steps if step.number == 8)

    def command(self, name: str) -> int:
        options = ["--trust", self.folder / "trust.json", "--replica", self.replica, "--vault", self.folder / "vault"]
        return run(["verify", *map(str, [self.folder / name, *options])])

    def audit(self) -> AuditReport:
        return audit_replica(self.replica, self.made.world.trust)


async def test_two_histories_with_a_quorum_each(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of the second is stored; evidence goes round; verification doubts what stands above the fork alone."""
    monkeypatch.setattr("wallet_cli.clock.system_clock", lambda: NOW + DAY)
    async with siege() as made:
        school = made.world.school
        judge_growth(None, made.branch.entries, made.branch.bodies, made.branch.note or b"")
        # Only the first is told where the accomplice is; the others can hear of it from the first alone.
        first = found(tmp_path, "first", Institution.COLLEGE, peers=(made.honest.address, made.accomplice.address))
        others = [
            found(tmp_path, name, Institution.COLLEGE, peers=(made.honest.address, first.address))
            for name in ("second", "third")
        ]
        everybody = (first, *others)
        office = Office(made, tmp_path / "office")
        try:
            for campus in everybody:
                await campus.start()
                campus.join(made.world.trust)
            logs = (school, made.world.network, made.world.other)
            await until(lambda: all(campus.holds(log.log_id, log.size) for campus in everybody for log in logs))
            assert (await office.sync(others[0])).is_complete
            assert (office.judge(made.below), office.judge(made.above)) == ((Code.VALID, Answer.YES),) * 2
            before = [holdings(campus, school) for campus in everybody]

            made.serve_branch()
            await until(lambda: all(evidence(campus, school) for campus in everybody))

            assert [holdings(campus, school) for campus in everybody] == before
            for campus in everybody:
                held = campus.node.ledger.log(school.log_id)
                assert held is not None
                fork = verify_fork(parse_fork(evidence(campus, school)[0]), [held.state.verifier_key_at(1)])
                assert fork.common == made.fork_size
            told = [record for record in caplog.records if "two histories" in record.getMessage()]
            assert {record.levelname for record in told} == {"ERROR"}
            assert {record.__dict__["common"] for record in told} == {made.fork_size}

            kept = evidence(others[1], school)
            await others[1].stop()
            await others[1].start()
            assert evidence(others[1], school) == kept

            report = await office.sync(others[0])
            assert sum(log.forks for log in report.logs) == 1
            assert office.judge(made.below) == (Code.VALID, Answer.YES)
            assert office.judge(made.above) == (Code.FORKED_LOG, Answer.COULD_NOT_CHECK)
            assert (office.command("below.cairn"), office.command("above.cairn")) == (0, 3)
            assert "FORKED_LOG" in capsys.readouterr().out
            findings = [finding for finding in office.audit().findings if finding.log == school.log_id]
            forks = [(f.severity.value, f.index) for f in findings if "two histories" in f.text]
            assert forks == [("broken", made.fork_size)]
            assert office.audit().exit_code == 1

            # The network decides: a boundary above the fork names the branch that counts.
            world = made.world
            world.network.member(school, MemberOp.AMEND, Rights(achievements=("*",)))
            world.network.sign([school, world.other], NOW // 1000)
            made.serve_honestly()
            await until(lambda: others[0].holds(world.network.log_id, world.network.size))
            await office.sync(others[0])
            assert office.judge(made.above) == (Code.VALID, Answer.YES)
        finally:
            for campus in everybody:
                await campus.stop()


async def test_what_a_log_reports_reaches_a_node_that_never_saw_the_second_history(tmp_path: Path) -> None:
    """The proof stands on the log of a third institution alone; nobody serves it as evidence, nobody serves the branch."""
    async with siege() as made:
        world = made.world
        piece = networks.evidence(world.school, made.branch, made.fork_size)
        report(world.other, [b"worthless", piece])
        world.other.sign([world.network, world.school], NOW // 1000)
        made.serve_honestly()
        campus = found(tmp_path, "first", Institution.COLLEGE, peers=(made.honest.address,))
        try:
            await campus.start()
            campus.join(world.trust)
            await until(lambda: evidence(campus, world.school))
            (kept,) = evidence(campus, world.school)
            held = campus.node.ledger.log(world.school.log_id)
            assert held is not None
            assert verify_fork(parse_fork(kept), held.state.verifier_keys()).common == made.fork_size
        finally:
            await campus.stop()
