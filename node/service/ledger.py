"""The Ledger service: any log this node holds, to whoever asks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from node import wire
from node.client.exchange import Offers
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.serving import Serving

# What generated servicers pass as context has no public type, and is not used here.
Context = Any


class OfferTaker(Protocol):
    """What the service needs of gossip."""

    async def take(self, offers: Offers) -> Offers:
        """Judge what somebody offers and answer with what is held that is newer."""
        ...


class LedgerService(rpc.LedgerServicer):
    """Answers from the store; errors are for `node.service.boundary`."""

    def __init__(self, serving: Serving, gossip: OfferTaker) -> None:
        self._serving = serving
        self._gossip = gossip

    async def ListLogs(self, request: pb.ListLogsRequest, context: Context) -> pb.ListLogsResponse:
        """One page of the logs held."""
        logs, more = await asyncio.to_thread(self._serving.list_logs, bytes(request.after), request.limit)
        return wire.encode_log_list(logs, more=more)

    async def GetHeads(self, request: pb.GetHeadsRequest, context: Context) -> pb.GetHeadsResponse:
        """The newest note of each log asked for, where the caller does not have it."""
        logs = wire.decode_log_ids(request.logs)
        known = wire.decode_known(request.known, len(logs))
        # A question for the token alone, which followers ask all day, reads nothing.
        answer = await asyncio.to_thread(self._serving.heads, logs, known) if logs else self._serving.heads((), ())
        return wire.encode_heads(answer)

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: Context
    ) -> AsyncIterator[pb.StreamEntriesResponse]:
        """Entries in packages, each ending at a signed size where one is within reach."""
        start, end = wire.decode_range(request.start, request.end)
        async for package in self._serving.packages(wire.decode_log_id(request.log), start, end):
            yield wire.encode_package(package)

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Context) -> AsyncIterator[pb.StreamBodyResponse]:
        """Bodies in pieces, small ones together in one message."""
        start, end = wire.decode_range(request.start, request.end)
        async for pieces in self._serving.pieces(wire.decode_log_id(request.log), start, end):
            yield wire.encode_pieces(pieces)

    async def GetInclusion(self, request: pb.GetInclusionRequest, context: Context) -> pb.GetInclusionResponse:
        """An inclusion proof."""
        log = wire.decode_log_id(request.log)
        return wire.encode_inclusion(await asyncio.to_thread(self._serving.inclusion, log, request.index, request.size))

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: Context) -> pb.GetConsistencyResponse:
        """A consistency proof."""
        log = wire.decode_log_id(request.log)
        proof = await asyncio.to_thread(self._serving.consistency, log, request.old_size, request.new_size)
        return pb.GetConsistencyResponse(proof=proof)

    async def OfferHeads(self, request: pb.OfferHeadsRequest, context: Context) -> pb.OfferHeadsResponse:
        """Gossip."""
        return wire.encode_counter_offers(await self._gossip.take(wire.decode_offers(request)))

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Context) -> pb.GetEvidenceResponse:
        """Fork evidence kept about one log."""
        log = wire.decode_log_id(request.log)
        pieces, more = await asyncio.to_thread(self._serving.evidence, log, request.skip)
        return pb.GetEvidenceResponse(evidence=pieces, more=more)
