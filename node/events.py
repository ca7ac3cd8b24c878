"""Who grew: the news that a log has a new newest note, handed to the tasks that act on it.

News is coalesced: a listener that is busy finds each log named once, however often it grew, so nothing queues up
without bound and nobody who publishes ever waits.
"""

import asyncio

from ledger.log.identity import LogId


class Listener:
    """One task's share of the news. Belongs to the task that awaits it."""

    def __init__(self) -> None:
        self._pending: dict[LogId, None] = {}
        self._ready = asyncio.Event()

    async def next(self) -> frozenset[LogId]:
        """Wait for news and take all of it: the logs that changed since the last call."""
        await self._ready.wait()
        return self.take()

    async def wait(self) -> None:
        """Wait until there is news, and leave it there."""
        await self._ready.wait()

    def take(self) -> frozenset[LogId]:
        """Take the news there is, without waiting."""
        logs = frozenset(self._pending)
        self._pending.clear()
        self._ready.clear()
        return logs

    def tell(self, log: LogId) -> None:
        """Add one piece of news."""
        self._pending[log] = None
        self._ready.set()


class HeadEvents:
    """Publishes that a log's newest note changed: it grew, or gained cosignatures.

    Used from the event loop's thread alone. Whoever publishes has made the note durable before.
    """

    def __init__(self, session: bytes = b"") -> None:
        """Start counting news; `session` is of this start of the node alone (at most 24 bytes)."""
        self._session = session
        self._published = 0
        self._listeners: list[Listener] = []

    @property
    def token(self) -> bytes:
        """Stays the same while there is no news; empty where a restart could not be told."""
        return self._session and self._session + self._published.to_bytes(8)

    def listen(self) -> Listener:
        """Make a listener that hears everything published from now on."""
        listener = Listener()
        self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Stop telling this listener."""
        self._listeners.remove(listener)

    def publish(self, log: LogId) -> None:
        """Tell every listener."""
        self._published += 1
        for listener in self._listeners:
            listener.tell(log)
