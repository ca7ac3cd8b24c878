"""How much of the memory may be full of what slow readers have not taken yet, or slow writers not finished.

A body has up to 64 MiB and either side may take minutes over it. Without a bound a handful of them would exhaust the node.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from node.errors import BusyError

MAX_BYTES = 256 * 1024 * 1024


class Budget:
    """Counts bytes that are being sent. Used from the event loop's thread alone."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        """Allow `limit` bytes at a time; something larger passes when nothing else is being sent."""
        self._limit = limit
        self._held = 0

    @contextmanager
    def hold(self, length: int) -> Iterator[None]:
        """Hold so many bytes while they are being sent.

        Raises:
            BusyError: others hold too many.
        """
        if self._held and self._held + length > self._limit:
            raise BusyError("too much is being sent to others", hint="ask again in a minute")
        self._held += length
        try:
            yield
        finally:
            self._held -= length

    def take(self, length: int) -> None:
        """Hold so many bytes more, until `give` returns them.

        Raises:
            BusyError: others hold too many.
        """
        if self._held + length > self._limit:
            raise BusyError("too much is being received from others", hint="it goes on when they have finished")
        self._held += length

    def give(self, length: int) -> None:
        """Return what was taken."""
        self._held -= length
