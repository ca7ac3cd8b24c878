"""Places of a few bits each, packed into bytes and compressed, in the two ways that status lists have.

    Bitstring Status List   place 0 begins at the most significant bit of byte 0    gzip (RFC 1952)
    Token Status List       place 0 is the least significant bits of byte 0         zlib (RFC 1950)

Mixing them up reads another person's status, so both orders stand here side by side. What others compressed is expanded
up to a bound alone: a few kilobytes can stand for gigabytes.
"""

import zlib
from collections.abc import Mapping
from enum import IntEnum

from ledger.errors import MalformedError

MAX_LIST_BYTES = 16 * 1024 * 1024
"""Longest list that is expanded: 134 million places of one bit."""

MAX_PLACE_BITS = 16

_LEVEL = 9


class Compression(IntEnum):
    """How a list is compressed; the value is what zlib calls the window bits of that format."""

    ZLIB = 15
    GZIP = 31


def pack_left(values: Mapping[int, int], places: int, bits: int) -> bytes:
    """Pack values with place 0 at the most significant bit of byte 0 (Bitstring Status List §2.2)."""
    packed = bytearray(_length(values, places, bits))
    for place, value in values.items():
        for n in range(bits):
            if value >> (bits - 1 - n) & 1:
                at = place * bits + n
                packed[at >> 3] |= 0x80 >> (at & 7)
    return bytes(packed)


def read_left(data: bytes, place: int, bits: int) -> int:
    """The value at a place of a list packed by `pack_left`; the caller has checked the range."""
    first = place * bits
    last = first + bits
    covering = int.from_bytes(data[first >> 3 : (last + 7) >> 3])
    return covering >> (-last & 7) & ((1 << bits) - 1)


def pack_right(values: Mapping[int, int], places: int, bits: int) -> bytes:
    """Pack values with place 0 at the least significant bits of byte 0 (Token Status List §4.1); bits 1, 2, 4 or 8."""
    packed = bytearray(_length(values, places, bits))
    for place, value in values.items():
        at = place * bits
        packed[at >> 3] |= value << (at & 7)
    return bytes(packed)


def read_right(data: bytes, place: int, bits: int) -> int:
    """The value at a place of a list packed by `pack_right`; the caller has checked the range."""
    at = place * bits
    return data[at >> 3] >> (at & 7) & ((1 << bits) - 1)


def compress(data: bytes, form: Compression) -> bytes:
    """Compress a list; the same bytes each time, since no time or name is put into the header."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, form)
    return deflate.compress(data) + deflate.flush()


def expand(data: bytes, form: Compression, *, where: str) -> bytes:
    """Expand a compressed list.

    Raises:
        MalformedError: not of this form, cut short, with a wrong checksum or more behind its end, or longer than
            `MAX_LIST_BYTES`.
    """
    inflate = zlib.decompressobj(form)
    try:
        expanded = inflate.decompress(data, MAX_LIST_BYTES + 1)
    except zlib.error as error:
        raise MalformedError(f"{where}: not {form.name.lower()}: {error}") from error
    if len(expanded) > MAX_LIST_BYTES:
        raise MalformedError(f"{where}: expands to more than {MAX_LIST_BYTES} bytes, which is not done")
    if not inflate.eof:
        raise MalformedError(f"{where}: its {form.name.lower()} data are cut short")
    if inflate.unused_data:
        raise MalformedError(f"{where}: {len(inflate.unused_data)} bytes stand behind its {form.name.lower()} data")
    return expanded


def _length(values: Mapping[int, int], places: int, bits: int) -> int:
    if not 0 < bits <= MAX_PLACE_BITS:
        raise ValueError(f"{bits} bits for a place")
    if any(not (0 <= place < places and 0 <= value < 1 << bits) for place, value in values.items()):
        raise ValueError(f"a value does not fit {places} places of {bits} bits")
    return (places * bits + 7) >> 3
