"""Rows as a check reads them, and a layer of mended ones over those of a damaged store."""

import heapq
from collections.abc import Iterator
from typing import Protocol


class Rows(Protocol):
    """Keys and values in the order of their bytes."""

    def get(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""
        ...

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with `start <= key < stop`."""
        ...

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        """The keys alone, which costs no reading of large values."""
        ...


class MendedRows:
    """Rows of a store with some replaced and some left out; the store itself stays as it is.

    Attributes:
        put: rows that replace or join those below.
        left_out: keys below that do not count any more.
    """

    def __init__(self, below: Rows) -> None:
        """Begin with all rows of `below`."""
        self._below = below
        self.put: dict[bytes, bytes] = {}
        self.left_out: set[bytes] = set()

    def get(self, key: bytes) -> bytes | None:
        """The value under a key, or None."""
        if key in self.put:
            return self.put[key]
        return None if key in self.left_out else self._below.get(key)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with `start <= key < stop`."""
        hidden = self.left_out | self.put.keys()
        kept = (row for row in self._below.scan(start, stop) if row[0] not in hidden)
        mended = sorted(row for row in self.put.items() if start <= row[0] < stop)
        yield from heapq.merge(kept, mended)

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        """The keys alone."""
        hidden = self.left_out | self.put.keys()
        kept = (key for key in self._below.keys(start, stop) if key not in hidden)
        yield from heapq.merge(kept, sorted(key for key in self.put if start <= key < stop))

    def forget(self, key: bytes) -> None:
        """Take a mended row back."""
        self.put.pop(key, None)
