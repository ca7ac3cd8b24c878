"""Keeping the outbox moving: what is signed goes to the log as soon as the log takes it, whoever asks or not.

A node that waits for its witnesses after a start, or for room on its disk, has statements in the outbox and perhaps a
database that has to read its log first (`adopt_page`). The desk does both when it is asked for something; this does it
when nobody asks, on every piece of news about logs, and keeps the reason when it cannot, for the operator's findings.
"""

import asyncio
import logging

from ledger.errors import CairnError
from node.clock import Clock, Draw
from node.events import HeadEvents
from node.registrar.desk import RegistrarDesk
from node.tasks import Backoff

MAX_PAUSE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Submission:
    """Runs as one task; `problem` may be asked from any thread."""

    def __init__(self, desk: RegistrarDesk, events: HeadEvents, clock: Clock, draw: Draw) -> None:
        """Take the desk whose outbox it is, and where news comes from."""
        self._desk = desk
        self._events = events
        self._clock = clock
        self._draw = draw
        self._problem = ""

    async def run(self) -> None:
        """Submit whenever there is news, until cancelled; what failed is tried again after a pause."""
        listener = self._events.listen()
        pauses = Backoff(self._draw, max_seconds=MAX_PAUSE_SECONDS)
        try:
            while True:
                listener.take()
                if await self._submit():
                    pauses.reset()
                    await listener.wait()
                else:
                    await asyncio.sleep(pauses.pause())
        finally:
            self._events.forget(listener)

    @property
    def problem(self) -> str:
        """Why what is signed does not reach the log; empty when it does, or when the log takes nothing now."""
        return self._problem

    async def _submit(self) -> bool:
        try:
            # False while the log takes nothing; why is told by whoever is busy: the start-up rule, the disk.
            is_done = await self._desk.start()
        except CairnError as error:
            if str(error) != self._problem:
                _log.warning("outbox was not submitted", extra={"reason": str(error)})
            self._problem = str(error)
            return False
        self._problem = ""
        return is_done
