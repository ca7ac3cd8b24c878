"""How fast one caller may ask: a bucket per address that fills up again.

Guessing is prevented elsewhere (codes burn after five wrong tries); this keeps one caller from taking the whole node. A
school's computer room shares one address, so the bucket is deep.
"""

from collections import OrderedDict

from node.clock import Clock

BURST = 300
PER_SECOND = 20
MAX_CALLERS = 10_000


class Pace:
    """Counts requests per address. Used in one event loop."""

    def __init__(self, clock: Clock, *, burst: int = BURST, per_second: int = PER_SECOND) -> None:
        """Start with full buckets.

        Args:
            clock: Unix ms.
            burst: requests that may come at once.
            per_second: requests that may go on coming.
        """
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, caller: str) -> int:
        """Count one request; returns 0, or the whole seconds after which to try again."""
        now = self._clock()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        # A clock that was set back fills nothing and empties nothing.
        left = min(float(self._burst), left + max(0, now - at) * self._per_second / 1000)
        is_allowed = left >= 1
        self._buckets[caller] = (left - 1 if is_allowed else left, now)
        if len(self._buckets) > MAX_CALLERS:
            # The address silent for longest: its bucket is the one most likely full again.
            self._buckets.popitem(last=False)
        return 0 if is_allowed else 1
