"""Tasks that go on, pauses that grow, news that never queues up."""

import asyncio

import pytest

from ledger.errors import RuleError
from ledger.log.identity import LogId
from node.events import HeadEvents
from node.tasks import Backoff, jitter, keep_doing

ONE, TWO = LogId(b"1" * 32), LogId(b"2" * 32)


def test_pauses_double_up_to_a_limit_and_begin_again() -> None:
    """With the largest draw each pause is just below its range; `reset` starts over."""
    backoff = Backoff(lambda length: b"\xff" * length, first_seconds=1, max_seconds=5)
    assert [round(backoff.pause(), 3) for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert round(backoff.pause(), 3) == 1


def test_jitter_stays_in_the_upper_half() -> None:
    """Never less than half: a jitter of nothing would be no pause."""
    assert jitter(8, lambda length: bytes(length)) == 4
    assert jitter(8, lambda length: b"\xff" * length) < 8


async def test_a_task_survives_whatever_its_step_raises(caplog: pytest.LogCaptureFixture) -> None:
    """Our errors are told in a line, once for the same words; others with their traceback; the step is called again."""
    done = asyncio.Event()
    calls = 0

    async def step() -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise RuleError("same words")
        if calls == 3:
            raise ZeroDivisionError
        done.set()
        await asyncio.Event().wait()

    backoff = Backoff(lambda length: bytes(length), first_seconds=0.001, max_seconds=0.001)
    task = asyncio.create_task(keep_doing("test", step, backoff))
    async with asyncio.timeout(10):
        await done.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    errors = [record for record in caplog.records if record.exc_info]
    assert (len(warnings), len(errors)) == (1, 1)


async def test_news_is_coalesced_and_reaches_every_listener() -> None:
    """However often a log grew, a listener that comes late finds it once; who left hears nothing."""
    events = HeadEvents()
    one, two = events.listen(), events.listen()
    for log in (ONE, TWO, ONE, ONE):
        events.publish(log)
    async with asyncio.timeout(10):
        assert await one.next() == {ONE, TWO}
    assert one.take() == frozenset()
    events.forget(two)
    events.publish(ONE)
    assert two.take() == {ONE, TWO}
    waiting = asyncio.create_task(one.next())
    async with asyncio.timeout(10):
        assert await waiting == {ONE}
