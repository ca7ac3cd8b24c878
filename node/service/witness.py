"""The Witness service: cosigning on request, and stopping on the word of root keys."""

from typing import Any, Protocol

from ledger.log.identity import LogId
from node import wire
from node.client.exchange import CosignRequest
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc


class Cosigner(Protocol):
    """What the service needs of `node.witness`."""

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        """Check, hold, remember, cosign; gives the signature line."""
        ...

    async def show_rotation(self, log: LogId, data: bytes) -> int:
        """Stop cosigning under the old key; gives the largest size cosigned under it."""
        ...


class WitnessService(rpc.WitnessServicer):
    """Answers by `node.witness`; errors are for `node.service.boundary`."""

    def __init__(self, witness: Cosigner) -> None:
        self._witness = witness

    # Any: what the generated code passes as context has no public type, and is not used here.
    async def AddCheckpoint(self, request: pb.AddCheckpointRequest, context: Any) -> pb.AddCheckpointResponse:
        """Cosign a checkpoint."""
        line = await self._witness.add_checkpoint(wire.decode_cosign_request(request))
        return pb.AddCheckpointResponse(signature=line)

    async def ShowRotation(self, request: pb.ShowRotationRequest, context: Any) -> pb.ShowRotationResponse:
        """Keep a rotation of a log key that the log's writer does not write down."""
        size = await self._witness.show_rotation(*wire.decode_rotation_request(request))
        return pb.ShowRotationResponse(cosigned_size=size)
