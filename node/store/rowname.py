"""What the key of a stored row says: the reading direction of `node.store.layout`.

Whoever looks for damage must be able to say of every key what stands there, or that nothing should.
"""

from dataclasses import dataclass
from enum import Enum

from node.store import layout

_NUMBER_BYTES = 4
_INDEX_BYTES = 8
_HASH_BYTES = 32
_ID_BYTES = 16


class RowKind(Enum):
    """Every class of row in the ledger store; the value is what its key begins with, after the log's number if any."""

    VERSION = layout.VERSION_KEY
    LOG_NUMBER = layout.LOG_NUMBERS[0]
    BODY = b"b"
    ENTRY = b"e"
    STATEMENT_ID = b"i"
    NOTE = b"n"
    ROTATION = b"r"
    STATE = b"s"
    TILE = b"t"
    EVIDENCE = b"v"
    COSIGNED = b"w"
    COSIGNED_AT = b"x"

    @property
    def words(self) -> str:
        """What people call it."""
        return _WORDS[self]


_WORDS = {
    RowKind.VERSION: "format version",
    RowKind.LOG_NUMBER: "log number",
    RowKind.BODY: "body",
    RowKind.ENTRY: "entry",
    RowKind.STATEMENT_ID: "statement id",
    RowKind.NOTE: "checkpoint note",
    RowKind.ROTATION: "rotation shown ahead of the log",
    RowKind.STATE: "state snapshot",
    RowKind.TILE: "tile",
    RowKind.EVIDENCE: "fork evidence",
    RowKind.COSIGNED: "cosigned size",
    RowKind.COSIGNED_AT: "time of the newest cosignature",
}
_REST_BYTES = {
    RowKind.BODY: _INDEX_BYTES,
    RowKind.ENTRY: _INDEX_BYTES,
    RowKind.STATEMENT_ID: _ID_BYTES,
    RowKind.NOTE: _INDEX_BYTES,
    RowKind.ROTATION: 0,
    RowKind.STATE: 0,
    RowKind.TILE: 1 + _INDEX_BYTES,
    RowKind.EVIDENCE: _HASH_BYTES,
    RowKind.COSIGNED: 0,
    RowKind.COSIGNED_AT: 0,
}
"""Length of what follows the tag, per class of a log's rows."""
_BY_TAG = {kind.value: kind for kind in _REST_BYTES}


@dataclass(frozen=True, slots=True)
class RowName:
    """A key, read.

    Attributes:
        kind: which class of row.
        number: of the log in this store; -1 for rows of the whole store.
        rest: what follows the tag: an index, a size, a level and index, an id or a hash.
    """

    kind: RowKind
    number: int
    rest: bytes

    @property
    def index(self) -> int:
        """The index or size that the key ends with, where it has one."""
        return int.from_bytes(self.rest[-_INDEX_BYTES:], "big")

    @property
    def level(self) -> int:
        """The level of a tile."""
        return self.rest[0]


def parse_key(key: bytes) -> RowName | None:
    """Read a key; None where the layout knows no such key."""
    if key == layout.VERSION_KEY:
        return RowName(RowKind.VERSION, -1, b"")
    if key[:1] == RowKind.LOG_NUMBER.value and len(key) == 1 + _HASH_BYTES:
        return RowName(RowKind.LOG_NUMBER, -1, key[1:])
    if key[:1] != layout.LOG_ROWS[0] or len(key) < 2 + _NUMBER_BYTES:
        return None
    kind = _BY_TAG.get(key[1 + _NUMBER_BYTES : 2 + _NUMBER_BYTES])
    rest = key[2 + _NUMBER_BYTES :]
    if kind is None or len(rest) != _REST_BYTES[kind]:
        return None
    return RowName(kind, int.from_bytes(key[1 : 1 + _NUMBER_BYTES], "big"), rest)


def range_of(number: int, kind: RowKind) -> tuple[bytes, bytes]:
    """First key and end of the range of one class of rows of one log."""
    start = layout.LOG_ROWS[0] + number.to_bytes(_NUMBER_BYTES, "big") + kind.value
    return start, start[:-1] + bytes((start[-1] + 1,))
