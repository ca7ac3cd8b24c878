"""Taking the outbox to the log: submit, then mark, one shipment after the other.

A shipment the log refuses before writing it is taken back, so that whatever replaces it draws fresh ids. A node that
may not write now (start-up rule, stopping) keeps it; so does one that crashed between submitting and marking, and
asks again under the same ids.
"""

import asyncio
import logging
from functools import partial

from ledger.errors import CairnError
from node.errors import BusyError
from node.registrar import outbox
from node.registrar.database import Database
from node.sequencer import Sequencer

logger = logging.getLogger(__name__)


class Dispatcher:
    """The one path from the outbox to the log."""

    def __init__(self, database: Database, sequencer: Sequencer) -> None:
        """Take both ends."""
        self._database = database
        self._sequencer = sequencer
        self._lock = asyncio.Lock()

    async def flush(self) -> dict[int, list[int]]:
        """Submit everything that waits, oldest first, and return the indexes of each cut that was in it.

        Raises:
            BusyError: the log takes nothing now; the rest waits.
            CairnError: a shipment was refused and taken back; those after it wait for the next call.
        """
        done: dict[int, list[int]] = {}
        async with self._lock:
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
                if shipment.cut_id is not None:
                    done[shipment.cut_id] = indexes
        return done
