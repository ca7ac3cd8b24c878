"""An audit that goes on where the last one stopped: the same report, read from the growth alone; nothing forged counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.finding import Rule, Severity
from ledger.log.governance import MemberOp
from ledger.log.identity import encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from tests.simulator import seeded
from tests.wallet_cli.shown import write_replica
from tests.wallet_cli.world import World
from wallet_cli.audit import AuditOptions, audit_replica
from wallet_cli.audit_report import AuditReport
from wallet_cli.audit_state import AuditState

KEY = b"\x21" * 32


class Auditor:
    def __init__(self, folder: Path) -> None:
        self.world = World()
        self.world.cut()
        self.folder = folder
        self.replica = folder / "replica"

    def audit(self, *, key: bytes | None = KEY, **options: object) -> AuditReport:
        # Under this account's key, or writing more of it would check all of it first.
        write_replica(self.world, self.replica, KEY)
        state = None if key is None else AuditState(self.folder / "state", key)
        return audit_replica(self.replica, self.world.trust, AuditOptions(state=state, **options))  # type: ignore[arg-type]

    def school(self, report: AuditReport) -> int:
        return next(log.kept for log in report.logs if log.log == self.world.school.log_id)


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    return Auditor(tmp_path)


def without_kept(report: AuditReport) -> AuditReport:
    return replace(report, logs=tuple(replace(log, kept=0) for log in report.logs))


def test_resumed_reports_are_those_from_zero(auditor: Auditor) -> None:
    """Findings of the first audit are still told, also those that only a later entry brings about."""
    auditor.world.school.issue(key=auditor.world.school.role_signers[Role.DEFINE])
    auditor.world.cut()
    assert auditor.school(auditor.audit()) == 0
    size = auditor.world.school.size
    for change in ("growth", "compromise", "suspension"):
        if change == "compromise":
            auditor.world.school.compromise(auditor.world.school.role_signers[Role.OPERATE], 2)
        if change == "suspension":
            auditor.world.network.member(auditor.world.school, MemberOp.SUSPEND)
        auditor.world.cut()
        resumed, whole = auditor.audit(), auditor.audit(key=None)
        assert (auditor.school(resumed), auditor.school(whole)) == (size, 0)
        assert without_kept(resumed) == whole
        size = auditor.world.school.size
    assert any(finding.severity is Severity.VOID for finding in resumed.findings)


def test_what_was_checked_is_not_read_again(auditor: Auditor) -> None:
    """A body damaged since is not looked at with the state, and is found without it."""
    auditor.audit()
    body = min((auditor.replica / encode_log_id(auditor.world.network.log_id) / "body").iterdir())
    body.write_bytes(b"\0" * body.stat().st_size)
    auditor.world.cut()
    assert [f for f in auditor.audit().findings if f.severity is Severity.BROKEN] == []
    assert [f.rule for f in auditor.audit(key=None).findings if f.severity is Severity.BROKEN] == [Rule.REPLAY]


def test_a_file_damaged_since_is_a_finding_where_it_is_needed_again(auditor: Auditor) -> None:
    """A compromise makes every entry be looked at again; the others' findings are told all the same."""
    auditor.audit()
    folder = auditor.replica / encode_log_id(auditor.world.school.log_id)
    (folder / "body/1").write_bytes(b"\0")
    auditor.world.school.compromise(auditor.world.school.role_signers[Role.OPERATE], 2)
    auditor.world.cut()
    broken = [f for f in auditor.audit().findings if f.severity is Severity.BROKEN]
    assert [(f.log, f.rule) for f in broken] == [(auditor.world.school.log_id, Rule.REPLAY)]
    assert str(folder / "body/1") in broken[0].text


@pytest.mark.parametrize("harm", ["key", "byte", "cut", "other log"])
def test_what_this_account_did_not_write_is_not_believed(auditor: Auditor, harm: str) -> None:
    """The log is replayed from zero, and the report is right."""
    auditor.audit(key=b"\x66" * 32 if harm == "key" else KEY)
    path = auditor.folder / "state" / encode_log_id(auditor.world.school.log_id)
    data = path.read_bytes()
    if harm == "byte":
        path.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    elif harm == "cut":
        path.write_bytes(data[:20])
    elif harm == "other log":
        path.write_bytes((path.parent / encode_log_id(auditor.world.other.log_id)).read_bytes())
    report = auditor.audit()
    assert auditor.school(report) == 0
    assert without_kept(report) == auditor.audit(key=None)


def test_a_rewritten_log_is_told_with_the_roots(auditor: Auditor, tmp_path: Path) -> None:
    """What the last audit folded must be the beginning of what is held now; the new history is replayed all the same."""
    before = auditor.world.school.copy()
    before.state = auditor.world.school.state.copy()
    auditor.world.school.issue()
    auditor.world.cut()
    auditor.audit()
    auditor.world.school = before
    auditor.world.school.publish("granite/instead")
    auditor.world.school.sign([auditor.world.network, auditor.world.other])
    auditor.replica = tmp_path / "other"
    (found,) = [f for f in auditor.audit().findings if f.rule is Rule.GROWTH]
    assert found.severity is Severity.BROKEN and "in your last audit: it was rewound" in found.text
    assert "root" in found.evidence


def test_an_anchor_in_a_members_log_is_held_against_the_log_it_names(auditor: Auditor) -> None:
    """A member's log records the network's head; another tree there is evidence against the network's writer."""
    world = auditor.world
    fake = Checkpoint(world.network.state.charter.origin, 3, RootHash(seeded("another tree")))
    world.school.anchor([sign_checkpoint(fake, world.network.log_signer)])
    world.school.sign([world.network, world.other])
    (found,) = [f for f in auditor.audit().findings if f.severity is Severity.BROKEN]
    assert (found.log, found.index, found.rule) == (world.network.log_id, 2, Rule.ANCHOR)
    assert "of Granite anchors another tree than the one held" in found.text and "held" in found.evidence


def test_a_note_nobody_signed_is_no_evidence_against_a_log(auditor: Auditor) -> None:
    """Whoever writes an anchor can put anything into it: it is told about the log it stands in."""
    world = auditor.world
    fake = Checkpoint(world.network.state.charter.origin, 3, RootHash(seeded("another tree")))
    world.school.anchor([sign_checkpoint(fake, SigningKey(seeded("stranger"))), b"no note"])
    world.school.sign([world.network, world.other])
    found = [f for f in auditor.audit().findings if f.rule is Rule.ANCHOR]
    assert {(f.log, f.severity) for f in found} == {(world.school.log_id, Severity.NOTICE)} and len(found) == 2


def test_a_head_ahead_is_looked_at_again(auditor: Auditor) -> None:
    """What names more than is held is told now, and checked when the rest has come."""
    world = auditor.world
    later = world.network.copy()
    later.state = world.network.state.copy()
    later.publish("confluence/policy")
    assert later.note is not None
    world.school.anchor([later.note])
    index = world.school.size - 1
    world.school.sign([world.network, world.other])
    (found,) = [f for f in auditor.audit().findings if f.rule is Rule.ANCHOR]
    assert found.index == index and "are held" in found.text
    world.network = later
    world.cut()
    assert [f for f in auditor.audit().findings if f.rule is Rule.ANCHOR] == []
