"""The logs a node holds, each as of its newest head: what somebody with a light replica of this moment would see.

The store shows a log as it grows. A verdict must rest on one state of it, under a checkpoint that carries its quorum; between
a commit and its cosignatures that is an earlier one. States are taken as they pass by, and folded anew from the entries
where none was taken. Nothing here changes or follows the store afterwards: look again to see more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from ledger.log.merkle import HashReader, root_at
from ledger.log.state import LogState, found_state
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore


@dataclass(frozen=True, slots=True)
class HeadLog:
    """One log up to a head; satisfies `ledger.log.view.LogView`."""

    log: LogStore
    state: LogState
    note: bytes
    forks: tuple[bytes, ...]

    @property
    def read_hashes(self) -> HashReader:
        """Reads hashes of complete subtrees; those below the head never change."""
        return self.log.read_hashes

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry below the head (`IndexError` above it)."""
        if index >= self.state.size:
            raise IndexError(f"entry {index} of {self.state.size}")
        return self.log.entry(index)

    def body(self, index: int) -> bytes | None:
        """The encoded body of an entry below the head."""
        return self.log.body(index) if index < self.state.size else None

    def evidence(self) -> Sequence[bytes]:
        """The fork evidence held when this was looked at."""
        return self.forks


class NewestHeads:
    """All held logs at their newest heads; satisfies `ledger.log.view.LedgerView`. Used by one thread at a time.

    Args:
        store: the ledger store.
        newest_head: gives the note to stand on, see `node.directory`.
    """

    def __init__(self, store: LedgerStore, newest_head: Callable[[LogId], bytes | None]) -> None:
        self._store = store
        self._newest_head = newest_head
        self._logs: dict[LogId, HeadLog] = {}

    def look(self) -> bool:
        """Look at the store; tell whether anything has changed since the last look. Blocks on the disk."""
        changed = False
        for log_id in self._store.log_ids():
            log, note = self._store.log(log_id), self._newest_head(log_id)
            if log is None or note is None:
                continue
            known = self._logs.get(log_id)
            forks = log.evidence()
            if known is None or (known.note, known.forks) != (note, forks):
                self._logs[log_id] = HeadLog(log, _state_at(log, note, known), note, forks)
                changed = True
        return changed

    def log_ids(self) -> Sequence[LogId]:
        """The ids of all logs seen."""
        return tuple(self._logs)

    def log(self, log_id: LogId) -> HeadLog | None:
        """One log as it was when it was last looked at."""
        return self._logs.get(log_id)


def _state_at(log: LogStore, note: bytes, known: HeadLog | None) -> LogState:
    size = read_checkpoint(note).size
    newest = log.state
    if newest.size == size:
        return newest
    if known is not None and not _is_of(known.state, log):
        known = None
    if known is not None and known.state.size == size:
        return known.state
    # A few thousand entries at most: a school makes three a night.
    is_below = known is not None and known.state.size < size
    state = known.state.copy() if known is not None and is_below else found_state(parse_entry(log.entry(0)))
    for index in range(state.size, size):
        state.apply(parse_entry(log.entry(index)), log.body(index))
    return state


def _is_of(state: LogState, log: LogStore) -> bool:
    """Whether a state is of the history held now: the tail may have been replaced since (`node.branch`)."""
    return state.size <= log.size and root_at(state.size, log.read_hashes) == state.frontier.root()
