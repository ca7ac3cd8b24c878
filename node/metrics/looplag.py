"""How late the event loop runs what is due: the first sign of work that should be in a thread, or of a tired computer."""

import asyncio
from collections import deque

PROBE_SECONDS = 1.0
REMEMBERED = 60
"""Probes, so that a scrape every half minute misses none."""


class LoopLag:
    """Sleeps a second, again and again, and notes how much longer it took. Belongs to one event loop."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def worst_seconds(self) -> float:
        """The longest delay of the last minute."""
        return max(self._late, default=0.0)

    async def run(self) -> None:
        """Probe until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(PROBE_SECONDS)
            self._late.append(max(0.0, loop.time() - began - PROBE_SECONDS))
