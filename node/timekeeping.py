"""Whether this computer's clock can be believed, and what must not be signed with a wrong one.

A cosignature carries the time at which it was made, and times of heads are judged by them. So a node

1. never signs a time before one it has signed: the newest is kept in the ledger store, beside what was cosigned;
2. compares its clock with the times of the other witnesses' cosignatures over its own checkpoints: each answer tells what
   that witness's clock said between two moments of ours. Half of them at least must be wrong before a wrong clock passes;
3. cosigns nothing while it is an hour off by that measure, and tells the operator from a minute on;
4. keeps no cosignature of its own checkpoints that is an hour ahead of it, unless other witnesses say that it is itself
   behind: where just a quorum has signed, one time of the future would be the time of the whole head.

The comparison is carried on by a clock that nobody can set (since the computer was started), so that a clock that is set
right, or wrong, is noticed at once and not at the next cosignature. One witness alone may be wrong itself: what it says
is told, and stops nothing.
"""

import time
from statistics import median_low

from node.client.finding import Finding, FindingCode, Severity
from node.clock import Clock
from node.errors import BusyError
from node.terminal import instant

TOLD_MS = 60_000
ABSURD_MS = 3_600_000
LEAST_WITNESSES = 2
"""How many other clocks must have been heard before this one is not believed."""


def steady_clock() -> int:
    """Milliseconds since some moment, which no setting of the clock changes; sleep of the computer counts where it can."""
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(source) // 1_000_000


class Timekeeping:
    """Knows this node's clock and what others' clocks said. Used from the event loop's thread alone."""

    def __init__(self, clock: Clock, steady: Clock = steady_clock) -> None:
        """Take the clock to be judged, Unix ms, and one that is never set."""
        self._clock = clock
        self._steady = steady
        # By witness: its clock less the steady one, when it was heard last.
        self._others: dict[str, int] = {}
        self._signed_seconds = 0
        self._head_seconds = 0

    def heard(self, witness: str, seconds: int, asked_at: int) -> None:
        """Note the time in a cosignature that just came.

        Args:
            witness: its name.
            seconds: Unix seconds that it signed.
            asked_at: what `moment` gave when it was asked.
        """
        # Signed somewhere between the two moments; whole seconds, so on average half of one is missing.
        middle = (asked_at + self._steady()) // 2
        self._others[witness] = seconds * 1000 + 500 - middle

    def is_ahead(self, witness: str, seconds: int) -> bool:
        """Whether the time in a cosignature (Unix seconds) is not to be kept: it lies ahead, for other witnesses too."""
        now = self._clock()
        others = [offset for name, offset in self._others.items() if name != witness]
        if others:
            now = max(now, median_low(others) + self._steady())
        return seconds * 1000 > now + ABSURD_MS

    def moment(self) -> int:
        """A reading of the steady clock, for `heard`."""
        return self._steady()

    def signed(self, seconds: int) -> None:
        """Note a time that this node has signed, now or in an earlier life."""
        self._signed_seconds = max(self._signed_seconds, seconds)

    def see_head(self, seconds: int | None) -> None:
        """Note the time of a head with a quorum: it is not earlier than that."""
        self._head_seconds = max(self._head_seconds, seconds or 0)

    def time_to_sign(self) -> int:
        """The time now in Unix seconds, for a cosignature; the caller makes it durable before the signature leaves.

        Raises:
            BusyError: the clock cannot be believed; nothing may be signed.
        """
        problem = self._refusal()
        if problem is not None:
            raise BusyError(f"witness: {problem}", hint="ask again later")
        return self._clock() // 1000

    def findings(self) -> tuple[Finding, ...]:
        """What the operator should know about the clock."""
        refusal = self._refusal()
        if refusal is not None:
            return (_finding(refusal, "nothing is cosigned until it is right again"),)
        skew = self._skew()
        if skew is None or abs(skew) <= TOLD_MS:
            return ()
        return (_finding(self._describe(skew), "their cosignatures tell what theirs say"),)

    @property
    def skew_ms(self) -> int:
        """How far this clock is ahead of the middle one of the other witnesses' in milliseconds; 0 where none was heard."""
        return self._skew() or 0

    def _refusal(self) -> str | None:
        now = self._clock()
        if now // 1000 < self._signed_seconds:
            return (
                f"this computer's clock was set back: it says {instant(now)}, and a cosignature was made at "
                f"{instant(self._signed_seconds * 1000)}"
            )
        if now < self._head_seconds * 1000 - ABSURD_MS:
            return (
                f"this computer's clock says {instant(now)}, and a quorum of witnesses has signed "
                f"{instant(self._head_seconds * 1000)} already"
            )
        skew = self._skew()
        if skew is not None and len(self._others) >= LEAST_WITNESSES and abs(skew) > ABSURD_MS:
            return self._describe(skew)
        return None

    def _skew(self) -> int | None:
        """Milliseconds by which this clock is ahead of the middle one of the others; None if none was heard."""
        if not self._others:
            return None
        return self._clock() - (median_low(self._others.values()) + self._steady())

    def _describe(self, skew: int) -> str:
        direction = "ahead of" if skew > 0 else "behind"
        count = len(self._others)
        whom = f"{count} other witnesses" if count > 1 else "the one other witness that answered"
        return f"this computer's clock is {_duration(abs(skew))} {direction} the clocks of {whom}"


def _finding(what: str, why: str) -> Finding:
    do = "switch on time synchronisation: timedatectl set-ntp true"
    return Finding(code=FindingCode.CLOCK_OFF, severity=Severity.PROBLEM, what=what, why=why, do=do)


def _duration(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    if minutes < 120:
        return f"{minutes} minutes" if minutes != 1 else "1 minute"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
