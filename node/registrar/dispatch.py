"""Taking the outbox to the log: submit, then mark, one shipment after the other.

A shipment the log refuses before writing it is taken back, so that whatever replaces it draws fresh ids. A node that
may not write now (start-up rule, stopping) keeps it; so does one that crashed between submitting and marking, and
asks again under the same ids. A database that is older than its log reads it before anything leaves (`adopt_page`):
this is the one door to the log, and it stands open only when the start-up rule is met, so the log is whole then.
"""

import asyncio
import logging
from functools import partial

from ledger.errors import CairnError
from node.errors import BusyError
from node.registrar import adopt_page, outbox
from node.registrar.parts import DeskParts

logger = logging.getLogger(__name__)


class Dispatcher:
    """The one path from the outbox to the log."""

    def __init__(self, parts: DeskParts) -> None:
        """Take both ends, and what it needs to read the log."""
        self._parts = parts
        self._database = parts.database
        self._sequencer = parts.sequencer
        self._lock = asyncio.Lock()

    async def flush(self) -> None:
        """Submit everything that waits, oldest first; the outbox holds where each statement came to stand.

        Raises:
            BusyError: the log takes nothing now; the rest waits.
            CairnError: a shipment was refused and taken back; those after it wait for the next call. Or the newest
                status page could not be read into an older database.
        """
        async with self._lock:
            if self._sequencer.refusal is None:
                await self._catch_up()
            for shipment in await self._database.look(outbox.load_pending):
                try:
                    indexes = await self._sequencer.append(shipment.statements)
                except BusyError:
                    raise
                except CairnError as error:
                    await self._database.change(partial(outbox.withdraw, shipment=shipment))
                    logger.warning("statement withdrawn", extra={"reason": str(error)})
                    raise
                await self._database.change(partial(outbox.mark_sent, shipment=shipment, indexes=indexes))

    async def _catch_up(self) -> None:
        log = self._parts.ledger.log(self._parts.log_id)
        if log is None or not await self._database.look(partial(adopt_page.must_adopt, log=log)):
            return
        adopted = await self._database.change(
            partial(
                adopt_page.adopt_log,
                log=log,
                list_root=self._parts.keystore.list_root,
                inherited_roots=self._parts.keystore.inherited_roots,
                list_policy=log.state.charter.lists,
                now=self._parts.clock(),
            )
        )
        fields = {"statements": adopted.statements, "withdrawn": adopted.withdrawn, "list": adopted.opened}
        logger.warning("registrar's database was older than the log and has read it", extra=fields)
