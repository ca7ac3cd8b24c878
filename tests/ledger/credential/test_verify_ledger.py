"""Steps 6-8: receipt, heads and forks of a credential whose signature is good, one row for each way to be refused."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.credential.presentation import encode_presentation
from ledger.credential.report import Answer, Code, CredentialReport, Verdict
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.governance import MemberOp, Rights
from ledger.log.identity import LogId
from ledger.log.merkle import RootHash
from ledger.log.policy import QuorumRule
from ledger.log.receipt import Receipt
from ledger.log.records import Issue
from tests.ledger.credential.verifying import Minted, World
from tests.ledger.log import networks
from tests.ledger.log.samples import add, fresh_key, restate
from tests.simulator import NOW, SimulatedLog, seeded

Make = Callable[[World], Minted]


def not_committed(world: World) -> Minted:
    one = world.mint()
    world.cut()
    return one


def receipt_of_another(world: World) -> Minted:
    one, other = world.mint(), world.mint()
    world.cut(one, other)
    return replace(one, receipt=other.receipt)


def receipt_of_another_log(world: World) -> Minted:
    """Lantern committed what Granite signed."""
    one = world.mint()
    world.cut(one, log=world.lantern)
    return one


def moved(**change: Any) -> Make:
    def make(world: World) -> Minted:
        one = world.good()
        assert one.receipt is not None
        return replace(one, receipt=replace(one.receipt, **change))

    return make


def in_void_batch(world: World) -> Minted:
    """The batch was signed by a key that may not."""
    one = world.mint()
    world.batch(world.granite, [one], world.granite.role_signers[Role.DEFINE])
    world.page(world.granite)
    world.confirm()
    return one


def in_small_batch(world: World) -> Minted:
    """A batch of another size than the charter promises."""
    one = world.mint()
    log = world.granite
    statement = Issue(**log.header(), reference=describe_body("issue", [one.commitment]))  # type: ignore[arg-type]
    entry = log.append(statement, [log.role_signers[Role.OPERATE]], [one.commitment])
    one.receipt = Receipt(log.log_id, entry.index, 0, ())
    world.page(log)
    world.confirm()
    return one


def by_stolen_operate_key(world: World) -> Minted:
    """The thief of the operate key goes on after the theft was told."""
    operate = world.granite.role_signers[Role.OPERATE]
    world.granite.compromise(operate, world.granite.size)
    one = world.mint()
    world.batch(world.granite, [one], operate)
    world.confirm()
    return one


def in_stolen_batch(world: World) -> Minted:
    one = world.good()
    assert one.receipt is not None
    operate = world.granite.role_signers[Role.OPERATE]
    world.granite.compromise(operate, one.receipt.index)
    fresh = fresh_key(world.granite, "operate")
    add(world.granite, fresh)
    world.granite.role_signers = {**world.granite.role_signers, Role.OPERATE: fresh}
    world.page(world.granite)
    world.confirm()
    return one


def restated(world: World) -> Minted:
    one = in_stolen_batch(world)
    assert one.receipt is not None
    restate(world.granite, one.receipt.index, world.granite.role_signers[Role.OPERATE])
    world.confirm()
    return one


def above_the_replica(world: World) -> Minted:
    """The verifier's copy ends below the batch."""
    held = world.granite.copy()
    one = world.good()
    world.logs[1] = held
    held.sign([world.network, world.lantern])
    return one


def not_held(world: World) -> Minted:
    one = world.good()
    world.logs.remove(world.granite)
    return one


def damaged_replica(world: World) -> Minted:
    """The replica's files were changed after they were checked: another batch stands where the good one was."""
    one = world.mint()
    twin = world.granite.copy()
    world.cut(one)
    assert one.receipt is not None
    twin.anchor()
    world.granite.entries[one.receipt.index] = twin.issue().raw
    return one


def no_quorum(world: World) -> Minted:
    world.good()
    one = world.mint()
    world.granite.anchor()
    world.batch(world.granite, [one])
    world.page(world.granite)
    world.granite.sign([world.lantern])
    return one


def no_network_quorum(world: World) -> Minted:
    one = world.good()
    world.network.sign([world.lantern])
    return one


def other_tree(world: World) -> Minted:
    """The newest checkpoint held is not over what is held."""
    one = world.good()
    bad = Checkpoint("granite.example/log", world.granite.size, RootHash(bytes(32)))
    world.granite.note = sign_checkpoint(bad, world.granite.log_signer)
    return one


def no_witnesses(world: World) -> Minted:
    """A network that has named none but itself."""
    network = SimulatedLog("confluence", type(world.network.state.charter.institution)("network"))
    network.member(world.granite, standing=replace(world.granite.standing(Rights(("*",))), witness=None))
    world.network, world.logs = network, [network, world.granite]
    world.trust = networks.trust_of(network)
    world.desks[network.log_id] = world.desks[world.granite.log_id]
    one = world.mint()
    world.granite.anchor()
    world.batch(world.granite, [one])
    world.page(world.granite)
    return one


