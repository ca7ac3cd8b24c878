"""The receipts that come beside a file in a form of other software: a JSON array of them, each unread here."""

import json
from collections.abc import Iterable

from ledger.credential.strict_json import parse_strict_json
from ledger.errors import MalformedError

MAX_BYTES = 4 << 20


def parse_receipts(data: bytes, name: str) -> tuple[object, ...]:
    """The receipts in a file: an array, or one alone.

    Raises:
        MalformedError: it holds none.
    """
    value = parse_strict_json(data, max_bytes=MAX_BYTES, where=f"receipts {name}")
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) for item in items):
        raise MalformedError(f"{name}: expected an array of receipts", hint="`cairn-node copy --receipts` writes them")
    return tuple(items)


def encode_receipts(receipts: Iterable[object]) -> bytes:
    """The file of some receipts; `parse_receipts` inverts it."""
    return json.dumps(list(receipts), indent=2, ensure_ascii=True).encode() + b"\n"
