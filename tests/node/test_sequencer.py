"""One writer: consecutive indexes, durable before answered, all of a call or nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log import statements
from ledger.log.body import encode_body
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from ledger.log.entry import encode_entry, parse_entry
from ledger.log.follow import Growth
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from node.errors import BusyError
from node.keystore import KeyRole
from node.sequencer import MAX_WAITING_CALLS, Sequencer, SignedStatement
from tests.node.school import DEADLINE_SECONDS, School, check_log, found_school, make_draw, running, sign

NEW_KEY = SigningKey(b"\x55" * 32)


@pytest.fixture
async def school(tmp_path: Path) -> AsyncIterator[School]:
    school = found_school(tmp_path / "granite")
    yield school
    school.store.close()


async def test_a_call_becomes_consecutive_entries_of_one_commit(school: School) -> None:
    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(1), school.issue(2), school.issue(3)]) == [1, 2, 3]
        assert await sequencer.append([school.issue(4)]) == [4]

    assert [size for size in range(6) if school.log.note_at(size) is not None] == [1, 4, 5]
    check_log(school)


async def test_calls_that_wait_share_one_commit(school: School) -> None:
    commits = 0
    first_reached, go_on = threading.Event(), threading.Event()

    def pause(point: str) -> None:
        nonlocal commits
        if point == "before-commit":
            commits += 1
            first_reached.set()
            assert go_on.wait(DEADLINE_SECONDS)

    async with running(school.sequencer(pause)) as sequencer:
        first = asyncio.create_task(sequencer.append([school.issue(1)]))
        assert await asyncio.to_thread(first_reached.wait, DEADLINE_SECONDS)
        others = [asyncio.create_task(sequencer.append([school.issue(n), school.issue(n + 100)])) for n in range(2, 30)]
        await asyncio.sleep(0)  # lets every task put its call into the queue
        go_on.set()
        indexes = [*await first, *(index for call in await asyncio.gather(*others) for index in call)]

    assert sorted(indexes) == list(range(1, 58))
    assert commits == 2
    check_log(school)


async def test_nothing_is_answered_or_shown_before_it_is_durable(school: School) -> None:
    reached, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def pause(point: str) -> None:
        if point == "before-commit":
            reached.set()
            assert go_on.wait(DEADLINE_SECONDS)

    sequencer = school.sequencer(pause)
    sequencer.add_listener(seen.append)
    async with running(sequencer):
        call = asyncio.create_task(sequencer.append([school.issue(1)]))
        assert await asyncio.to_thread(reached.wait, DEADLINE_SECONDS)

        assert not call.done()
        assert (school.log.size, read_checkpoint(school.log.note).size, seen) == (1, 1, [])

        go_on.set()
        assert await call == [1]
    assert seen == [2]


async def test_the_same_statement_keeps_its_index(school: School) -> None:
    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(1), school.issue(2)]) == [1, 2]
        assert await sequencer.append([school.issue(2), school.issue(3), school.issue(3)]) == [2, 3, 3]
        together = await asyncio.gather(*(sequencer.append([school.issue(4)]) for _ in range(5)))
        assert together == [[4]] * 5
    school.reopen()
    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(4)]) == [4]

    assert school.log.size == 5
    check_log(school)


async def test_a_repetition_alone_writes_nothing(school: School) -> None:
    points: list[str] = []
    async with running(school.sequencer(points.append)) as sequencer:
        await sequencer.append([school.issue(1)])
        await sequencer.append([school.issue(1)])
        assert await sequencer.append([]) == []

    assert points == ["before-commit", "after-commit"]


def _same_id_other_bytes(school: School) -> SignedStatement:
    statement = statements.parse(school.issue(1).statement_bytes)
    return sign(replace(statement, at=5), school.keys.newest(KeyRole.OPERATE), items=school.issue(1).items)


def _flipped_signature(school: School) -> SignedStatement:
    signed = school.issue(9)
    (signature,) = signed.signatures
    bent = replace(signature, signature=bytes([signature.signature[0] ^ 1]) + signature.signature[1:])
    return replace(signed, signatures=(bent,))


def _of_another_log(school: School) -> SignedStatement:
    statement = statements.parse(school.issue(9).statement_bytes)
    other = replace(statement, log=LogId(b"\x01" * 32))
    return sign(other, school.keys.newest(KeyRole.OPERATE), items=school.issue(9).items)


def _unknown_kind(school: School) -> SignedStatement:
    data = school.issue(9).statement_bytes.replace(b'"kind":"issue"', b'"kind":"novel"')
    return replace(school.issue(9), statement_bytes=data)


REFUSED: list[tuple[str, Callable[[School], SignedStatement], type[CairnError], str]] = [
    ("id reused", _same_id_other_bytes, RuleError, "its id was used for another statement, entry 1"),
    ("not json", lambda s: SignedStatement(b"{", s.issue(9).signatures), MalformedError, "not json"),
    ("no signature", lambda s: replace(s.issue(9), signatures=()), MalformedError, "0 signatures"),
    (
        "signed twice",
        lambda s: replace(s.issue(9), signatures=s.issue(9).signatures * 2),
        MalformedError,
        "signatures do not ascend",
    ),
    ("flipped signature", _flipped_signature, SignatureError, "not by key"),
    ("unknown key", lambda s: s.issue(9, NEW_KEY), SignatureError, "a key this log never named"),
    (
        "wrong role",
        lambda s: s.issue(9, s.keys.newest(KeyRole.DEFINE)),
        RuleError,
        "would have no effect: its key could not act as operate",
    ),
    ("late", lambda s: s.add_key(9, NEW_KEY.public, until=0), RuleError, "would have no effect: it had to stand at"),
    ("other log", _of_another_log, RuleError, "belongs to another log"),
    ("unknown kind", _unknown_kind, RuleError, "'novel' is not one this cairn can write"),
    ("no items", lambda s: replace(s.issue(9), items=None), MalformedError, "the items of its body are missing"),
    ("fewer items", lambda s: replace(s.issue(9), items=(s.issue(9).items or ())[:-1]), CairnError, "body"),
    ("other items", lambda s: replace(s.issue(9), items=s.issue(8).items), ProofError, "body"),
    (
        "items without body",
        lambda s: replace(s.add_key(9, NEW_KEY.public), items=(b"x",)),
        MalformedError,
        "it has no body, but came with items",
    ),
    (
        "log key that is not here",
        lambda s: s.rotate(9, NEW_KEY.public),
        RuleError,
        "this node does not have the log key",
    ),
]


@pytest.mark.parametrize(("make", "error", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_a_bad_statement_is_refused_with_its_call_and_nothing_else(
    school: School, make: Callable[[School], SignedStatement], error: type[CairnError], reason: str
) -> None:
    async with running(school.sequencer()) as sequencer:
        await sequencer.append([school.issue(1)])
        before, bad, after = await asyncio.gather(
            sequencer.append([school.issue(2), school.issue(3)]),
            sequencer.append([school.issue(4), make(school), school.issue(5)]),
            sequencer.append([school.issue(6)]),
            return_exceptions=True,
        )

    assert (before, after) == ([2, 3], [4])
    assert isinstance(bad, error)
    assert reason in str(bad)
    assert school.log.size == 5
    assert school.log.state.find_id((4).to_bytes(16, "big")) is None
    check_log(school)


async def test_a_statement_that_stands_without_effect_is_told_so(school: School) -> None:
    # As an older program wrote it, which did not see that it would be void: growth allows it.
    void = school.issue(1, school.keys.newest(KeyRole.DEFINE))
    assert void.items is not None
    state = school.log.state.copy()
    entry = parse_entry(encode_entry(1, state.last_leaf, void.statement_bytes, void.signatures))
    body = encode_body("issue", void.items)
    assert state.apply(entry, body).void is not None
    checkpoint = Checkpoint("granite.example/log", 2, state.frontier.root())
    note = sign_checkpoint(checkpoint, school.keys.newest(KeyRole.LOG))
    school.log.commit(Growth(1, state, (entry,), (body,), checkpoint, note))

    async with running(school.sequencer()) as sequencer:
        with pytest.raises(RuleError, match="stands at 1 without effect: its key could not act as operate"):
            await sequencer.append([void])
        assert await sequencer.append([school.issue(2)]) == [2]


async def test_a_rotated_log_key_signs_the_checkpoint_above_it(school: School) -> None:
    old = school.log.state.verifier_key_at(1)
    new = school.keys.add(KeyRole.LOG, make_draw("new"))

    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(1), school.rotate(2, new.public)]) == [1, 2]
        assert await sequencer.append([school.issue(3)]) == [3]

    assert school.log.state.log_key == new.public
    open_checkpoint(school.log.note, school.log.state.verifier_key_at(4))
    with pytest.raises(SignatureError):
        open_checkpoint(school.log.note, old)
    check_log(school)
    school.reopen()
    async with running(school.sequencer()) as sequencer:
        assert await sequencer.append([school.issue(4)]) == [4]


async def test_a_node_without_the_log_key_does_not_start(school: School) -> None:
    sequencer = Sequencer(school.log, NEW_KEY, find_key=lambda key_id: None)

    with pytest.raises(RuleError, match="the log key in force is not one of this node's keys"):
        sequencer.start()


async def test_a_sequencer_on_hold_says_why_and_writes_nothing(school: School) -> None:
    sequencer = school.sequencer()
    sequencer.hold("waiting for 2 of 3 witnesses")
    async with running(sequencer):
        with pytest.raises(BusyError, match="waiting for 2 of 3 witnesses"):
            await sequencer.append([school.issue(1)])
        assert (sequencer.refusal, school.log.size) == ("waiting for 2 of 3 witnesses", 1)

        sequencer.release()
        assert sequencer.refusal is None
        assert await sequencer.append([school.issue(1)]) == [1]


async def test_a_hold_refuses_calls_that_wait_already(school: School) -> None:
    sequencer = school.sequencer()
    call = asyncio.create_task(sequencer.append([school.issue(1)]))
    await asyncio.sleep(0)  # the call is in the queue; nothing runs yet
    sequencer.hold("following the network log")
    async with running(sequencer):
        with pytest.raises(BusyError, match="following the network log"):
            await call

    assert school.log.size == 1


async def test_closing_finishes_what_waits_and_refuses_what_comes(school: School) -> None:
    sequencer = school.sequencer()
    sequencer.start()
    calls = [asyncio.create_task(sequencer.append([school.issue(number)])) for number in range(1, 6)]
    await asyncio.sleep(0)  # the calls are in the queue
    async with asyncio.timeout(DEADLINE_SECONDS):
        await sequencer.close()

    assert [await call for call in calls] == [[1], [2], [3], [4], [5]]
    with pytest.raises(BusyError, match="the node is stopping"):
        await sequencer.append([school.issue(6)])


async def test_a_full_queue_refuses(school: School) -> None:
    sequencer = school.sequencer()
    signed = school.issue(1)
    calls = [asyncio.create_task(sequencer.append([signed])) for _ in range(MAX_WAITING_CALLS)]
    await asyncio.sleep(0)  # the calls are in the queue; nothing runs yet

    with pytest.raises(BusyError, match=f"{MAX_WAITING_CALLS} calls wait already"):
        await sequencer.append([signed])

    async with running(sequencer):
        assert await asyncio.gather(*calls) == [[1]] * MAX_WAITING_CALLS


async def test_a_cancelled_caller_does_not_stop_the_others(school: School) -> None:
    sequencer = school.sequencer()
    gone = asyncio.create_task(sequencer.append([school.issue(1)]))
    stays = asyncio.create_task(sequencer.append([school.issue(2)]))
    await asyncio.sleep(0)  # both are in the queue
    gone.cancel()
    async with running(sequencer):
        assert await stays == [2]
        assert await sequencer.append([school.issue(1)]) == [1]
