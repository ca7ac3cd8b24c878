"""The network between the nodes, in memory: a call is a method call, unless somebody is away, cut off or unlucky.

`Lines` stands where a node has `node.peers.Peers`, a `Line` where it has a `LedgerClient`: the same calls, answered by the
same services of the node at the other end, with nothing in between that could be slow.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from ledger.log.identity import LogId
from node.client.exchange import CosignRequest, Head, Heads, Inclusion, LogSummary, Offers, Package
from node.client.failures import UnreachableError

if TYPE_CHECKING:
    from tests.simulation.node import Node


class Fabric:
    """Who can reach whom at this moment.

    Attributes:
        nodes: by address; taken out when a machine is gone for good.
        away: addresses that nobody reaches and that reach nobody.
        far_side: addresses on the other side of a partition; `twins` answer there in the place of others.
    """

    def __init__(self, random: Random, loss: float) -> None:
        self.random = random
        self.loss = loss
        self.nodes: dict[str, Node] = {}
        self.away: set[str] = set()
        self.far_side: set[str] = set()
        self.twins: dict[str, Node] = {}

    def reach(self, caller: str, address: str) -> "Node":
        """Give the node that answers, or raise as a client does."""
        if caller in self.away or address in self.away or address not in self.nodes:
            raise UnreachableError(f"{address}: does not answer")
        if self.loss and self.random.random() < self.loss:
            raise UnreachableError(f"{address}: did not answer in time")
        is_far = caller in self.far_side
        if is_far and address in self.twins:
            return self.twins[address]
        if is_far != (address in self.far_side):
            raise UnreachableError(f"{address}: cannot be reached from here")
        return self.nodes[address]


class Line:
    """One node's way to another; what `node.client.ledger.LedgerClient` is over gRPC."""

    def __init__(self, fabric: Fabric, caller: str, address: str) -> None:
        self._fabric = fabric
        self._caller = caller
        self.address = address

    def _reach(self) -> "Node":
        return self._fabric.reach(self._caller, self.address)

    async def list_logs(self) -> tuple[LogSummary, ...]:
        return self._reach().serving.list_logs(b"", 0)[0]

    async def token(self) -> bytes:
        return self._heads((), ()).token

    async def heads(self, logs: Sequence[LogId], known: Sequence[bytes] = ()) -> tuple[Head, ...]:
        return self._heads(logs, known or [b""] * len(logs)).heads

    def _heads(self, logs: Sequence[LogId], known: Sequence[bytes]) -> Heads:
        return self._reach().serving.heads(logs, known)

    async def entries(self, log: LogId, start: int, end: int) -> AsyncIterator[Package]:
        async for package in self._reach().serving.packages(log, start, end):
            yield package

    async def bodies(
        self, log: LogId, start: int, end: int, *, count: Callable[[int], None] = lambda length: None
    ) -> AsyncIterator[tuple[int, bytes]]:
        parts: list[bytes] = []
        async for pieces in self._reach().serving.pieces(log, start, end):
            for piece in pieces:
                count(len(piece.data))
                parts.append(piece.data)
                if piece.last:
                    yield piece.index, b"".join(parts)
                    parts = []

    async def inclusion(self, log: LogId, index: int, size: int) -> Inclusion:
        return self._reach().serving.inclusion(log, index, size)

    async def consistency(self, log: LogId, old_size: int, new_size: int) -> tuple[bytes, ...]:
        return self._reach().serving.consistency(log, old_size, new_size)

    async def evidence(self, log: LogId, *, limit: int = 64) -> tuple[bytes, ...]:
        found: list[bytes] = []
        has_more = True
        while has_more and len(found) < limit:
            page, has_more = self._reach().serving.evidence(log, len(found))
            found += page
        return tuple(found)

    async def offer_heads(self, offers: Offers) -> Offers:
        return await self._reach().gossip.take(offers)

    async def add_checkpoint(self, request: CosignRequest, *, timeout_seconds: float | None = None) -> bytes:
        return await self._reach().witness.add_checkpoint(request)


class Lines:
    """All lines of one node."""

    def __init__(self, fabric: Fabric, caller: str) -> None:
        self._fabric = fabric
        self._caller = caller

    def client(self, address: str) -> Line:
        return Line(self._fabric, self._caller, address)

    async def drop(self, address: str) -> None:
        """Nothing is kept open."""
