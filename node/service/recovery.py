"""The Recovery service: taking awards back in that learners show. For the private listener alone."""

from typing import Any

from ledger.credential.disclosure import MAX_TOKEN_CHARS
from ledger.errors import MalformedError
from node.pb import recovery_pb2 as pb
from node.pb import recovery_pb2_grpc as rpc
from node.registrar.parts import DeskParts
from node.registrar.readmit import take_in


def add_recovery(server: Any, parts: DeskParts) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must listen on nothing but the private socket."""
    rpc.add_RecoveryServicer_to_server(RecoveryService(parts), server)


class RecoveryService(rpc.RecoveryServicer):
    """Decodes, calls, encodes."""

    def __init__(self, parts: DeskParts) -> None:
        """Take what the registrar's desk works with."""
        self._parts = parts

    # Any: what grpc passes as context has no public type.
    async def Readmit(self, request: pb.ReadmitRequest, context: Any) -> pb.ReadmitResponse:
        """Check a copy and enter it."""
        if len(request.copy) > MAX_TOKEN_CHARS or not request.copy.isascii():
            raise MalformedError("copy: is no SD-JWT")
        done = await take_in(self._parts, request.copy.decode("ascii"), request.learner_id)
        return pb.ReadmitResponse(
            award_id=done.award,
            is_new=done.is_new,
            status=int(done.status),
            entry=done.place.entry,
            position=done.place.position,
            title=done.title,
            is_list_closed=done.is_list_closed,
        )
