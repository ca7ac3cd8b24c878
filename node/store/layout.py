"""Where things stand in LevelDB: the keys of one store, in the order of their bytes.

    "!version"                         format of this store, 8 bytes
    "#" log id (32)                    number of that log in this store, 4 bytes
    "@" number (4) tag (1) rest        everything of one log:
        "b" index (8)                  body of an entry, exact bytes
        "e" index (8)                  entry, exact bytes (the leaf data)
        "i" statement id (16)          index (8) of the first entry with that id
        "n" size (8)                   newest note held for that signed size; the last row is the newest of all
        "r"                            rotation of the log key that its root keys showed ahead of the log, exact bytes
        "s"                            state of the fold at some size not above the newest
        "t" level (1) index (8)        tile, full or the growing last one (its row is overwritten as it grows)
        "v" SHA-256 (32)               fork evidence, exact bytes
        "w"                            size (8) and root (32) this node cosigned last as a witness
        "x"                            Unix seconds (8) of the newest cosignature it made for this log

All integers are big-endian, so that the order of keys is the order of numbers. Logs are numbered, because 32 bytes of
log id in front of every key would be a third of what the node reads and writes.
"""

import hashlib

FORMAT_VERSION = 1
VERSION_KEY = b"!version"
LOG_NUMBERS = (b"#", b"$")
"""First key and end of the range of log numbers."""
LOG_ROWS = (b"@", b"A")
"""First key and end of the range of all rows of all logs."""


def log_number_key(log_id: bytes) -> bytes:
    """Where the number of a log stands."""
    return b"#" + log_id


def encode_log_number(number: int) -> bytes:
    """A log's number in this store as a value: 4 bytes."""
    return number.to_bytes(4, "big")


def encode_number(number: int) -> bytes:
    """A count or index as a value: 8 bytes."""
    return number.to_bytes(8, "big")


def parse_number(value: bytes) -> int:
    """The inverse of `encode_number`, and of the 4 bytes of a log's number."""
    return int.from_bytes(value, "big")


class LogKeys:
    """The keys of one log."""

    def __init__(self, number: int) -> None:
        """`number` is the log's number in this store, below 2^32."""
        self._prefix = LOG_ROWS[0] + number.to_bytes(4, "big")
        self.state = self._prefix + b"s"
        self.rotation = self._prefix + b"r"
        self.cosigned = self._prefix + b"w"
        self.cosigned_at = self._prefix + b"x"

    def entry(self, index: int) -> bytes:
        """Where an entry stands."""
        return self._prefix + b"e" + index.to_bytes(8, "big")

    def body(self, index: int) -> bytes:
        """Where an entry's body stands, if it has one that is held."""
        return self._prefix + b"b" + index.to_bytes(8, "big")

    def statement(self, statement_id: bytes) -> bytes:
        """Where the index of a statement's first entry stands."""
        return self._prefix + b"i" + statement_id

    def note(self, size: int) -> bytes:
        """Where the note for a signed size stands."""
        return self._prefix + b"n" + size.to_bytes(8, "big")

    def tile(self, level: int, index: int) -> bytes:
        """Where a tile stands."""
        return self._prefix + b"t" + bytes((level,)) + index.to_bytes(8, "big")

    def evidence(self, data: bytes) -> bytes:
        """Where a piece of evidence stands; the same bytes stand only once."""
        return self._prefix + b"v" + hashlib.sha256(data).digest()

    def all_rows(self) -> tuple[bytes, bytes]:
        """First key and end of the range of everything of this log."""
        return self._prefix, self._prefix + b"\xff"

    def all_notes(self) -> tuple[bytes, bytes]:
        """First key and end of the range of notes."""
        return self._prefix + b"n", self._prefix + b"o"

    def all_evidence(self) -> tuple[bytes, bytes]:
        """First key and end of the range of evidence."""
        return self._prefix + b"v", self._prefix + b"w"
