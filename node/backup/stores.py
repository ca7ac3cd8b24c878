"""Both stores of a node as two streams of bytes, at one moment and while it runs.

The database is looked at first and the ledger store right after it, so that the log of a backup is never older than its
database. That order is what makes every restoration safe: what the outbox had not marked yet the log may already have,
and is found there by its id; the other way round a database could count on statements that its log has never seen.
"""

import struct
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from ledger.errors import MalformedError
from node.backup.archive import LEDGER, REGISTRAR
from node.registrar.database import Database
from node.store.ledgerstore import LedgerStore, Row

MAX_KEY_BYTES = 1024
MAX_VALUE_BYTES = 128 * 1024 * 1024
_LENGTHS = struct.Struct(">II")
_GATHERED_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bytes of one of the streams: `registrar` or `ledger`."""

    folder: str
    data: bytes


def stream_stores(database: Database, store: LedgerStore) -> Generator[Piece, None, None]:
    """Give the database, then the ledger store, both as they are at the first call of `next`.

    Close the generator if it is not read to its end: it holds a read transaction and a snapshot.
    """
    with database.dump() as lines, store.snapshot() as rows:
        for data in _gather(lines):
            yield Piece(REGISTRAR, data)
        for data in _gather(_LENGTHS.pack(len(key), len(value)) + key + value for key, value in rows):
            yield Piece(LEDGER, data)


def expected_bytes(database: Database, store: LedgerStore) -> int:
    """About how much `stream_stores` gives, for a progress bar."""
    return database.size_bytes() + store.size_bytes()


def read_rows(pieces: Iterable[bytes]) -> Iterator[Row]:
    """The ledger store's rows out of their stream.

    Raises:
        MalformedError: it does not end where a row ends, or a length is out of bounds.
    """
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        start = 0
        while len(buffer) - start >= _LENGTHS.size:
            key_bytes, value_bytes = _LENGTHS.unpack_from(buffer, start)
            if key_bytes > MAX_KEY_BYTES or value_bytes > MAX_VALUE_BYTES:
                raise MalformedError("ledger rows: a length is out of bounds", hint="use another backup")
            end = start + _LENGTHS.size + key_bytes + value_bytes
            if len(buffer) < end:
                break
            middle = start + _LENGTHS.size + key_bytes
            yield bytes(buffer[start + _LENGTHS.size : middle]), bytes(buffer[middle:end])
            start = end
        del buffer[:start]
    if buffer:
        raise MalformedError("ledger rows: the last is cut off", hint="use another backup")


def _gather(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces, none much larger than a message may be."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= _GATHERED_BYTES:
            yield bytes(waiting[:_GATHERED_BYTES])
            del waiting[:_GATHERED_BYTES]
    if waiting:
        yield bytes(waiting)
