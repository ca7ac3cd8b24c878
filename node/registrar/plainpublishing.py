"""Publishing the plain lists: after every cut, and once at every start, in case the node stopped in between.

What fails here takes nothing back: the cut is on the ledger, and the files before stay until they expire. It is told to
the operator and tried again at the next cut.
"""

import asyncio
import logging
from typing import Protocol

from ledger.credential.plainlist.slots import ListFile
from ledger.credential.plainlist.token import read_own_list
from ledger.errors import CairnError, RuleError
from ledger.log.charter import Role
from ledger.log.identity import short_log_id
from ledger.log.view import LogView
from node.registrar import plainslots
from node.registrar.copies import Press
from node.registrar.parts import DeskParts
from node.registrar.plainfiles import ListSigner, make_files, make_terms
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
                await asyncio.to_thread(self._publish, files)
            except (CairnError, OSError) as error:
                _log.warning("status lists were not published", extra={"reason": str(error)})
            else:
                self._has_published = True

    def _publish(self, files: StatusFiles) -> None:
        parts, log, press = self._desk.parts, self._desk.own_log(), self._desk.make_press()
        short = short_log_id(parts.log_id)
        if not self._has_published:
            self._keep_published(files, short)
        with parts.database.read() as session:
            lists = plainslots.load_lists(session)
        if not lists:
            return
        key = press.keys.get(Role.ISSUE.value)
        if key is None:
            raise RuleError("status lists: no issue key of this node is in force", hint="cairn-node key add")
        signer = ListSigner(issuer_url=press.issuer.id, key=key, library=parts.contexts)
        terms = make_terms(signer, log, interval=log.state.batch.interval, now=parts.clock())
        for content in lists:
            for file, data in make_files(content, terms, signer):
                files.keep(short, content.number, file, data)

    def _keep_published(self, files: StatusFiles, short: str) -> None:
        """What was published is never taken back, also where the database is an older copy of itself."""
        parts, kept = self._desk.parts, 0
        for number in files.numbers(short):
            data = files.read(short, number, ListFile.TOKEN)
            if data is not None:
                content = read_own_list(data.decode("ascii", "replace"), number)
                with parts.database.write() as session:
                    kept += plainslots.keep_published(session, content, parts.clock())
        if kept:
            _log.warning("status lists had slots the database does not know", extra={"slots": kept})
