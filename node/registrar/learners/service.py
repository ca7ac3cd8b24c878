"""The Rights service: decode, one call to the desk, encode. For the private listener alone."""

from collections.abc import AsyncIterator
from typing import Any

from node.pb import rights_pb2 as pb
from node.pb import rights_pb2_grpc as rpc
from node.registrar.learners.desk import LearnerDesk

MAX_PIECE_BYTES = 256 * 1024


def add_rights(server: Any, desk: LearnerDesk) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must stand behind the guard."""
    rpc.add_RightsServicer_to_server(RightsService(desk), server)


class RightsService(rpc.RightsServicer):
    """Answers by the desk for rights of learners."""

    def __init__(self, desk: LearnerDesk) -> None:
        """Take the desk."""
        self._desk = desk

    # Any, here and below: what grpc passes as context has no public type.
    async def Forget(self, request: pb.ForgetRequest, context: Any) -> pb.ForgetResponse:
        """Erase everything about a learner."""
        answer = await self._desk.forget(request.learner_id, request.reason, dry_run=request.dry_run)
        if answer is None:
            return pb.ForgetResponse(found=False)
        return pb.ForgetResponse(found=True, receipt=answer.receipt, files=answer.files)

    async def Report(self, request: pb.ReportRequest, context: Any) -> AsyncIterator[pb.ReportResponse]:
        """Everything that is held about a learner."""
        data = await self._desk.report(request.learner_id) or b""
        for start in range(0, len(data), MAX_PIECE_BYTES):
            yield pb.ReportResponse(data=data[start : start + MAX_PIECE_BYTES])

    async def PutMark(self, request: pb.PutMarkRequest, context: Any) -> pb.PutMarkResponse:
        """Restrict, hold, or note disagreement."""
        mark = await self._desk.put_mark(
            request.kind, request.text, learner_id=request.learner_id, award_id=request.award_id
        )
        return pb.PutMarkResponse(id=mark.id, at=mark.at)

    async def EndMark(self, request: pb.EndMarkRequest, context: Any) -> pb.EndMarkResponse:
        """End what PutMark began."""
        ended = await self._desk.end_mark(request.kind, learner_id=request.learner_id, award_id=request.award_id)
        return pb.EndMarkResponse(ended=ended)

    async def NoteDisclosure(self, request: pb.NoteDisclosureRequest, context: Any) -> pb.NoteDisclosureResponse:
        """Note that a learner's data was given to somebody else."""
        made = await self._desk.note_disclosure(
            request.learner_id, request.recipient, request.what, request.purpose, request.at
        )
        return pb.NoteDisclosureResponse(id=made)

    async def ApplyRetention(self, request: pb.ApplyRetentionRequest, context: Any) -> pb.ApplyRetentionResponse:
        """Erase what the retention table says is due."""
        answer = await self._desk.apply_retention(dry_run=request.dry_run)
        rows = [pb.RetentionDue(row=row.row, number=row.number, held=row.held) for row in answer.rows]
        return pb.ApplyRetentionResponse(rows=rows, is_complete=answer.is_complete)
