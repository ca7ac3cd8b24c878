"""Numbers and bytes as C2SP texts write them on a line: one spelling each, anything else is refused.

Decimal without leading zeros; standard base64 (RFC 4648 §4) with padding and unused low bits zero.
"""

import binascii

from ledger.canonical import MAX_INTEGER
from ledger.errors import MalformedError
from ledger.log.merkle import HASH_BYTES

# Sizes and indexes stand in ledger JSON too, whose integers end here.
MAX_NUMBER = MAX_INTEGER

_SHOWN_CHARACTERS = 40


def parse_number(text: str, where: str) -> int:
    """Return a number from 0 to 2^53-1.

    Raises:
        MalformedError: not ASCII digits, too large, or with leading zeros; the message begins with `where`.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_NUMBER)) or int(text) > MAX_NUMBER:
        raise MalformedError(f"{where} {text[:_SHOWN_CHARACTERS]!r} is not a number up to {MAX_NUMBER}")
    if text != str(int(text)):
        raise MalformedError(f"{where} {text!r} has leading zeros")
    return int(text)


def encode_base64(data: bytes) -> str:
    """Return bytes as base64 on one line; `parse_base64` inverts it."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def parse_base64(text: str, where: str) -> bytes:
    """Return the bytes of a base64 text.

    Raises:
        MalformedError: not base64, or not in its one spelling; the message begins with `where`.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError(f"{where} is not base64") from error
    if encode_base64(data) != text:
        raise MalformedError(f"{where} is not in its one base64 spelling")
    return data


def parse_hash(text: str, where: str) -> bytes:
    """Return a hash of 32 bytes.

    Raises:
        MalformedError: not base64 of 32 bytes in its one spelling; the message begins with `where`.
    """
    data = parse_base64(text, where)
    if len(data) != HASH_BYTES:
        raise MalformedError(f"{where} has {len(data)} bytes instead of {HASH_BYTES}")
    return data
