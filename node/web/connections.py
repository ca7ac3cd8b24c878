"""How many HTTP connections there may be, and for how long one may be silent.

A connection on which nothing is asked, or whose question never ends, is closed after `IDLE_SECONDS`; beyond the limit a new
one is closed at once, since whoever holds the others is either asking or about to be closed.
"""

import asyncio
from typing import Any

from aiohttp import web

from node.descriptors import connections_allowed

IDLE_SECONDS = 60.0


class BoundedRunner(web.AppRunner):
    """Runs an application with a bound on its connections."""

    def __init__(
        self, app: web.Application, *, limit: int | None = None, idle_seconds: float = IDLE_SECONDS, **kwargs: Any
    ) -> None:
        """Prepare to run.

        Args:
            app: to be run.
            limit: of connections at a time; None for this listener's share of the open files.
            idle_seconds: how long one may be silent between two requests, or before and within the first.
            kwargs: as `web.AppRunner` takes them, whose types aiohttp does not name.
        """
        super().__init__(app, keepalive_timeout=idle_seconds, **kwargs)
        self._limit = connections_allowed() if limit is None else limit

    @property
    def server(self) -> Any:
        """What makes a protocol for each connection; sites ask for it, and aiohttp has no public type for it."""
        inner = super().server
        return None if inner is None else self._make_protocol

    def _make_protocol(self) -> asyncio.BaseProtocol:
        inner = super().server
        assert inner is not None
        return _Refusal() if len(inner.connections) >= self._limit else inner()


class _Refusal(asyncio.Protocol):
    """Closes the connection it is given."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
