"""What nodes tell each other, as plain values.

`node.wire` turns them into messages and back; nothing else in the program knows the messages. A value that comes from
another node is bounded and well formed, and otherwise unproven: whoever takes it judges it.
"""

import re
from dataclasses import dataclass

from ledger.log.identity import LogId

MAX_MESSAGE_BYTES = 1024 * 1024
MAX_PACKAGE_ENTRIES = 256
# Of 1 MiB, so that a note of 64 KiB and the envelope always fit beside the entries.
MAX_PACKAGE_BYTES = 896 * 1024
MAX_PIECE_BYTES = 256 * 1024
MAX_PIECES = 256
MAX_NOTE_BYTES = 64 * 1024
MAX_PROOF_HASHES = 64
MAX_HEADS = 64
KNOWN_BYTES = 16
MAX_TOKEN_BYTES = 32
MAX_EVIDENCE_BYTES = 128 * 1024
MAX_EVIDENCE_PIECES = 4
MAX_LISTED_LOGS = 1000

_is_host_port = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}").fullmatch
# gRPC reads "unix:8471" as the name of a socket file, and knows more such words.
_SCHEMES = ("dns", "google-c2p", "ipv4", "ipv6", "unix", "unix-abstract", "vsock", "xds")


def is_host_port(address: str) -> bool:
    """Whether an address is "host:port" and nothing else that gRPC could be made to dial, such as a socket file."""
    return _is_host_port(address) is not None and address.rpartition(":")[0].lower() not in _SCHEMES


@dataclass(frozen=True, slots=True)
class LogSummary:
    """A log somebody says they hold: its origin and the number of entries."""

    log: LogId
    origin: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest checkpoint note somebody says they hold of a log.

    `size` is 0 and `note` None when they hold nothing; `cosigned_size` is the largest size they say they cosigned,
    `evidence_count` how many pieces of fork evidence about this log they keep. With `is_known` the note is None because
    it is the one the asker named.
    """

    log: LogId
    size: int
    note: bytes | None
    cosigned_size: int = 0
    evidence_count: int = 0
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Heads:
    """An answer about heads: one for each log asked for, and the token that stays the same until anything changes."""

    heads: tuple[Head, ...]
    token: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """Consecutive entries from index `first` on, and a checkpoint note of the size they end at, if there is one."""

    first: int
    entries: tuple[bytes, ...]
    note: bytes | None

    @property
    def end(self) -> int:
        """One past the index of the last entry."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True)
class BodyPiece:
    """The next bytes of the body of entry `index`; `last` when the body ends with them."""

    index: int
    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The leaf hash of an entry and the path from it to a root."""

    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OfferedHead:
    """A checkpoint note of a log, offered."""

    log: LogId
    note: bytes


@dataclass(frozen=True, slots=True)
class OfferedEvidence:
    """One encoded piece of fork evidence about a log, offered."""

    log: LogId
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Offers:
    """What one side of gossip shows the other; `address` is where the sender can be pulled from, or empty."""

    heads: tuple[OfferedHead, ...] = ()
    evidence: tuple[OfferedEvidence, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignRequest:
    """One call to a witness: cosign this note, which continues the log from `old_size`."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes
    address: str = ""
