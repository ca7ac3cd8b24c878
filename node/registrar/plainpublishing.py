"""Publishing the plain lists: after every cut, and once at every start, in case the node stopped in between.

Lists of institutions whose logs this one goes on with are published with its own, in their names and by its key: the
document of their keys names it since the network decided so (`node.keyhistory`).

What fails here takes nothing back: the cut is on the ledger, and the files before stay until they expire. It is told to
the operator and tried again at the next cut.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from ledger.credential.plainlist.token import read_own_list
from ledger.errors import CairnError, RuleError
from ledger.log.charter import Role
from ledger.log.identity import LogId, short_log_id
from ledger.log.view import LogView
from node.registrar import plainslots
from node.registrar.copies import Press
from node.registrar.parts import DeskParts
from node.registrar.plainfiles import ListSigner, make_files, make_terms
from node.registrar.plainheritage import PlainHeritage, is_read, read_folder
from node.statusfiles import StatusFiles

_log = logging.getLogger(__name__)


class PublishingDesk(Protocol):
    """What is needed of the registrar's desk."""

    parts: DeskParts

    def own_log(self) -> LogView:
        """This institution's log."""

    def make_press(self) -> Press:
        """What copies are made with now."""


class PlainPublisher:
    """Makes and keeps the files of one institution, one time after the other."""

    def __init__(self, desk: PublishingDesk) -> None:
        """Take the desk whose lists they are."""
        self._desk = desk
        self._publishing = asyncio.Lock()
        self._has_published = False
        self._heritage = PlainHeritage(desk.parts)

    async def publish_once(self) -> None:
        """Publish, unless this process has done so already."""
        if not self._has_published:
            await self.publish()

    async def publish(self) -> None:
        """Make every file anew and put it in place of the one before."""
        files = self._desk.parts.status_files
        if files is None:
            return
        async with self._publishing:
            try:
                await self._heritage.read(files)
                await asyncio.to_thread(self._publish, files)
            except (CairnError, OSError) as error:
                _log.warning("status lists were not published", extra={"reason": str(error)})
            else:
                self._has_published = True

    def _publish(self, files: StatusFiles) -> None:
        parts, log, press = self._desk.parts, self._desk.own_log(), self._desk.make_press()
        if not self._has_published:
            self._keep_published(files, press.predecessors)
        with parts.database.read() as session:
            lists = [(parts.log_id, content) for content in plainslots.load_lists(session)]
            inherited = plainslots.load_inherited(session)
            lists += [
                (log, content) for log, content in inherited if log in press.predecessors and is_read(session, log)
            ]
        if not lists:
            return
        key = press.keys.get(Role.ISSUE.value)
        if key is None:
            raise RuleError("status lists: no issue key of this node is in force", hint="cairn-node key add")
        now, interval = parts.clock(), log.state.batch.interval
        for name, content in lists:
            issuer = press.predecessors.get(name, press.issuer)
            signer = ListSigner(issuer_url=issuer.id, key=key, library=parts.contexts)
            terms = make_terms(signer, log, interval=interval, now=now)
            for file, data in make_files(content, terms, signer):
                files.keep(short_log_id(name), content.number, file, data)

    def _keep_published(self, files: StatusFiles, predecessors: Iterable[LogId]) -> None:
        """What was published is never taken back, also where the database is an older copy of itself."""
        parts, kept = self._desk.parts, 0
        with parts.database.read() as session:
            names = [log for log in predecessors if is_read(session, log)]
        for origin in (None, *names):
            short = short_log_id(origin or parts.log_id)
            for number, data in read_folder(files, short):
                content = read_own_list(data.decode("ascii", "replace"), number)
                with parts.database.write() as session:
                    kept += plainslots.keep_published(session, content, parts.clock(), origin)
        if kept:
            _log.warning("status lists had slots the database does not know", extra={"slots": kept})
