"""Clocks that were set back, run ahead or behind: what is told, and when nothing is cosigned."""

import pytest

from node.errors import BusyError
from node.timekeeping import Timekeeping

NOW = 1_790_000_000_000
HOUR = 3_600_000


class Clocks:
    """The wall clock, which can be set, and the steady one, which only passes."""

    def __init__(self) -> None:
        self.wall = NOW
        self.steady = 5_000_000
        self.time = Timekeeping(lambda: self.wall, lambda: self.steady)

    def passes(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.steady += milliseconds

    def hear(self, witness: str, ahead_ms: int = 0) -> None:
        """A witness whose clock is ahead of the true time answers within a second; ours was right when this began."""
        asked = self.time.moment()
        self.passes(500)
        seconds = (NOW - 5_000_000 + self.steady + ahead_ms) // 1000
        self.passes(500)
        self.time.heard(witness, seconds, asked)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_a_right_clock_is_believed(clocks: Clocks) -> None:
    assert clocks.time.time_to_sign() == NOW // 1000
    for name in ("a", "b", "c"):
        clocks.hear(name, 20_000)
    clocks.passes(30 * 24 * HOUR)
    assert clocks.time.findings() == ()
    assert clocks.time.time_to_sign() == clocks.wall // 1000


def test_time_never_goes_back(clocks: Clocks) -> None:
    """Not by a second; when the time has come again, it goes on."""
    clocks.time.signed(NOW // 1000 + 2)
    with pytest.raises(BusyError, match="was set back: it says 2026-09-21 14:13 UTC"):
        clocks.time.time_to_sign()
    assert "nothing is cosigned" in clocks.time.findings()[0].why
    clocks.passes(2000)
    assert clocks.time.time_to_sign() == NOW // 1000 + 2
    assert clocks.time.findings() == ()


@pytest.mark.parametrize(
    ("jump", "words"),
    [
        (2 * HOUR, "120 minutes|2 hours ahead of the clocks of 3 other witnesses"),
        (-2 * HOUR, "2 hours behind the clocks of 3 other witnesses"),
        (400 * 24 * HOUR, "400 days ahead"),
        (-HOUR - 60_000, "61 minutes behind"),
    ],
)
def test_a_clock_that_jumps_is_noticed_at_once_and_so_is_its_repair(clocks: Clocks, jump: int, words: str) -> None:
    for name in ("a", "b", "c"):
        clocks.hear(name)
    clocks.wall += jump
    with pytest.raises(BusyError, match=words):
        clocks.time.time_to_sign()
    assert "timedatectl" in clocks.time.findings()[0].do
    clocks.wall -= jump
    assert clocks.time.time_to_sign() == clocks.wall // 1000


def test_minutes_are_told_and_stop_nothing(clocks: Clocks) -> None:
    clocks.hear("a")
    clocks.hear("b")
    clocks.wall -= 5 * 60_000
    (finding,) = clocks.time.findings()
    assert finding.what.startswith("this computer's clock is 5 minutes behind the clocks of 2 other witnesses")
    assert clocks.time.time_to_sign() == clocks.wall // 1000


def test_one_witness_may_be_wrong_itself(clocks: Clocks) -> None:
    """What it says is told; a second that agrees with us decides."""
    clocks.hear("a", 9 * HOUR)
    assert "the one other witness that answered" in clocks.time.findings()[0].what
    assert clocks.time.time_to_sign() == clocks.wall // 1000
    clocks.hear("b")
    clocks.hear("c")
    assert clocks.time.findings() == ()


def test_a_time_of_the_future_is_not_kept(clocks: Clocks) -> None:
    """Neither from the first that answers nor from a later one; what others say too is the time, and this clock is behind."""
    now = clocks.wall // 1000
    late = now + 2 * HOUR // 1000
    assert clocks.time.is_ahead("a", late) and not clocks.time.is_ahead("a", now + 3000)
    clocks.hear("a", 2 * HOUR)
    assert clocks.time.is_ahead("a", late)
    clocks.hear("b", 2 * HOUR)
    assert not clocks.time.is_ahead("a", late) and not clocks.time.is_ahead("b", late)
    clocks.hear("b")
    assert clocks.time.is_ahead("a", late)


def test_a_head_with_a_quorum_is_no_future(clocks: Clocks) -> None:
    """After a start nobody has answered yet, but what they signed is held: a dead battery shows itself."""
    clocks.time.see_head(None)
    clocks.time.see_head(NOW // 1000 - 100)
    assert clocks.time.time_to_sign() == NOW // 1000
    clocks.wall = 100_000
    with pytest.raises(BusyError, match="says 1970-01-01 00:01 UTC, and a quorum of witnesses has signed 2026-09-21"):
        clocks.time.time_to_sign()
