"""Keeping the outbox moving: what is signed goes to the log as soon as the log takes it, whoever asks or not.

A node that waits for its witnesses after a start, or for room on its disk, has statements in the outbox and perhaps a
database that has to read its log first (`adopt_page`). The desk does both when it is asked for something; this does it
when nobody asks, on every piece of news about logs, and keeps the reason when it cannot, for the operator's findings.
"""

import asyncio
import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.errors import CairnError
from node.clock import Clock, Draw
from node.events import HeadEvents
from node.registrar import cut
from node.registrar.database import Database
from node.registrar.desk import RegistrarDesk
from node.registrar.tables import RESTORED, Adopted, Setting
from node.tasks import Backoff
from node.terminal import instant

TOLD_MS = 30 * 86_400_000
"""How long a restoration is told in the findings."""
AHEAD_MS = 60_000
"""A cut this far in the future was made by another clock."""
MAX_PAUSE_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Submission:
    """Runs as one task; `findings` may be asked from any thread."""

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

    def findings(self) -> tuple[str, ...]:
        """What the operator should know: why nothing moves, and what no log can bring back after a restoration."""
        problem = [f"what is signed does not reach the log: {self._problem}"] if self._problem else []
        if self._desk.database.problem:
            problem.append(f"{self._desk.database.problem}; nothing that was acknowledged is lost")
        now = self._clock()
        if self._desk.next_cut() is not None:
            problem += describe_schedule(self._desk.database, now)
        return (*problem, *describe_restoration(self._desk.database, now))

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


def describe_schedule(database: Database, now: int) -> tuple[str, ...]:
    """Whether the newest cut lies in the future, where it was made by a clock that ran ahead: none is due before then."""
    with database.read() as session:
        last = cut.last_cut_instant(session)
    if last is None or last <= now + AHEAD_MS:
        return ()
    return (
        f"the last cut was made for {instant(last)}, and this computer's clock says {instant(now)}: no cut is due before "
        "then; if the clock is right now, all that waits goes on the ledger after that time",
    )


def describe_restoration(database: Database, now: int) -> tuple[str, ...]:
    """What the registrar has to do after a restoration, in words; nothing once it is long ago."""

    def read(session: Session) -> tuple[str, ...]:
        setting = session.get(Setting, RESTORED)
        if setting is not None:
            made = int(setting.value.split(" ")[0])
            return (
                f"restored from a backup of {instant(made)}: nothing is issued or cut before the newer entries "
                "of the log were fetched from peers and read into the database",
            )
        adopted = session.scalar(select(Adopted).order_by(Adopted.id.desc()).limit(1))
        return () if adopted is None or now - adopted.at > TOLD_MS else (_describe(adopted),)

    with database.read() as session:
        return read(session)


def _describe(adopted: Adopted) -> str:
    since = "that backup" if adopted.backup_at is None else instant(adopted.backup_at)
    known = (
        f"{adopted.statements} newer entries of the log were read, {adopted.awards} awards follow what they say"
        if adopted.statements
        else "the log had nothing newer"
    )
    return (
        f"restored on {instant(adopted.at)}: {known}. Awards, claim links and reasons recorded after {since} are not "
        "in the database: hand in the CSV files of that time again, which awards them anew; learners keep the copies they "
        "have, and a revocation of those can no longer be changed here"
    )
