"""Status pages: one byte per slot, noise to everybody who does not hold the slot's key (DESIGN 4).

A log's member keeps one random 32-byte list root. From it follow, by hashing alone, the key of every list and of every
slot in it:

    list key  = SHA-256("cairn/list/v1\\n" || list root || list number (4 bytes, big-endian))
    slot key  = SHA-256("cairn/slot/v1\\n" || list key || slot (4 bytes, big-endian))
    page byte = status XOR SHA-256("cairn/page/v1\\n" || slot key || statement id)[0]

A copy carries its slot key, so whoever is shown the copy reads that slot and no other. Every cut encodes every list
anew under the cut's own statement id: two pages with the same statuses share nothing. Encoding two pages under one id
would give away their difference; preventing that is the node's duty, not this module's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ledger import base64url
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError, ProofError

KEY_BYTES = 32
STATEMENT_ID_BYTES = 16
ITEM_BYTES = 1024
"""Bytes of one body item of a `status` entry, so slots in it."""
MAX_SLOT_COUNT = 1 << 20
"""Largest list; 20,000 learners (the most `init` takes) need 640,000 slots."""
MAX_LIST_NUMBER = (1 << 32) - 1

_STRIDE = 16_384
_LIST_CONTEXT = b"cairn/list/v1\n"
_SLOT_CONTEXT = b"cairn/slot/v1\n"
_PAGE_CONTEXT = b"cairn/page/v1\n"


class Status(IntEnum):
    """What a slot says. REVOKED and REPLACED are final, as a duty of the node that signs the pages."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    REPLACED = 3


class ListPlace(Protocol):
    """Where one list stands in the body of a `status` entry: a row of the entry's field `lists`."""

    @property
    def first(self) -> int:
        """Index of the list's first item in the body."""

    @property
    def log(self) -> bytes:
        """Log id (32 bytes) of the log that opened the list."""

    @property
    def number(self) -> int:
        """Number of the list in that log, from zero."""

    @property
    def slots(self) -> int:
        """Count of slots, a power of two."""


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Which slot holds the status of a copy, and the key that reads it (claim `status.cairn`).

    `key` is left out of the representation: it must not reach reports or log lines.
    """

    log: bytes
    number: int
    slot: int
    key: bytes

    def __repr__(self) -> str:
        return f"StatusReference(log={base64url.encode(self.log)}, number={self.number}, slot={self.slot})"


def list_key(list_root: bytes, number: int) -> bytes:
    """Key (32 bytes) of list `number` under a log's list root (32 bytes)."""
    _require_length(list_root, KEY_BYTES, "list root")
    return hashlib.sha256(_LIST_CONTEXT + list_root + number.to_bytes(4, "big")).digest()


def slot_key(key: bytes, slot: int) -> bytes:
    """Key `k` (32 bytes) of one slot of the list with this list key; it opens this slot on every page, for ever."""
    _require_length(key, KEY_BYTES, "list key")
    return hashlib.sha256(_SLOT_CONTEXT + key + slot.to_bytes(4, "big")).digest()


def is_slot_count(slots: int) -> bool:
    """Whether a list may have this many slots: a power of two from 1,024 to 1,048,576."""
    return ITEM_BYTES <= slots <= MAX_SLOT_COUNT and slots & (slots - 1) == 0


def encode_page(key: bytes, slots: int, statuses: Mapping[int, int] | bytes, statement_id: bytes) -> tuple[bytes, ...]:
    """Encode one list whole, for one `status` entry, as 1,024-byte body items (about a second for a million slots).

    Args:
        key: list key, 32 bytes.
        slots: slots of the list.
        statuses: the byte to encode per slot, as a mapping (slots left out read 0) or as one byte for every slot.
            `bytes` may hold values above 3: unknown slots of a recovered page keep what they had.
        statement_id: the 16 random bytes of that entry's statement, never used for a page before.
    """
    if not is_slot_count(slots):
        raise ValueError(f"status page: {slots} slots is not a power of two from {ITEM_BYTES} to {MAX_SLOT_COUNT}")
    (noise,) = _noise(key, slots, statement_id)
    plain = statuses if isinstance(statuses, bytes) else _spread(statuses, slots)
    return _items(_xor(noise, plain))


def decode_page(key: bytes, items: Sequence[bytes], statement_id: bytes) -> bytes:
    """Read one list whole: one byte per slot, values above 3 left as they stand for the caller to judge.

    Args:
        key: list key, 32 bytes.
        items: the list's own items of the body, in order, 1,024 bytes each.
        statement_id: of the entry, or of the entry it restates.

    Raises:
        MalformedError: the items do not make a list.
    """
    page = _join(items)
    (noise,) = _noise(key, len(page), statement_id)
    return _xor(noise, page)


def turn_page(
    key: bytes, before: Sequence[bytes], before_id: bytes, statuses: Mapping[int, int], next_id: bytes
) -> tuple[bytes, tuple[bytes, ...]]:
    """Decode a list as the page before has it and encode it for the next: the two calls above, with each slot key
    made once, which saves a quarter of the hashes of a cut.

    Args:
        key: list key, 32 bytes.
        before: the list's own items of the body before.
        before_id: the statement id that body is read with.
        statuses: per slot, for the next page; slots left out read 0.
        next_id: 16 random bytes, never used for a page before.

    Returns:
        One byte per slot as it was, and the items of the next page.

    Raises:
        MalformedError: the items do not make a list.
    """
    page = _join(before)
    old, new = _noise(key, len(page), before_id, next_id)
    return _xor(old, page), _items(_xor(new, _spread(statuses, len(page))))


