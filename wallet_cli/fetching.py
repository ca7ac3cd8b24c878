"""Fetching what one node serves of one log: into `incoming/`, so that an interrupted run goes on where it was.

Bodies that no rule of growth reads are checked against their entry and go to disk one by one; only what has to be judged
is given back. So a log with gigabytes of batches takes no more memory than its entries.
"""

import contextlib
from collections.abc import Sequence

from ledger.errors import CairnError, RuleError, at_place
from ledger.log import tiles
from ledger.log.body import verify_body
from ledger.log.entry import Entry
from ledger.log.identity import LogId
from node.client.http import LedgerHTTP, TransportError
from wallet_cli.progress import Progress
from wallet_cli.refold import LEFT_OUT
from wallet_cli.replica_writer import Incoming

NOT_FOUND = 404


class Fetcher:
    """Fetches one log from one node."""

    def __init__(self, http: LedgerHTTP, log_id: LogId, name: str, incoming: Incoming, progress: Progress) -> None:
        """Fetch `log_id`, which people know as `name`, into `incoming`."""
        self._http = http
        self._log_id = log_id
        self._name = name
        self._incoming = incoming
        self._progress = progress

    async def entries(self, start: int, size: int, *, max_bytes: int) -> list[bytes]:
        """Fetch the entries `[start, size)`; bundles that are full are kept.

        Raises:
            RuleError: they are longer than `max_bytes`.
            CairnError: the node does not serve them.
        """
        found: list[bytes] = []
        for index in range(start // tiles.TILE_WIDTH, -(-size // tiles.TILE_WIDTH)):
            bundle = self._incoming.bundle(index)
            if bundle is None:
                bundle = await self._http.entry_bundle(self._log_id, index, tiles.tile_width(0, index, size))
                self._incoming.put_bundle(index, bundle)
            found += bundle
            max_bytes -= sum(map(len, bundle))
            if max_bytes < 0:
                raise RuleError(f"entries: more bytes than are fetched at once, and {size} entries are claimed")
            self._progress(f"{self._name}: entries", len(found), size - start)
        return found[start % tiles.TILE_WIDTH :]

    async def bodies(self, wanted: Sequence[Entry]) -> dict[int, bytes]:
        """Fetch the bodies of these entries; gives those that have to be judged, the others wait in `incoming`.

        A full replica may thin out old pages, so batches and pages may be missing.

        Raises:
            ProofError, MalformedError: a body is not the one its entry names.
            CairnError: the node does not serve one that is needed.
        """
        judged: dict[int, bytes] = {}
        for done, entry in enumerate(wanted, 1):
            may_be_missing = entry.statement.kind in LEFT_OUT
            try:
                body = await self.body(entry)
            except TransportError as error:
                if error.status != NOT_FOUND or not may_be_missing:
                    raise
            else:
                judged.update({} if may_be_missing else {entry.index: body})
            self._progress(f"{self._name}: bodies", done, len(wanted))
        return judged

    async def body(self, entry: Entry) -> bytes:
        """Fetch one body, or take it from `incoming`, checked against its entry; it is in `incoming` afterwards."""
        reference = entry.statement.body
        if reference is None:
            raise ValueError("an entry without body")
        waiting = self._incoming.body(entry.index)
        if waiting is not None:
            # It may have come with another history of this log.
            with contextlib.suppress(CairnError):
                verify_body(entry.statement.kind, reference, waiting)
                return waiting
        data = await self._http.body(self._log_id, entry.index, max_bytes=reference.size)
        try:
            verify_body(entry.statement.kind, reference, data)
        except CairnError as error:
            raise at_place(error, f"log of {self._name}: entry {entry.index}") from error
        self._incoming.put_body(entry.index, data)
        return data
