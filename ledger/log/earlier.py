"""The state of a log as it was at an earlier size, told from the newest state without folding a single entry again.

What verification reads of a state keeps its own history: since which entry a key, a page, a decision or a void stands there.
So whatever an entry from `size` on brought is left out, and what such an entry changed is put back. A test holds this
against the fold, at every size of a log that has seen everything.

Names, URLs and the batch policy are those of today: they say how an institution is called and reached now. What growth alone
asks of a state (ids, roots, assigned keys, lists, the recent tree) is not there, so an earlier state cannot grow.
"""

from bisect import bisect_left
from dataclasses import replace
from typing import TypeVar

from ledger.log.effects import DocumentRecord, Effect, StatusRecord
from ledger.log.entry import Entry
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRecord, KeyRing
from ledger.log.members import AnchoredHead, MemberRecord, Membership
from ledger.log.merkle import HashReader, frontier_at
from ledger.log.state import LogState

_Indexed = TypeVar("_Indexed", MemberRecord, AnchoredHead)


class EarlierState(LogState):
    """A state that is only read; made by `rewind`."""

    __slots__ = ()

    def apply(self, entry: Entry, body: bytes | None, *, is_prechecked: bool = False) -> Effect:
        """Refuse: what growth asks of a state is not here."""
        raise ValueError("an earlier state is only read; the newest one grows")


def rewind(state: LogState, size: int, read: HashReader) -> LogState:
    """Give what a state was after its first `size` entries.

    Args:
        state: of at least so many entries. It is not changed; the result shares what never changes.
        size: from 1 on. The caller compares the root with one that was signed.
        read: hashes of the held tree.
    """
    if not 0 < size <= state.size:
        raise ValueError(f"size {size} of a log of {state.size}")
    earlier = EarlierState(state.log_id, state.charter)
    earlier.name, earlier.grpc, earlier.urls = state.name, state.grpc, state.urls
    earlier.batches, earlier.issues = state.batches, state.issues
    earlier.frontier = frontier_at(size, read)
    earlier.log_keys = [item for item in state.log_keys if item[0] < size]
    earlier.thefts = [theft for theft in state.thefts if theft.index < size]
    earlier.keys = _rewind_keys(state, size)
    earlier.void = {index: reason for index, reason in state.void.items() if index < size}
    earlier.restated = {
        index: kept
        for index, items in state.restated.items()
        if (kept := [item for item in items if item.index < size])
    }
    earlier.statuses = _pages_below(state, size)
    earlier.documents = {name: _reopen(record, size) for name, record in state.documents.items() if record.index < size}
    earlier.evidence = [index for index in state.evidence if index < size]
    earlier.members = _rewind_members(state.members, size)
    earlier.unknowns = [item for item in state.unknowns if item[0] < size]
    return earlier


def cut_pages(state: LogState, size: int) -> LogState:
    """Give a state that knows no status page from entry `size` on, and everything else as it is known now."""
    cut = EarlierState(state.log_id, state.charter)
    for name in LogState.__slots__:
        setattr(cut, name, getattr(state, name))
    cut.statuses = _pages_below(state, size)
    return cut


def _pages_below(state: LogState, size: int) -> list[StatusRecord]:
    # Ascending, and by far the longest list of all: one page for every cut ever made.
    return state.statuses[: bisect_left(state.statuses, size, key=lambda page: page.index)]


def _rewind_keys(state: LogState, size: int) -> KeyRing:
    since = {theft.key: theft.since for theft in state.thefts if theft.index < size}
    return KeyRing(
        {
            key_id: KeyRecord(
                key=record.key,
                role=record.role,
                added=record.added,
                retired=None if record.retired is None or record.retired >= size else record.retired,
                stolen_since=since.get(key_id),
            )
            for key_id, record in state.keys.records.items()
            if record.added < size
        }
    )


def _reopen(record: DocumentRecord, size: int) -> DocumentRecord:
    return record if record.closed is None or record.closed < size else replace(record, closed=None, closer=None)


def _rewind_members(members: Membership, size: int) -> Membership:
    earlier = Membership()
    earlier.records = _below(members.records, size)
    earlier.anchored = _below(members.anchored, size)
    earlier.witness_sets = [item for item in members.witness_sets if item.since < size]
    return earlier


def _below(lists: dict[LogId, list[_Indexed]], size: int) -> dict[LogId, list[_Indexed]]:
    kept = ((log, items[: bisect_left(items, size, key=lambda item: item.index)]) for log, items in lists.items())
    return {log: items for log, items in kept if items}
