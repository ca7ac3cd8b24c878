"""What makes steps 6, 7 and 11 doubt what is held: restatements, hostile batches, wrong clocks, kinds of the future."""

from dataclasses import replace

from ledger.credential.report import Answer, Code
from ledger.credential.validity import MAX_QUORUM_AHEAD_MS
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.records import UnknownStatement
from tests.ledger.credential.verifying import World
from tests.ledger.log.samples import restate
from tests.simulator import NOW, SimulatedLog


def future_entry(log: SimulatedLog, items: list[bytes] | None = None) -> int:
    """An entry of a kind this version does not know, whose content looks like a batch."""
    reference = None if items is None else describe_body("greeting", items)
    content: dict[str, object] = {"like": {"kind": "issue"}}
    if reference is not None:
        content["body"] = reference.to_json()
    statement = UnknownStatement(
        **log.header(),  # type: ignore[arg-type]
        kind_name="greeting",
        reference=reference,
        content=content,  # type: ignore[arg-type]
    )
    return log.append(statement, [log.role_signers[Role.OPERATE]], items).index


def test_a_receipt_that_names_a_restatement_proves_nothing() -> None:
    """A restating entry lifts a void; it is no batch of its own, so the batch policy cannot be passed by it."""
    world = World()
    one = world.good()
    assert one.receipt is not None
    again = restate(world.granite, one.receipt.index, world.granite.role_signers[Role.OPERATE])
    world.confirm()
    moved = replace(one, receipt=replace(one.receipt, index=again.index))
    step = world.check(moved).steps[5]
    assert step.answer is Answer.NO and "restates an earlier batch" in step.detail
    assert world.check(one).code is Code.VALID


def test_the_search_reads_only_batches_that_count() -> None:
    """An entry that merely looks like a batch neither stops the search nor is believed."""
    world = World()
    one = world.mint()
    future_entry(world.granite, [one.commitment, b"odd"])
    world.cut(one)
    found = world.check(replace(one, receipt=None)).steps[5]
    assert found.answer is Answer.YES, found.detail


def test_a_void_batch_does_not_hide_a_good_one() -> None:
    """The same commitment first in a batch signed with a wrong key, then in a good one."""
    world = World()
    one = world.mint()
    world.batch(world.granite, [one], world.granite.role_signers[Role.DEFINE])
    world.cut(one)
    assert world.check(replace(one, receipt=None)).code is Code.VALID


def test_a_quorum_from_the_future_is_doubted() -> None:
    """A head dated ahead of the verifier's clock would otherwise never grow old."""
    world = World()
    one = world.good()
    ahead = NOW - NOW % 1000 - MAX_QUORUM_AHEAD_MS
    assert world.check(one, now=ahead).steps[6].answer is Answer.YES
    step = world.check(one, now=ahead - 1)
    assert step.steps[6].answer is Answer.COULD_NOT_CHECK
    assert "set this computer's clock" in step.steps[6].remedy


def test_status_above_a_kind_of_the_future_needs_a_newer_cairn() -> None:
    """It may have changed what pages mean; a final answer stands all the same."""
    world = World()
    one, two = world.good(), world.good()
    index = future_entry(world.granite)
    world.confirm()
    step = world.check(one).steps[10]
    assert step.answer is Answer.COULD_NOT_CHECK
    assert f"entry {index} of that log is of a kind this version does not know" in step.detail
    world.desk(world.granite).statuses[two.slot] = 1
    world.cut()
    assert world.check(two).code is Code.REVOKED
