"""Cuts are due at fixed instants, whatever happened."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import RuleError
from ledger.log.charter import BatchPolicy
from node.registrar.schedule import due_instant, keep_schedule, last_instant, next_instant

DAY = 86_400_000
NIGHTLY = BatchPolicy(interval=DAY, minute=150, size=256)
ON_COMMAND = BatchPolicy(interval=0, minute=150, size=256)


def test_nightly_cuts_are_at_their_minute() -> None:
    at = 20_000 * DAY + 150 * 60_000
    assert last_instant(NIGHTLY, at) == at
    assert last_instant(NIGHTLY, at - 1) == at - DAY
    assert next_instant(NIGHTLY, at) == at + DAY
    assert next_instant(NIGHTLY, at - 1) == at


def test_cuts_on_command_have_no_instant() -> None:
    assert last_instant(ON_COMMAND, 5 * DAY) is None
    assert next_instant(ON_COMMAND, 5 * DAY) is None
    assert due_instant(ON_COMMAND, 5 * DAY, None) is None


@given(st.integers(1, 30 * DAY), st.integers(0, 1439), st.integers(0, 2**45))
def test_instants_follow_each_other(interval: int, minute: int, now: int) -> None:
    policy = BatchPolicy(interval=interval, minute=minute, size=256)
    last, following = last_instant(policy, now), next_instant(policy, now)
    assert last is not None and following is not None
    assert last <= now < following == last + interval
    assert due_instant(policy, now, last) is None
    assert due_instant(policy, now, last - 1) == last
    assert due_instant(policy, now, None) == last


class Finished(Exception):
    pass


@pytest.mark.parametrize("fails", [False, True])
async def test_a_node_that_was_down_makes_one_cut_and_failures_are_tried_again(fails: bool) -> None:
    """Ten missed nights are one cut; a cut that cannot be made keeps its instant."""
    now = 20_000 * DAY
    cuts: list[int] = []
    tries: list[int] = []

    async def cut(at: int) -> None:
        tries.append(at)
        if fails and len(tries) == 1:
            raise RuleError("not now")
        cuts.append(at)

    async def last_cut() -> int | None:
        return cuts[-1] if cuts else now - 10 * DAY

    async def sleep(seconds: float) -> None:
        nonlocal now
        if len(cuts) == 3:
            raise Finished
        now += int(seconds * 1000)
        await asyncio.sleep(0)

    with pytest.raises(Finished):
        async with asyncio.timeout(20):
            await keep_schedule(lambda: NIGHTLY, last_cut, cut, clock=lambda: now, sleep=sleep)

    first = 20_000 * DAY - DAY + 150 * 60_000
    assert cuts == [first, first + DAY, first + 2 * DAY]
    assert tries == ([first] if fails else []) + cuts