def read_status(page_byte: int, key: bytes, statement_id: bytes) -> Status:
    """Read one slot with the slot key out of a copy.

    Raises:
        ProofError: the byte reads as no status: the slot key or the page is not the right one. A verifier answers
            `could not check`, never `no`.
    """
    _require_length(key, KEY_BYTES, "slot key")
    _require_length(statement_id, STATEMENT_ID_BYTES, "statement id")
    value = page_byte ^ hashlib.sha256(_PAGE_CONTEXT + key + statement_id).digest()[0]
    if value > Status.REPLACED:
        raise ProofError(
            "status: could not check: this slot key does not open the page",
            hint="ask the holder for a fresh copy, or the issuer whether its last status page is in order",
        )
    return Status(value)


def page_position(lists: Sequence[ListPlace], log: bytes, number: int, slot: int) -> tuple[int, int]:
    """Find a slot in the body of a `status` entry: index of the 1,024-byte item, and byte in it.

    Raises:
        ProofError: the entry restates no such list, or the list has no such slot.
    """
    for place in lists:
        if place.log == log and place.number == number:
            if not 0 <= slot < place.slots:
                raise ProofError(f"status: slot {slot} is beyond the {place.slots} slots of list {number}")
            return place.first + slot // ITEM_BYTES, slot % ITEM_BYTES
    raise ProofError(f"status: list {number} of log {base64url.encode(log)} is not on the page")


def encode_status_claim(reference: StatusReference) -> JSONObject:
    """The claim `status` of a copy, `{"cairn": {"list": {"log", "number"}, "slot", "k"}}`."""
    place: JSONObject = {"log": base64url.encode(reference.log), "number": reference.number}
    return {"cairn": {"list": place, "slot": reference.slot, "k": base64url.encode(reference.key)}}


def parse_status_claim(value: JSONValue) -> StatusReference | None:
    """Read the claim `status`; None where it names no Cairn list (other methods beside `cairn` are ignored).

    Raises:
        MalformedError: there is a `cairn` member that is not exactly what `encode_status_claim` makes.
    """
    if not isinstance(value, dict) or "cairn" not in value:
        return None
    cairn = _members(value["cairn"], "status.cairn", {"list", "slot", "k"})
    place = _members(cairn["list"], "status.cairn.list", {"log", "number"})
    return StatusReference(
        log=_key_bytes(place["log"], "status.cairn.list.log"),
        number=_count(place["number"], "status.cairn.list.number", MAX_LIST_NUMBER),
        slot=_count(cairn["slot"], "status.cairn.slot", MAX_SLOT_COUNT - 1),
        key=_key_bytes(cairn["k"], "status.cairn.k"),
    )


def _noise(key: bytes, slots: int, *statement_ids: bytes) -> tuple[bytes, ...]:
    """One byte per slot for each of the statement ids.

    Nothing but hashes in a comprehension, since a cut makes up to a million; a list of `_STRIDE` slot keys at a time,
    since a million of them would take a hundred megabytes.
    """
    _require_length(key, KEY_BYTES, "list key")
    for statement_id in statement_ids:
        _require_length(statement_id, STATEMENT_ID_BYTES, "statement id")
    sha256 = hashlib.sha256
    slot_prefix = _SLOT_CONTEXT + key
    noise = [bytearray() for _ in statement_ids]
    for start in range(0, slots, _STRIDE):
        numbers = range(start, min(start + _STRIDE, slots))
        page_prefixes = [_PAGE_CONTEXT + sha256(slot_prefix + slot.to_bytes(4, "big")).digest() for slot in numbers]
        for made, statement_id in zip(noise, statement_ids, strict=True):
            made += bytes([sha256(prefix + statement_id).digest()[0] for prefix in page_prefixes])
    return tuple(bytes(made) for made in noise)


def _join(items: Sequence[bytes]) -> bytes:
    page = b"".join(items)
    if any(len(item) != ITEM_BYTES for item in items) or not is_slot_count(len(page)):
        raise MalformedError(f"status page: {len(items)} items of {len(page)} bytes in all do not make a list")
    return page


def _items(page: bytes) -> tuple[bytes, ...]:
    return tuple(page[start : start + ITEM_BYTES] for start in range(0, len(page), ITEM_BYTES))


def _spread(statuses: Mapping[int, int], slots: int) -> bytes:
    plain = bytearray(slots)
    for slot, value in statuses.items():
        if not 0 <= slot < slots:
            raise ValueError(f"status page: slot {slot} is beyond the {slots} slots of the list")
        plain[slot] = Status(value)
    return bytes(plain)


def _xor(left: bytes, right: bytes) -> bytes:
    if len(left) != len(right):
        raise ValueError(f"status page: {len(right)} statuses for {len(left)} slots")
    # As two big integers: a hundred times as fast as byte by byte.
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _require_length(value: bytes, length: int, what: str) -> None:
    if len(value) != length:
        raise ValueError(f"{what}: {len(value)} bytes, expected {length}")


def _members(value: JSONValue, where: str, names: set[str]) -> JSONObject:
    if not isinstance(value, dict) or set(value) != names:
        raise MalformedError(f"{where}: expected an object with exactly {', '.join(sorted(names))}")
    return value


def _count(value: JSONValue, where: str, maximum: int) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise MalformedError(f"{where}: expected a whole number from 0 to {maximum}")
    return value


def _key_bytes(value: JSONValue, where: str) -> bytes:
    if not isinstance(value, str):
        raise MalformedError(f"{where}: expected base64url text of {KEY_BYTES} bytes")
    try:
        return base64url.decode(value, KEY_BYTES)
    except MalformedError as error:
        raise MalformedError(f"{where}: expected base64url text of {KEY_BYTES} bytes") from error
