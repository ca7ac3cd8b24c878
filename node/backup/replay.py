"""Replaying every log of a store from its first entry, as a stranger would: what a restored store must survive.

Opening a store trusts its snapshots; this trusts nothing. Entries, bodies and notes are judged by `ledger.log.follow`
from zero, and the stored tree is asked for the root that the newest note signs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.errors import CairnError, MalformedError
from ledger.log import merkle
from ledger.log.checkpoint import read_checkpoint
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId, encode_log_id
from ledger.log.state import LogState
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore

STEP_ENTRIES = 64
"""Least entries judged at once; bodies may be large, so not many more are held in memory."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One log that was replayed: its id, and how many entries it has."""

    log: LogId
    size: int


def replay_store(store: LedgerStore, progress: Callable[[int, int], None]) -> tuple[Replayed, ...]:
    """Judge every log; returns what was judged.

    Args:
        store: an open store.
        progress: told how many entries are done, of how many.

    Raises:
        MalformedError: a log is damaged; the message says which, and where as far as that is known.
    """
    logs = [(log_id, log) for log_id in store.log_ids() if (log := store.log(log_id)) is not None]
    total = sum(log.size for _, log in logs)
    done = 0
    for log_id, log in logs:
        try:
            _replay(log, lambda count, before=done: progress(before + count, total))  # type: ignore[misc]  # a default
        except CairnError as error:
            raise MalformedError(f"log {encode_log_id(log_id)}: {error}", hint="use another backup") from error
        done += log.size
    return tuple(Replayed(log_id, log.size) for log_id, log in logs)


def _replay(log: LogStore, progress: Callable[[int], None]) -> None:
    state: LogState | None = None
    start = 0
    for size in _signed_sizes(log):
        note = log.note_at(size)
        assert note is not None  # the size was read from it
        bodies = [log.body(index) for index in range(start, size)]
        state = judge_growth(state, log.entries(start, size), bodies, note, in_place=True).state
        start = size
        progress(size)
    if state is None or merkle.root_at(log.size, log.read_hashes) != read_checkpoint(log.note).root:
        raise MalformedError(f"the stored tree has not the root that is signed for size {log.size}")


def _signed_sizes(log: LogStore) -> list[int]:
    """Sizes with a note, ascending, `STEP_ENTRIES` apart or more, the newest always."""
    sizes = sorted(read_checkpoint(note).size for note in log.newest_notes(log.size + 1))
    chosen: list[int] = []
    for size in sizes:
        if size - (chosen[-1] if chosen else 0) >= STEP_ENTRIES or size == sizes[-1]:
            chosen.append(size)
    return [size for size in chosen if size <= log.size]