def stale(world: World) -> Minted:
    one = world.good()
    world.trust_changes = {"max_age": 59_000}
    return one


def forked_from(world: World) -> Minted:
    """The credential stands in the very first entry that the two histories do not share."""
    world.cut()
    other = world.granite.copy()
    one = world.good()
    other.cut([seeded("another")])
    other.sign([world.network, world.lantern])
    world.granite.forks = [networks.evidence(world.granite, other, 5)]
    assert one.receipt is not None and one.receipt.index == 5
    return one


def network_forked(world: World) -> Minted:
    other = world.network.copy()
    one = world.good()
    other.anchor([])
    other.sign([world.granite, world.lantern])
    world.network.forks = [networks.evidence(world.network, other, None)]
    return one


NO, UNSURE = Answer.NO, Answer.COULD_NOT_CHECK
ROWS: list[tuple[str, Make, int, Answer, Code, str]] = [
    # 6
    ("not on the ledger, no receipt", not_committed, 6, UNSURE, Code.NO_RECEIPT, "up to entry 3, do not hold it"),
    ("receipt of another credential", receipt_of_another, 6, NO, Code.NOT_ON_LEDGER, "leads to root"),
    (
        "receipt of another log",
        receipt_of_another_log,
        6,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "its issuer is Granite, its receipt is of the log of Lantern",
    ),
    ("receipt of a stranger's log", moved(log=LogId(bytes(32))), 6, NO, Code.ISSUER_NOT_AUTHORISED, "log of AAAAAAA"),
    ("receipt at another position", moved(position=3), 6, NO, Code.NOT_ON_LEDGER, "leads to root"),
    ("receipt beyond the batch", moved(position=9), 6, NO, Code.NOT_ON_LEDGER, "position 9 in a batch of 4"),
    ("receipt with no path", moved(path=()), 6, NO, Code.NOT_ON_LEDGER, "too few"),
    (
        "receipt of a page",
        moved(index=3),
        6,
        NO,
        Code.NOT_ON_LEDGER,
        "entry 3: its kind is status, so it is not a batch",
    ),
    ("receipt above the held size", moved(index=4), 6, UNSURE, Code.STALE, "entry 4, 4 entries are held"),
    ("replica behind", above_the_replica, 6, UNSURE, Code.STALE, "entry 2, 1 entries are held"),
    (
        "batch by a wrong key",
        in_void_batch,
        6,
        NO,
        Code.ISSUER_NOT_AUTHORISED,
        "is void: its key could not act",
    ),
    ("void batch", in_small_batch, 6, NO, Code.NOT_ON_LEDGER, "is void: a batch of 1 items"),
    (
        "batch by a stolen key",
        by_stolen_operate_key,
        6,
        NO,
        Code.KEY_COMPROMISED,
        "is void: its key could not act",
    ),
    ("stolen batch", in_stolen_batch, 6, UNSURE, Code.INCOMPLETE, "is void: its key was compromised"),
    ("damaged replica", damaged_replica, 6, UNSURE, Code.INCOMPLETE, "leads to root"),
    # 7
    ("no quorum", no_quorum, 7, UNSURE, Code.NO_QUORUM, "1 of the 2 cosignatures needed for the log of Granite"),
    (
        "no quorum of the network",
        no_network_quorum,
        7,
        UNSURE,
        Code.NO_QUORUM,
        "1 of the 2 cosignatures needed for the log of Confluence",
    ),
    ("no witness", no_witnesses, 7, UNSURE, Code.NO_QUORUM, "no independent witness counts for the log of Confluence"),
    ("a head that is not of the tree held", other_tree, 7, UNSURE, Code.NO_QUORUM, "root at size"),
    ("stale", stale, 7, UNSURE, Code.STALE, "the newest state of the network held here is of 2026-06-09"),
    # 8
    ("forked from below it", forked_from, 8, UNSURE, Code.FORKED_LOG, "they share the first 5 entries"),
    ("network forked", network_forked, 8, UNSURE, Code.FORKED_LOG, "two histories of the log of Confluence"),
]


