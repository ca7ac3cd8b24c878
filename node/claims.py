"""Signed heads that are larger than our copy of a log, until the copy has grown there and they can be judged.

Whoever shows such a head mostly serves the entries too, and then growth settles it. A head that nobody serves is what a
thief of a log key, or a writer of two histories, shows to one victim alone: forgotten, it would never be held against him.
"""

from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from node.client.notes import signed_size
from node.store.logstore import LogStore

MAX_CLAIMS = 8
"""Kept about one log; only the holder of its key can fill this, and each is evidence against him as soon as it is reached."""


class Claims:
    """Heads above what is held, by log; in memory alone. Used from the event loop's thread alone."""

    def __init__(self) -> None:
        self._claims: dict[LogId, dict[bytes, str]] = {}

    def keep(self, log: LogStore, note: bytes, address: str) -> None:
        """Keep a note that is larger than our copy, if the key that signs for the log now signed it.

        Of too many, those that will be reached first stay.
        """
        if not signed_size(note, log.state):
            return
        claims = self._claims.setdefault(log.state.log_id, {})
        claims.setdefault(note, address)
        if len(claims) > MAX_CLAIMS:
            del claims[max(claims, key=lambda claim: read_checkpoint(claim).size)]

    def take_reached(self, log: LogStore) -> list[tuple[bytes, str]]:
        """Give, and forget, the notes our copy has grown up to, each with the address that it came from."""
        claims = self._claims.get(log.state.log_id, {})
        reached = [(note, address) for note, address in claims.items() if read_checkpoint(note).size <= log.size]
        for note, _ in reached:
            del claims[note]
        return reached
