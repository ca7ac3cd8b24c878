"""Connections to other nodes, one for each address, made when first needed and closed together."""

import asyncio

from node.client.ledger import LedgerClient


class Peers:
    """Hands out clients by address. Used from the event loop's thread alone.

    Args:
        timeout_seconds: deadline of a call.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._clients: dict[str, LedgerClient] = {}

    def client(self, address: str) -> LedgerClient:
        """The client for "host:port"; nothing is dialled before its first call."""
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = LedgerClient(address, timeout_seconds=self._timeout)
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
        await asyncio.gather(*(client.close() for client in clients))