@pytest.mark.parametrize(
    ("make", "step", "answer", "code", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_credential_is_refused_by_the_right_step(
    make: Make, step: int, answer: Answer, code: Code, message: str
) -> None:
    """The list is walked to its end; the step says what it found, and the code follows from it."""
    world = World()
    report = world.check(make(world))
    found = report.steps[step - 1]
    assert (found.answer, report.code) == (answer, code), report.to_lines()
    assert re.search(message, found.detail), found.detail
    assert found.remedy
    assert len(report.steps) == 14
    if step > 6:
        assert [one.answer for one in report.steps[:6]] == [Answer.YES] * 6


def answers(report: CredentialReport) -> dict[int, str]:
    return {step.number: step.answer.value for step in report.steps if step.number <= 11}


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"index": 1},
        {"index": -1, "log": "AA", "path": [], "position": 0},
        {"index": 2, "log": "A" * 43, "path": ["A" * 43] * 18, "position": 0},
        {"more": 1},
    ],
)
def test_a_junk_receipt_proves_nothing(junk: dict[str, Any]) -> None:
    world = World()
    one = world.good()
    envelope = world.envelope(one)
    credentials = [replace(envelope.credentials[0], receipt=junk)]
    envelope = world.envelope(one, credentials=credentials)
    report = world.verify(encode_presentation(world.bind(envelope, one.holder))).credentials[0]
    assert report.code is Code.NOT_ON_LEDGER and report.steps[5].answer is Answer.NO
    assert "receipt" in report.steps[5].detail


def test_without_a_receipt_the_bodies_held_are_searched() -> None:
    world = World()
    one = world.good()
    report = world.check(replace(one, receipt=None))
    assert report.code is Code.VALID and "entry 2 of the log of Granite" in report.steps[5].detail
    world.granite.bodies[2] = None
    report = world.check(replace(one, receipt=None))
    assert (report.code, report.steps[5].detail) == (
        Code.NO_RECEIPT,
        "it carries no receipt, and not all batches of that log are held here to search",
    )
    assert world.check(one).code is Code.VALID


def test_a_restated_batch_is_good_at_its_old_position() -> None:
    world = World()
    report = world.check(restated(world))
    assert report.code is Code.VALID, report.to_lines()
    assert "entry 2" in report.steps[5].detail


def test_entries_below_a_fork_stay_good() -> None:
    """From the fork on it is in doubt; the page at the fork tells the status below."""
    world = World()
    one = world.good()
    other = world.granite.copy()
    late = world.good()
    other.cut([seeded("another")])
    other.sign([world.network, world.lantern])
    world.granite.forks = [networks.evidence(world.granite, other, 4)]
    report = world.check(one)
    assert report.code is Code.VALID, report.to_lines()
    assert "this stands below, at entry 2" in report.steps[7].detail and "entry 3" in report.steps[10].detail
    assert world.check(late).code is Code.FORKED_LOG
    lost = replace(world.mint(), receipt=late.receipt)
    assert world.check(lost).code is Code.FORKED_LOG
    decided = world.network.member(world.granite, MemberOp.AMEND)
    world.confirm()
    assert world.check(late).code is Code.VALID
    assert f"by entry {decided.index} of its log the network decided" in world.check(lost).steps[5].detail


def test_a_branch_without_quorum_changes_no_verdict() -> None:
    world = World()
    other = world.granite.copy()
    one = world.good()
    other.cut([seeded("another")])
    other.sign([world.lantern])
    world.granite.forks = [networks.evidence(world.granite, other, 1)]
    assert world.check(one).code is Code.VALID


def test_freshness_is_that_of_the_networks_head() -> None:
    """Up to `max_age`, to the millisecond; the issuer's own silence is told and changes nothing."""
    world = World()
    one = world.good()
    at = NOW - NOW % 1000 + world.trust.max_age
    assert world.check(one, now=at).code is Code.VALID
    late = world.check(one, now=at + 1)
    assert (late.code, late.verdict) == (Code.STALE, Verdict.CANNOT_TELL)
    world.confirm(at // 1000)
    assert world.check(one, now=at + 1).code is Code.VALID


def test_a_quorum_rule_of_none_takes_the_writers_word() -> None:
    for make in (no_quorum, no_network_quorum, no_witnesses):
        world = World()
        one = make(world)
        world.trust_changes = {"quorum": QuorumRule.NONE}
        report = world.check(one)
        assert report.code is Code.VALID and report.notes, report.to_lines()
        assert report.steps[6].answer is Answer.COULD_NOT_CHECK


def test_a_log_that_is_not_held_is_told() -> None:
    world = World()
    report = world.check(not_held(world))
    assert (report.code, report.steps[1].detail) == (Code.INCOMPLETE, "the log of Granite is not held here")


def test_the_whole_list_of_answers_of_a_stale_replica() -> None:
    """What could not be checked is never folded into a no."""
    world = World()
    report = world.check(above_the_replica(world))
    unsure = Answer.COULD_NOT_CHECK.value
    assert answers(report) == {
        **{n: "yes" for n in range(1, 6)},
        6: unsure,
        7: "yes",
        8: "yes",
        **{n: unsure for n in (9, 10, 11)},
    }
    assert report.verdict is Verdict.CANNOT_TELL
