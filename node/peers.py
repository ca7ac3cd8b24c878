"""Connections to other nodes, one for each address, made when first needed and closed together."""

import asyncio

from node.client.dial import DialPolicy
from node.client.ledger import LedgerClient

MAX_CLIENTS = 512


class Peers:
    """Hands out clients by address. Used from the event loop's thread alone.

    Args:
        timeout_seconds: deadline of a call.
        policy: who may answer at an address, and whether without TLS.
    """

    def __init__(self, *, timeout_seconds: float, policy: DialPolicy | None = None) -> None:
        self._timeout = timeout_seconds
        self._policy = policy
        # Least recently used first.
        self._clients: dict[str, LedgerClient] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def client(self, address: str) -> LedgerClient:
        """The client for "host:port"; nothing is dialled before its first call.

        Addresses may come from callers, so only the `MAX_CLIENTS` used last are kept.
        """
        client = self._clients.pop(address, None)
        if client is None:
            client = LedgerClient(address, timeout_seconds=self._timeout, policy=self._policy)
        self._clients[address] = client
        if len(self._clients) > MAX_CLIENTS:
            oldest = self._clients.pop(next(iter(self._clients)))
            # Kept until it is done: the loop itself holds tasks only weakly.
            closing = asyncio.create_task(oldest.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return client

    async def drop(self, address: str) -> None:
        """Hang up on a peer that is no longer followed."""
        client = self._clients.pop(address, None)
        if client is not None:
            await client.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        clients = list(self._clients.values())
        self._clients.clear()
        await asyncio.gather(*(client.close() for client in clients), *self._closing)
