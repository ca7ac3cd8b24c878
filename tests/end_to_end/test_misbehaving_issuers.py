"""Issuers that may not do what they do: their logs are replicated all the same, verification and audit say what is wrong.

Real nodes follow a simulated network; light replicas are fetched from them over HTTP. What stands inside a credential
(which achievement, signed by which key) is for those it is shown to; what stands on the log is for the audit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.credential.report import Answer, Code
from ledger.log.charter import Institution, Role
from ledger.log.governance import MemberOp, Rights
from ledger.log.keys import PublicKey, SigningKey
from node.web.app import build_app
from tests.end_to_end.hostile import HostilePeer, Served, serving
from tests.end_to_end.world import found, until
from tests.ledger.credential.award import seeded
from tests.node.web.served import ServedNode, serve
from tests.simulator import NOW, SimulatedLog, found_network, trust_of
from tests.wallet_cli.shown import AUDIENCE, DAY, NONCE, show
from tests.wallet_cli.world import World
from wallet_cli import verify
from wallet_cli.audit import audit_replica
from wallet_cli.replica import Replica
from wallet_cli.replica_writer import ReplicaWriter
from wallet_cli.sync import sync_replica


class Unruly(World):
    """The wallet tests' network; the school's credentials and batches may be signed by other keys than they should."""

    def __init__(self, grpc: str) -> None:
        self.now = NOW
        self.network, (self.school, self.other) = found_network("granite", "lantern", grpc=grpc)
        self.trust = trust_of(self.network)
        self.draw = seeded("unruly")
        self.slots = 0
        self.statuses = {}
        self.credential_key: SigningKey | None = None
        self.batch_key: SigningKey | None = None
        self.cut()

    def mint(self, holder: PublicKey | None, *, key: SigningKey | None = None, **changes: object) -> str:
        return super().mint(holder, key=key or self.credential_key, **changes)

    def cut(self, *commitments: bytes) -> int:
        if self.batch_key is None:
            return super().cut(*commitments)
        self.school.anchor()
        index = self.school.issue(commitments, key=self.batch_key).index
        self.school.status(bytes(1024))
        self.cosign()
        return index

    def cosign(self) -> None:
        self.school.sign([self.network, self.other], NOW // 1000)
        self.network.anchor([log.note for log in (self.school, self.other) if log.note])
        self.network.sign([self.school, self.other], NOW // 1000)

    def role(self, role: Role) -> SigningKey:
        return self.school.role_signers[role]

    def replace_key(self, role: Role) -> None:
        """A new key takes over, so that the school can go on honestly."""
        fresh = self.school.key("fresh", role)
        self.school.add_key(fresh, role)
        self.school.role_signers[role] = fresh


def with_other_rights(world: Unruly) -> None:
    world.network.member(world.school, MemberOp.AMEND, Rights(achievements=("urn:example:pottery",)))


def suspended(world: Unruly) -> None:
    world.network.member(world.school, MemberOp.SUSPEND)


def removed(world: Unruly) -> None:
    world.network.member(world.school, MemberOp.REMOVE)


def credential_by_wrong_role(world: Unruly) -> None:
    world.credential_key = world.role(Role.ISSUE)


def credential_by_retired(world: Unruly) -> None:
    world.credential_key = world.role(Role.REGISTER)
    world.school.retire(world.credential_key)
    world.replace_key(Role.REGISTER)


def credential_by_compromised(world: Unruly) -> None:
    world.credential_key = world.role(Role.REGISTER)
    world.school.compromise(world.credential_key, world.school.size)
    world.replace_key(Role.REGISTER)


def batch_by_wrong_role(world: Unruly) -> None:
    world.batch_key = world.role(Role.REGISTER)


def batch_by_retired(world: Unruly) -> None:
    world.batch_key = world.role(Role.OPERATE)
    world.school.retire(world.batch_key)
    world.replace_key(Role.OPERATE)


def batch_by_compromised(world: Unruly) -> None:
    world.batch_key = world.role(Role.OPERATE)
    world.school.compromise(world.batch_key, world.school.size)
    world.replace_key(Role.OPERATE)


@dataclass(frozen=True)
class Case:
    """What an issuer does, the code that follows, the step that says no, and the words of audit and step."""

    misbehave: Callable[[Unruly], None]
    code: Code
    step: int
    said: str
    found: str = ""

    def __str__(self) -> str:
        return self.misbehave.__name__


CASES = [
    Case(with_other_rights, Code.ISSUER_NOT_AUTHORISED, 9, "without the right to issue"),
    Case(
        suspended,
        Code.ISSUER_NOT_AUTHORISED,
        9,
        "it was suspended from entry",
        "batch issued although it was suspended",
    ),
    Case(removed, Code.ISSUER_NOT_AUTHORISED, 9, "it was removed from entry", "batch issued although it was removed"),
    Case(credential_by_wrong_role, Code.ISSUER_NOT_AUTHORISED, 10, "a key with another role"),
    Case(credential_by_retired, Code.ISSUER_NOT_AUTHORISED, 10, "retired before that position"),
    Case(credential_by_compromised, Code.KEY_COMPROMISED, 10, "compromised from an earlier position on"),
    Case(batch_by_wrong_role, Code.ISSUER_NOT_AUTHORISED, 6, "a key with another role", "a key with another role"),
    Case(batch_by_retired, Code.ISSUER_NOT_AUTHORISED, 6, "retired before that", "retired before that position"),
    Case(batch_by_compromised, Code.KEY_COMPROMISED, 6, "compromised from", "compromised from an earlier position on"),
]


def serve_all(peer: HostilePeer, *logs: SimulatedLog) -> None:
    for log in logs:
        assert log.note is not None
        peer.logs[log.log_id] = Served(log.log_id, list(log.entries), list(log.bodies), log.note)


def judge(world: Unruly, replica: Path, data: bytes) -> tuple[Code, dict[int, tuple[Answer, str]]]:
    report = verify.verify_file(data, Replica(replica), world.trust, AUDIENCE, NONCE, NOW + DAY)
    (credential,) = report.credentials
    return credential.code, {step.number: (step.answer, step.detail) for step in credential.steps}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_replicated_refused_and_listed(tmp_path: Path, case: Case) -> None:
    """Everybody goes on following; what was issued before stays good; what was issued against the rules does not count."""
    async with serving(HostilePeer()) as peer:
        world = Unruly(peer.address)
        school = world.school
        good = show(world)
        case.misbehave(world)
        at = school.size
        bad = show(world)
        world.cosign()
        # The school comes to its senses: what follows a fault is followed too.
        world.batch_key = world.credential_key = None
        world.cut()
        serve_all(peer, world.network, school, world.other)
        observer = found(tmp_path, "observer", Institution.COLLEGE, peers=(peer.address,))
        replica = tmp_path / "replica"
        try:
            await observer.start()
            observer.join(world.trust)
            for log in (world.network, school, world.other):
                await until(lambda log=log: observer.holds(log.log_id, log.size))  # type: ignore[misc]
            assert observer.node.followers.reports()[0].refused == {}
            node = observer.node
            async with serve(build_app(ServedNode(node.ledger, node.log_id, node.trust))) as url:
                with ReplicaWriter(replica) as writer:
                    report = await sync_replica(writer, world.trust, [url], history=True)
            assert report.is_complete, report.to_lines()
        finally:
            await observer.stop()

        code, steps = judge(world, replica, bad)
        assert (code, steps[case.step][0]) == (case.code, Answer.NO)
        assert case.said in steps[case.step][1]
        assert {steps[step][0] for step in range(1, 6)} == {Answer.YES}
        assert judge(world, replica, good)[0] is Code.VALID

        listed = [finding for finding in audit_replica(replica, world.trust).findings if finding.log == school.log_id]
        assert any(case.found in finding.text for finding in listed) if case.found else listed == [], listed
        assert all(finding.index is not None and finding.index >= at for finding in listed), listed
