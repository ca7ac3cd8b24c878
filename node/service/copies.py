"""The Copies service: copies in forms that other software reads. For the private listener alone."""

from typing import Any

from ledger.errors import MalformedError
from node.client.copyform import AssociationOrder, CopyOrder, Form
from node.pb import copies_pb2 as pb
from node.pb import copies_pb2_grpc as rpc
from node.registrar.copy_desk import CopyDesk

MAX_AWARDS = 200


def add_copies(server: Any, desk: CopyDesk) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must listen on nothing but private listeners."""
    rpc.add_CopiesServicer_to_server(CopiesService(desk), server)


class CopiesService(rpc.CopiesServicer):
    """Decodes, calls, encodes."""

    def __init__(self, desk: CopyDesk) -> None:
        """Take the desk."""
        self._desk = desk

    # Any: what grpc passes as context has no public type.
    async def MakeCopy(self, request: pb.MakeCopyRequest, context: Any) -> pb.MakeCopyResponse:
        """Make a copy, or give it again."""
        if request.form not in set(Form):
            raise MalformedError(f"form {request.form[:40]!r}: there is none of this name", hint=", ".join(Form))
        if len(request.award_ids) > MAX_AWARDS:
            raise MalformedError(f"copy: {len(request.award_ids)} awards, at most {MAX_AWARDS} go into one")
        made = await self._desk.make(
            CopyOrder(
                form=Form(request.form),
                award_ids=tuple(request.award_ids),
                learner_id=request.learner_id,
                subject=request.subject,
                include=tuple(request.include),
                associations=tuple(AssociationOrder(a.type, a.source, a.target) for a in request.associations),
                is_fresh=request.fresh,
            )
        )
        return pb.MakeCopyResponse(
            text=made.text.encode(), is_new=made.is_new, receipts=made.receipts, next_cut=made.next_cut
        )
