"""Signed heads that are larger than our copy of a log, until the copy has grown there and they can be judged.

Whoever shows such a head mostly serves the entries too, and then growth settles it. A head that nobody serves is what a
thief of a log key, or a writer of two histories, shows to one victim alone: forgotten, it would never be held against him.
"""

from collections.abc import Sequence

from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.identity import LogId
from ledger.log.note import VerifierKey
from node.client.notes import merge_notes, signed_size, trim_note
from node.store.logstore import LogStore

MAX_CLAIMS = 8
"""Kept about one log; only the holder of its key can fill this, and each is evidence against him as soon as it is reached."""


class Claims:
    """Heads above what is held, by log; in memory alone. Used from the event loop's thread alone."""

    def __init__(self) -> None:
        self._claims: dict[LogId, dict[Checkpoint, tuple[bytes, str]]] = {}

    def keep(self, log: LogStore, note: bytes, address: str, witnesses: Sequence[VerifierKey] = ()) -> None:
        """Keep a note that is larger than our copy, if the key that signs for the log now signed it.

        Of too many, those that will be reached first stay.

        Args:
            log: our copy.
            note: as received; lines of strangers are left out, or anybody could make one head many.
            address: where it came from.
            witnesses: whose cosignatures are kept with it.
        """
        if not signed_size(note, log.state):
            return
        claims = self._claims.setdefault(log.state.log_id, {})
        note = trim_note(note, [log.state.verifier_key_at(log.state.size)], witnesses)
        head = read_checkpoint(note)
        held, first = claims.get(head, (note, address))
        claims[head] = merge_notes(held, note, witnesses) or held, first
        if len(claims) > MAX_CLAIMS:
            del claims[max(claims, key=lambda claim: claim.size)]

    def take_reached(self, log: LogStore) -> list[tuple[bytes, str]]:
        """Give, and forget, the notes our copy has grown up to, each with the address that it came from."""
        claims = self._claims.get(log.state.log_id, {})
        return [claims.pop(head) for head in [head for head in claims if head.size <= log.size]]
