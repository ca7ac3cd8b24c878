"""Reading the store for others: heads, packages of entries, pieces of bodies, proofs, evidence.

Nothing here decides anything: all of it verifies itself. Packages end at signed sizes wherever one lies within reach,
so that a follower need not keep much that it cannot yet prove.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from ledger.errors import MalformedError
from ledger.log import merkle
from ledger.log.checkpoint import read_checkpoint
from ledger.log.evidence import strongest_first
from ledger.log.identity import LogId, encode_log_id
from node.budget import Budget
from node.client import exchange
from node.client.exchange import BodyPiece, Head, Heads, Inclusion, LogSummary, Package
from node.client.failures import UnknownLogError
from node.client.notes import name_note
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore


class Serving:
    """Answers about any log of one store. Methods that are not async block on the disk: call them in a thread."""

    def __init__(self, store: LedgerStore, token: Callable[[], bytes] = bytes) -> None:
        """Answer from this store; `token` stays the same while nothing in it changes, empty where nobody can tell."""
        self._store = store
        self._token = token
        self._names: dict[LogId, tuple[bytes, tuple[bytes, bytes]]] = {}
        self._budget = Budget()

    def list_logs(self, after: bytes, limit: int) -> tuple[tuple[LogSummary, ...], bool]:
        """One page of logs with ids above `after`, ascending, and whether more follow."""
        limit = min(limit or exchange.MAX_LISTED_LOGS, exchange.MAX_LISTED_LOGS)
        ids = sorted(log for log in self._store.log_ids() if log > after)
        states = [self._log(log).state for log in ids[:limit]]
        return tuple(LogSummary(s.log_id, s.charter.origin, s.size) for s in states), len(ids) > limit

    def heads(self, logs: Sequence[LogId], known: Sequence[bytes]) -> Heads:
        """The newest note of each log, in the order asked, left out where it is known; size 0 where nothing is held."""
        # The token first: what changes while the notes are read is news for the next question.
        token = self._token()
        return Heads(tuple(self._head(log, name) for log, name in zip(logs, known, strict=True)), token)

    async def packages(self, log_id: LogId, start: int, end: int) -> AsyncIterator[Package]:
        """The entries [start, end) in packages within the limits of a message.

        Raises:
            UnknownLogError: the log is not held.
            MalformedError: the range ends above what is held.
        """
        log = self._log(log_id)
        _check_held(log, end)
        position = start
        while position < end:
            package = await asyncio.to_thread(
                _read_package, log, position, min(end, position + exchange.MAX_PACKAGE_ENTRIES)
            )
            yield package
            position = package.end

    async def pieces(self, log_id: LogId, start: int, end: int) -> AsyncIterator[tuple[BodyPiece, ...]]:
        """The bodies held of the entries [start, end), cut and gathered into messages.

        Raises:
            UnknownLogError: the log is not held.
            MalformedError: the range ends above what is held.
            BusyError: too much is being sent to others.
        """
        log = self._log(log_id)
        _check_held(log, end)
        gathered: list[BodyPiece] = []
        room = exchange.MAX_PIECE_BYTES
        for index in range(start, end):
            body = await asyncio.to_thread(log.body, index)
            if body is None:
                continue
            position = 0
            with self._budget.hold(len(body)):
                # A body is never empty: its statement names at least one item.
                while position < len(body):
                    data = body[position : position + room]
                    position += len(data)
                    room -= len(data)
                    gathered.append(BodyPiece(index, data, position == len(body)))
                    if room == 0 or len(gathered) == exchange.MAX_PIECES:
                        yield tuple(gathered)
                        gathered, room = [], exchange.MAX_PIECE_BYTES
        if gathered:
            yield tuple(gathered)

    def inclusion(self, log_id: LogId, index: int, size: int) -> Inclusion:
        """Leaf hash and path of an entry in the tree of `size` entries."""
        log = self._log(log_id)
        _check_held(log, size)
        if index >= size:
            raise MalformedError(f"inclusion: index {index} is not below size {size}")
        return Inclusion(merkle.hash_leaf(log.entry(index)), merkle.prove_inclusion(index, size, log.read_hashes))

    def consistency(self, log_id: LogId, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """A proof that the tree of `new_size` continues that of `old_size`."""
        log = self._log(log_id)
        _check_held(log, new_size)
        if not 0 < old_size <= new_size:
            raise MalformedError(f"consistency: sizes {old_size} and {new_size} are not in order from 1")
        return merkle.prove_consistency(old_size, new_size, log.read_hashes)

    def evidence(self, log_id: LogId, skip: int) -> tuple[tuple[bytes, ...], bool]:
        """One page of the fork evidence kept about a log, and whether more follows.

        The strongest comes first: callers read so many and no more, and a thief of the key can make any number of the weak.
        """
        pieces = [piece for piece in self._log(log_id).evidence() if len(piece) <= exchange.MAX_EVIDENCE_BYTES]
        pieces = strongest_first(pieces)
        end = skip + exchange.MAX_EVIDENCE_PIECES
        return tuple(pieces[skip:end]), len(pieces) > end

    def _head(self, log_id: LogId, known: bytes) -> Head:
        log = self._store.log(log_id)
        if log is None:
            return Head(log=log_id, size=0, note=None)
        # The size is read from the note: a commit may fall between two looks at the log.
        note = log.note
        is_known = bool(known) and known in self._name(log_id, note)
        return Head(
            log=log_id,
            size=read_checkpoint(note).size,
            note=None if is_known else note,
            cosigned_size=log.cosigned_size(),
            evidence_count=len(log.evidence()),
            is_known=is_known,
        )

    def _name(self, log_id: LogId, note: bytes) -> tuple[bytes, bytes]:
        """The names of a note. A hundred followers ask about the same one, so the last of each log is kept."""
        kept = self._names.get(log_id)
        if kept is None or kept[0] is not note:
            kept = self._names[log_id] = note, name_note(note)
        return kept[1]

    def _log(self, log_id: LogId) -> LogStore:
        log = self._store.log(log_id)
        if log is None:
            raise UnknownLogError(f"log {encode_log_id(log_id)} is not held here", hint="ListLogs names those that are")
        return log


def _check_held(log: LogStore, size: int) -> None:
    if size > log.state.size:
        raise MalformedError(f"log {encode_log_id(log.state.log_id)}: size {size} asked for, {log.state.size} held")


def _read_package(log: LogStore, start: int, end: int) -> Package:
    entries = list(log.entries(start, end))
    total = 0
    for count, entry in enumerate(entries):
        total += len(entry)
        if total > exchange.MAX_PACKAGE_BYTES:
            del entries[count:]
            break
    for size in range(start + len(entries), start, -1):
        note = log.note_at(size)
        if note is not None:
            return Package(start, tuple(entries[: size - start]), note)
    return Package(start, tuple(entries), None)
