"""Keeping the outbox moving: what is signed goes to the log as soon as the log takes it, whoever asks or not.

A node that waits for its witnesses after a start, or for room on its disk, has statements in the outbox and perhaps a
database that has to read its log first (`adopt_page`). The desk does both when it is asked for something; this does it
when nobody asks, on every piece of news about logs, and keeps the reason when it cannot, for the operator's findings.
"""

import asyncio
import logging
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.errors import CairnError
from node.client.finding import Finding, FindingCode, Severity
from node.clock import Clock, Draw
from node.events import HeadEvents
from node.registrar.desk import RegistrarDesk
from node.registrar.tables import RESTORED, Adopted, Setting
from node.tasks import Backoff
from node.terminal import instant

TOLD_MS = 30 * 86_400_000
"""How long a restoration is told in the findings."""
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


def find_restoration(session: Session, now: int) -> Iterator[Finding]:
    """What the registrar has to do after a restoration; nothing once it is long ago (`now` is Unix ms)."""
    setting = session.get(Setting, RESTORED)
    if setting is not None:
        made_at, restored_at = (int(word) for word in setting.value.split(" "))
        yield Finding(
            code=FindingCode.RESTORED,
            severity=Severity.PROBLEM,
            since=restored_at,
            what=f"restored from a backup of {instant(made_at)}: nothing is issued or cut",
            why="the newer entries of the log were not yet fetched from peers and read into the database",
            do="nothing while peers answer; cairn-node doctor DIR says whether they do",
        )
        return
    adopted = session.scalar(select(Adopted).order_by(Adopted.id.desc()).limit(1))
    if adopted is not None and now - adopted.at <= TOLD_MS:
        yield _describe(adopted)


def _describe(adopted: Adopted) -> Finding:
    since = "that backup" if adopted.backup_at is None else instant(adopted.backup_at)
    known = (
        f"{adopted.statements} newer entries of the log were read, {adopted.awards} awards follow what they say"
        if adopted.statements
        else "the log had nothing newer"
    )
    return Finding(
        code=FindingCode.RESTORED,
        severity=Severity.WARNING,
        since=adopted.at,
        what=f"restored on {instant(adopted.at)}: {known}",
        why=f"awards, claim links and reasons recorded after {since} are not in the database",
        do="hand in the CSV files of that time again, which awards them anew; learners keep the copies they have, and a "
        "revocation of those can no longer be changed here",
    )
