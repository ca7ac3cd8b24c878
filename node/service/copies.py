"""The Copies service: copies in forms that other software reads. For the private listener alone."""

from typing import Any

from ledger.credential.batch_report import encode_report
from ledger.errors import MalformedError, RuleError
from node.client.copyform import AssociationOrder, CopyOrder, Form
from node.client.countersigned import Countersigned
from node.countersigning import CountersigningDesk
from node.pb import copies_pb2 as pb
from node.pb import copies_pb2_grpc as rpc
from node.registrar.copy_desk import CopyDesk

MAX_AWARDS = 200
MAX_REPORT_BYTES = 1_000_000


# Any: grpc stays behind its seams.
def add_copies(server: Any, desk: CopyDesk, countersigning: CountersigningDesk) -> None:
    """Put the service on a server, which must listen on nothing but private listeners."""
    rpc.add_CopiesServicer_to_server(CopiesService(desk, countersigning), server)


class CopiesService(rpc.CopiesServicer):
    """Decodes, calls, encodes."""

    def __init__(self, desk: CopyDesk, countersigning: CountersigningDesk) -> None:
        """Take the desks."""
        self._desk = desk
        self._countersigning = countersigning

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

    async def Countersign(self, request: pb.CountersignRequest, context: Any) -> pb.CountersignResponse:
        """Sign over a member's proofs, or say why not."""
        found = await self._countersigning.countersign(request.text, tuple(request.receipts))
        if not isinstance(found, Countersigned):
            report = encode_report(found)
            if len(report) > MAX_REPORT_BYTES:
                raise RuleError(
                    f"file: is not valid, and the report on it has {len(report)} bytes, which fit no message",
                    hint="cairn verify FILE shows it",
                )
            return pb.CountersignResponse(report=report)
        return pb.CountersignResponse(
            text=found.text.encode(),
            issuer=found.issuer,
            title=found.title,
            network=found.network,
            did=found.did,
            at=found.at,
        )
