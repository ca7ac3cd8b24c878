"""CBOR (RFC 8949) as Merkle proofs of Blockcerts use it: integers, byte strings, texts, arrays and maps.

Everything of definite length, nothing tagged, no floats. Bounded in depth and in the number of items; every length is
held against what is left before anything is made of it.
"""

from typing import TypeAlias

from ledger.errors import MalformedError

CBORValue: TypeAlias = "int | bytes | str | list[CBORValue] | dict[int | str, CBORValue]"

MAX_DEPTH = 16
MAX_ITEMS = 10_000
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}


def parse_cbor(data: bytes) -> CBORValue:
    """The one value that `data` encodes.

    Raises:
        MalformedError: cut short, bytes left over, a bound met, or a type not read here.
    """
    reader = _Reader(data)
    value = reader.read(MAX_DEPTH)
    if reader.position != len(data):
        raise MalformedError(f"cbor: {len(data) - reader.position} bytes after the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.position, self.items = data, 0, 0

    def read(self, depth: int) -> CBORValue:
        self.items += 1
        if not depth or self.items > MAX_ITEMS:
            raise MalformedError(f"cbor: nested deeper than {MAX_DEPTH} levels, or more than {MAX_ITEMS} items")
        first = self.take(1)[0]
        major, number = first >> 5, self.number(first & 31)
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self.take(number)
            case 3:
                try:
                    return self.take(number).decode("utf-8")
                except UnicodeDecodeError as error:
                    raise MalformedError("cbor: a text that is not UTF-8") from error
            case 4:
                self.check(number)
                return [self.read(depth - 1) for _ in range(number)]
            case 5:
                self.check(2 * number)
                return self.map(number, depth)
            case _:
                raise MalformedError(f"cbor: an item of major type {major}, which is not read here")

    def map(self, length: int, depth: int) -> CBORValue:
        members: dict[int | str, CBORValue] = {}
        for _ in range(length):
            key = self.read(depth - 1)
            if not isinstance(key, int | str) or key in members:
                raise MalformedError("cbor: a name in a map that is neither number nor text, or stands twice")
            members[key] = self.read(depth - 1)
        return members

    def number(self, short: int) -> int:
        if short < 24:
            return short
        width = _WIDTHS.get(short)
        if width is None:
            raise MalformedError("cbor: a length that is not definite")
        return int.from_bytes(self.take(width))

    def check(self, count: int) -> None:
        """Every item takes a byte at least."""
        if count > len(self.data) - self.position:
            raise MalformedError("cbor: cut short")

    def take(self, count: int) -> bytes:
        self.check(count)
        self.position += count
        return self.data[self.position - count : self.position]
