"""A peer that serves whatever log it is given over real gRPC, right or wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from grpc import aio

from ledger.log import merkle
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from node import wire
from node.client.exchange import MAX_PIECE_BYTES, BodyPiece, Head, Heads, Inclusion, LogSummary, Offers, Package
from node.client.failures import UnknownLogError
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.service.boundary import ErrorBoundary
from node.service.server import listen, make_server


@dataclass
class Served:
    """What a peer tells about one log; nothing of it need be true.

    `notes` are served with the packages that end at their sizes; `note` is the head.
    """

    log: LogId
    entries: list[bytes]
    bodies: list[bytes | None]
    note: bytes
    notes: dict[int, bytes] = field(default_factory=dict)
    size: int | None = None
    package: int = 256

    @property
    def told_size(self) -> int:
        return len(self.entries) if self.size is None else self.size

    def read_hashes(self, addresses: Any) -> list[bytes]:
        leaves = [merkle.hash_leaf(entry) for entry in self.entries]
        return [merkle.root_of_hashes(leaves[i << level : (i + 1) << level]) for level, i in addresses]


class HostilePeer(rpc.LedgerServicer):
    """Answers from `logs`; `offers` keeps what was offered to it, `asked` which methods were called."""

    def __init__(self, *logs: Served) -> None:
        self.logs = {served.log: served for served in logs}
        self.offers: list[Offers] = []
        self.answer = Offers()
        self.asked: list[str] = []
        self.token = b""
        self.address = ""

    def served(self, log: bytes) -> Served:
        served = self.logs.get(LogId(log))
        if served is None:
            raise UnknownLogError("not served")
        return served

    async def ListLogs(self, request: pb.ListLogsRequest, context: Any) -> pb.ListLogsResponse:
        logs = sorted(log for log in self.logs if log > request.after)
        return wire.encode_log_list([LogSummary(log, "x", self.logs[log].told_size) for log in logs], more=False)

    async def GetHeads(self, request: pb.GetHeadsRequest, context: Any) -> pb.GetHeadsResponse:
        self.asked.append("GetHeads" if request.logs else "token")
        heads = []
        for log in request.logs:
            served = self.logs.get(LogId(log))
            head = Head(log=LogId(log), size=0, note=None)
            heads.append(head if served is None else Head(log=served.log, size=served.told_size, note=served.note))
        return wire.encode_heads(Heads(tuple(heads), self.token))

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: Any
    ) -> AsyncIterator[pb.StreamEntriesResponse]:
        self.asked.append("StreamEntries")
        served = self.served(request.log)
        for first in range(request.start, request.end, served.package):
            entries = tuple(served.entries[first : min(first + served.package, request.end)])
            if entries:
                yield wire.encode_package(Package(first, entries, served.notes.get(first + len(entries))))

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Any) -> AsyncIterator[pb.StreamBodyResponse]:
        served = self.served(request.log)
        for index, body in enumerate(served.bodies[request.start : request.end], start=request.start):
            for start in range(0, len(body or b""), MAX_PIECE_BYTES):
                assert body is not None
                end = start + MAX_PIECE_BYTES
                yield wire.encode_pieces([BodyPiece(index, body[start:end], end >= len(body))])

    async def GetInclusion(self, request: pb.GetInclusionRequest, context: Any) -> pb.GetInclusionResponse:
        served = self.served(request.log)
        proof = merkle.prove_inclusion(request.index, request.size, served.read_hashes)
        return wire.encode_inclusion(Inclusion(merkle.hash_leaf(served.entries[request.index]), proof))

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: Any) -> pb.GetConsistencyResponse:
        served = self.served(request.log)
        proof = merkle.prove_consistency(request.old_size, request.new_size, served.read_hashes)
        return pb.GetConsistencyResponse(proof=proof)

    async def OfferHeads(self, request: pb.OfferHeadsRequest, context: Any) -> pb.OfferHeadsResponse:
        self.offers.append(wire.decode_offers(request))
        return wire.encode_counter_offers(self.answer)

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.GetEvidenceResponse:
        return pb.GetEvidenceResponse()


@asynccontextmanager
async def serving(peer: HostilePeer) -> AsyncIterator[HostilePeer]:
    """Run the peer on a free port of loopback."""
    server: aio.Server = make_server(ErrorBoundary())
    rpc.add_LedgerServicer_to_server(peer, server)
    peer.address = f"127.0.0.1:{listen(server, '127.0.0.1:0')}"
    await server.start()
    try:
        yield peer
    finally:
        await server.stop(None)


def head_size(note: bytes) -> int:
    return read_checkpoint(note).size
