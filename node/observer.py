"""Who hears of work that ended: how long it took and how it went, never what it was about.

The parts of a node that do work tell an `Observer`; `node.metrics` counts what it hears, `node.tracing` sends it to the
operator's collector. Neither changes what the node does. What is told is bounded: names of methods and outcomes, numbers of
entries, seconds.
"""

from collections.abc import Sequence


class Observer:
    """Hears everything and does nothing; what listens overrides what it wants to hear.

    Called from any thread; must neither block nor raise.
    """

    def call_ended(self, method: str, status: str, seconds: float) -> None:
        """A call of our gRPC services ended.

        Args:
            method: such as "/cairn.v1.Ledger/GetHeads"; one of those that this node serves.
            status: name of its gRPC status, such as "OK".
            seconds: from its first byte to its end.
        """

    def commit_ended(self, entries: int, seconds: float) -> None:
        """A group of entries became durable in the own log."""

    def cosigned(self, seconds: float) -> None:
        """A witness answered a request with a good cosignature, this long after it was asked."""

    def cut_ended(self, outcome: str, seconds: float) -> None:
        """A cut was tried: `made`, `made without quorum` or `not made`."""


SILENT = Observer()
"""Where nobody listens."""


class Observers(Observer):
    """Tells several observers."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        """Tell these, in this order."""
        self._observers = tuple(observers)

    def call_ended(self, method: str, status: str, seconds: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.call_ended(method, status, seconds)

    def commit_ended(self, entries: int, seconds: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.commit_ended(entries, seconds)

    def cosigned(self, seconds: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.cosigned(seconds)

    def cut_ended(self, outcome: str, seconds: float) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.cut_ended(outcome, seconds)
