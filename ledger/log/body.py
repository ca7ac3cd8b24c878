"""Bodies: the bulky data beside an entry, bound by the RFC 6962 root over its items.

How items are written depends on the kind of the entry. `issue` and `status` have items of one length (32 and 1,024
bytes) that simply follow each other. `publish` has one item, the document, which is the whole body. Every other kind,
known or not, writes the length of each item before it, 4 bytes, big-endian. Each list of items has one encoding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger import base64url
from ledger.canonical import MAX_INTEGER, Fields, JSONObject
from ledger.errors import MalformedError, ProofError
from ledger.log.merkle import HASH_BYTES, RootHash, root_of_items

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
ITEM_LENGTHS = {"issue": 32, "status": 1024}

_LENGTH_BYTES = 4
_DOCUMENT_KIND = "publish"


@dataclass(frozen=True, slots=True)
class BodyReference:
    """What a statement says about its body: number of items, root over them, and bytes of the encoded body."""

    items: int
    root: RootHash
    size: int

    def to_json(self) -> JSONObject:
        """Return the ledger JSON form, `{"items","root","size"}`."""
        return {"items": self.items, "root": base64url.encode(self.root), "size": self.size}


def parse_body_reference(value: object, where: str) -> BodyReference:
    """Return the reference of a parsed `{"items","root","size"}` object; `where` names it in errors.

    Raises:
        MalformedError: another shape, or a size above `MAX_BODY_BYTES`.
    """
    fields = Fields(value, where)
    items = fields.integer("items", 0, MAX_INTEGER)
    root = RootHash(fields.data("root", HASH_BYTES))
    size = fields.integer("size", 0, MAX_BODY_BYTES)
    fields.finish()
    return BodyReference(items, root, size)


def encode_body(kind: str, items: Iterable[bytes]) -> bytes:
    """Return the encoded body.

    Raises:
        MalformedError: an item of the wrong length for `kind`, other than one document, or over a limit.
    """
    parts = items if isinstance(items, list | tuple) else list(items)
    length = ITEM_LENGTHS.get(kind)
    if length is not None:
        if any(len(item) != length for item in parts):
            raise MalformedError(f"body: an item of kind {kind} has {length} bytes")
        data = b"".join(parts)
    elif kind == _DOCUMENT_KIND:
        if len(parts) != 1:
            raise MalformedError(f"body: kind {kind} has one item, not {len(parts)}")
        data = parts[0]
    else:
        data = b"".join([piece for item in parts for piece in (len(item).to_bytes(_LENGTH_BYTES), item)])
    _check_size(kind, len(data))
    return data


def parse_body(kind: str, data: bytes) -> tuple[bytes, ...]:
    """Return the items of an encoded body.

    Raises:
        MalformedError: over a limit, or not a whole number of items.
    """
    _check_size(kind, len(data))
    length = ITEM_LENGTHS.get(kind)
    if length is not None:
        if len(data) % length:
            raise MalformedError(f"body: {len(data)} bytes are no whole number of {length}-byte items")
        return tuple([data[start : start + length] for start in range(0, len(data), length)])
    if kind == _DOCUMENT_KIND:
        return (data,)
    return _parse_lengths(data)


def describe_body(kind: str, items: Sequence[bytes]) -> BodyReference:
    """Return the reference that a statement of `kind` needs for these items.

    Raises:
        MalformedError: as `encode_body`.
    """
    return BodyReference(len(items), root_of_items(items), len(encode_body(kind, items)))


def verify_body(kind: str, reference: BodyReference, data: bytes) -> tuple[bytes, ...]:
    """Return the items of `data` if it is the body that `reference` names.

    1. Size, before anything is cut.
    2. Items parse, and their number is right.
    3. The root over them is right.

    Raises:
        MalformedError: over a limit, or not a whole number of items.
        ProofError: another size, number or root.
    """
    if len(data) != reference.size:  # 1
        raise ProofError(f"body: {len(data)} bytes instead of {reference.size}")
    items = parse_body(kind, data)  # 2
    if len(items) != reference.items:
        raise ProofError(f"body: {len(items)} items instead of {reference.items}")
    root = root_of_items(items)  # 3
    if root != reference.root:
        raise ProofError(f"body: root {root.hex()} is not {reference.root.hex()}")
    return items


def _check_size(kind: str, size: int) -> None:
    limit = MAX_DOCUMENT_BYTES if kind == _DOCUMENT_KIND else MAX_BODY_BYTES
    if size > limit:
        raise MalformedError(f"body: {size} bytes exceed the limit of {limit}")


def _parse_lengths(data: bytes) -> tuple[bytes, ...]:
    items: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start])
        if start > end or position > end:
            raise MalformedError(f"body: ends within item {len(items)}")
        items.append(data[start:position])
    return tuple(items)
