"""K2, time: a diploma is revoked the day after a scandal, and the entry of that night tells.

Answer: nothing about learners is written but by cuts at instants the charter fixes, whatever there is to cut; a page is
written by each, changed or not. What a decision says about its date stays in the registrar's database.
"""

from pathlib import Path

import pytest

from ledger.credential.status import Status
from ledger.errors import RuleError
from node.registrar.schedule import keep_schedule
from tests.node.registrar.desks import Bench
from tests.privacy.member import replicate
from tests.privacy.small_school import DAY_MS, award, revoke, roster_of, small_school

HOUR_MS = 3_600_000
ACTS_AT = (7, 7 + 61, 7 + 62, 7 + 190)
"""Minutes after the start at which the busy school does something."""


class DoneError(Exception):
    """The hours have passed."""


async def run_schedule(bench: Bench, hours: int, acts_at: tuple[int, ...]) -> list[int]:
    """Let the node's own schedule run; gives the instants of all entries of cuts."""
    start, standing, pending = bench.clock.now, list[str](), list(acts_at)

    async def sleep(seconds: float) -> None:
        bench.clock.advance(int(seconds * 1000) + 1)
        minutes = (bench.clock.now - start) // 60_000
        while pending and minutes >= pending[0]:
            await act(pending.pop(0))
        if minutes > hours * 60:
            raise DoneError

    async def act(minute: int) -> None:
        size = bench.log.size
        if standing:
            await revoke(bench, [standing.pop()])
        else:
            standing.extend(await award(bench, [f"M{minute}-{number}" for number in range(3)]))
        assert bench.log.size == size, "a decision writes nothing"

    desk = bench.desk
    with pytest.raises(DoneError):
        await keep_schedule(lambda: desk.own_log().state.batch, desk.last_cut, desk.cut, clock=bench.clock, sleep=sleep)
    return [entry.statement.at for entry in replicate(bench.log).entries[2:]]


async def test_k02_entries_come_when_the_charter_says_whatever_happens(tmp_path: Path) -> None:
    instants = []
    for seed, acts_at in (("busy", ACTS_AT), ("silent", ())):
        async with small_school(tmp_path, seed, interval_ms=HOUR_MS) as bench:
            instants.append(await run_schedule(bench, 4, acts_at))
    assert instants[0] == instants[1]
    assert len(instants[0]) >= 4 * 3 and {at % HOUR_MS for at in instants[0]} == {30 * 60_000}


async def test_k02_a_cut_off_schedule_is_refused(tmp_path: Path) -> None:
    async with small_school(tmp_path, interval_ms=DAY_MS) as bench:
        await award(bench, roster_of(0))
        with pytest.raises(RuleError, match="the charter fixes when this log cuts"):
            await bench.desk.cut()


async def test_k02_planted_cuts_on_command_tell_the_time_of_the_act(tmp_path: Path) -> None:
    """Control: with an interval of 0, which `init` and `explain-privacy` warn of, the ledger has the very instant."""
    async with small_school(tmp_path, interval_ms=0) as bench:
        (chosen,) = await award(bench, roster_of(0)[:1])
        await bench.desk.cut()
        bench.clock.advance(12_345_678)
        await bench.desk.set_status([chosen], Status.REVOKED)
        await bench.desk.cut()
        assert replicate(bench.log).cuts()[-1].at == bench.clock.now
