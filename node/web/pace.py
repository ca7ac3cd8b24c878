"""How fast one caller may ask: a bucket per address that fills up again.

Guessing is prevented elsewhere (a code burns after five wrong tries, which only who knows it can make); this keeps one caller
from taking the whole node. A school's computer room shares one address, so the bucket is deep. An IPv6 caller has a whole
/64 to choose from, which counts as one address. Behind a reverse proxy everybody has the proxy's address, so all share one
bucket, and the proxy is where callers are told apart: what it says about them is not believed here.
"""

import ipaddress
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
        now, caller = self._clock(), _network_of(caller)
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        # A clock that was set back fills nothing and empties nothing.
        left = min(float(self._burst), left + max(0, now - at) * self._per_second / 1000)
        is_allowed = left >= 1
        self._buckets[caller] = (left - 1 if is_allowed else left, now)
        if len(self._buckets) > MAX_CALLERS:
            # The address silent for longest: its bucket is the one most likely full again.
            self._buckets.popitem(last=False)
        return 0 if is_allowed else 1


def _network_of(caller: str) -> str:
    try:
        address = ipaddress.IPv6Address(caller)
    except ValueError:
        return caller
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
