"""Held logs as they were known at a head of the network: each at the size that stood anchored below it.

A log of which nothing was anchored was known by its charter alone, which its id commits to. Fork evidence has no date but
that of the entry that put it on a ledger, so evidence that stands on none was not known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.earlier import rewind
from ledger.log.evidence import parse_fork
from ledger.log.identity import LogId
from ledger.log.members import AnchoredHead
from ledger.log.merkle import HashReader, RootHash
from ledger.log.network import Network, root_of_view
from ledger.log.state import LogState
from ledger.log.view import LogView


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head of the network's log with the time its quorum was complete.

    Attributes:
        size, root: of its tree.
        seconds: the time (Unix seconds).
        index: of the `anchor` that records it; `None` for the freshest held, which none records yet.
    """

    size: int
    root: bytes
    seconds: int
    index: int | None


def counting(heads: Sequence[AnchoredHead]) -> Sequence[AnchoredHead]:
    """Heads with a quorum; all of them where none has one, as `Network.newest_anchor` counts them."""
    return [head for head in heads if head.seconds is not None] or heads


@dataclass(frozen=True, slots=True)
class EarlierLog:
    """One log as it was known; satisfies `ledger.log.view.LogView`.

    Attributes:
        view: as it is held today.
        state: of then.
        note: the checkpoint that was anchored; `None` where nothing was.
        forks: the evidence that stood on a ledger.
    """

    view: LogView
    state: LogState
    note: bytes | None
    forks: tuple[bytes, ...]

    @property
    def read_hashes(self) -> HashReader:
        """Reads hashes of complete subtrees; those of then are those of today."""
        return self.view.read_hashes

    def entry(self, index: int) -> bytes:
        """Give the exact bytes of an entry of then (`IndexError` above)."""
        if index >= self.state.size:
            raise IndexError(f"entry {index} of {self.state.size}")
        return self.view.entry(index)

    def body(self, index: int) -> bytes | None:
        """Give the encoded body of an entry of then."""
        return self.view.body(index) if index < self.state.size else None

    def evidence(self) -> Sequence[bytes]:
        """Give the fork evidence that stood on a ledger then."""
        return self.forks


class EarlierLedger:
    """All logs as they were known; satisfies `ledger.log.view.LedgerView`."""

    def __init__(self, today: Network, head: KnownHead) -> None:
        """Look at what `today` holds as of `head`."""
        self._today = today
        self._head = head
        own = today.trust.network
        self._state = rewind(today.state, head.size, today.view.read_hashes)
        self._logs: dict[LogId, EarlierLog | None] = {}
        # In two steps, since what stood as evidence follows from the sizes of all logs, this one's included.
        self._sizes: dict[LogId, int] = {own: head.size}

    def log_ids(self) -> Sequence[LogId]:
        """Give the ids of all logs held, also those that nobody knew then."""
        return self._today.ledger.log_ids()

    def log(self, log_id: LogId) -> EarlierLog | None:
        """Give one log as it was known, by its charter at the least; `None` where it is not held."""
        if log_id not in self._logs:
            view = self._today.ledger.log(log_id)
            self._logs[log_id] = None if view is None else self._open(log_id, view)
        return self._logs[log_id]

    def _open(self, log_id: LogId, view: LogView) -> EarlierLog:
        if log_id == self._today.trust.network:
            state, note = self._state, self._own_note()
        else:
            head = self._find_head(log_id, view)
            state = rewind(view.state, 1 if head is None else head.size, view.read_hashes)
            note = None if head is None else self._find_note(head, view.state.charter.origin)
        return EarlierLog(view, state, note, self._find_evidence(view))

    def _find_head(self, log_id: LogId, view: LogView) -> AnchoredHead | None:
        """The largest head anchored by then that lies on the history held."""
        heads = counting(self._state.members.anchored.get(log_id, ()))
        for head in sorted(heads, key=lambda item: -item.size):
            if head.size <= view.state.size and root_of_view(view, head.size) == head.root:
                return head
        return None

    def _own_note(self) -> bytes | None:
        head = self._head
        if head.index is None:
            return self._today.view.note
        return next(iter(self._notes(head.index)), None)

    def _find_note(self, head: AnchoredHead, origin: str) -> bytes | None:
        wanted = Checkpoint(origin, head.size, RootHash(head.root))
        return next((note for note in self._notes(head.index) if _reads(note, wanted)), None)

    def _notes(self, index: int) -> Sequence[bytes]:
        body = self._today.view.body(index)
        return () if body is None else parse_body("anchor", body)

    def _find_evidence(self, view: LogView) -> tuple[bytes, ...]:
        # Without evidence at hand there is no fork to date, and no other log need be opened.
        if not view.evidence():
            return ()
        return tuple(item for log_id in self.log_ids() for item in self._evidence_in(log_id))

    def _evidence_in(self, log_id: LogId) -> Iterator[bytes]:
        view = self._today.ledger.log(log_id)
        if view is None or not view.state.evidence:
            return
        size = self._size_of(log_id, view)
        for index in view.state.evidence:
            body = view.body(index) if index < size else None
            yield from () if body is None else read_evidence(body)

    def _size_of(self, log_id: LogId, view: LogView) -> int:
        if log_id not in self._sizes:
            head = self._find_head(log_id, view)
            self._sizes[log_id] = 1 if head is None else head.size
        return self._sizes[log_id]


def read_evidence(body: bytes) -> Iterator[bytes]:
    """Give the items of an `evidence` body that are fork evidence; nothing in them is verified."""
    for item in parse_body("evidence", body):
        try:
            parse_fork(item)
        except CairnError:
            continue
        yield item


def _reads(note: bytes, wanted: Checkpoint) -> bool:
    try:
        return read_checkpoint(note) == wanted
    except CairnError:
        return False
