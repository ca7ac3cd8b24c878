"""The Registrar service: decode, one call to the desk, encode. For the private listener alone.

Calls whose request is a stream do not pass the server's error boundary, so all handlers here translate errors
themselves. Nothing that comes in or goes out is logged.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ledger.errors import CairnError, MalformedError
from ledger.log.entry import MAX_SIGNATURES, Signature
from ledger.log.keys import KeyId
from ledger.log.snapshot import encode_state
from node import wire
from node.client.award_status import STATUS_CODES, STATUSES
from node.client.finding import Finding
from node.client.registry import (
    AwardView,
    IssueReport,
    IssueRequest,
    ListenerCertificate,
    OfferAnswer,
    PublishAnswer,
)
from node.pb import keyevents_pb2 as keys_pb
from node.pb import registrar_pb2 as pb
from node.pb import registrar_pb2_grpc as rpc
from node.registrar import correction_wire
from node.registrar.correction_desk import CorrectionDesk
from node.registrar.csvfile import MAX_FILE_BYTES
from node.registrar.desk import RegistrarDesk
from node.sequencer import SignedStatement

MAX_PIECE_BYTES = 256 * 1024
MAX_LISTED = 500
MAX_REASON = 1000

_Item = TypeVar("_Item")
_Message = TypeVar("_Message", pb.IssueRequest, pb.PublishRequest)


def add_registrar(server: Any, desk: RegistrarDesk) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must listen on nothing but the private socket."""
    rpc.add_RegistrarServicer_to_server(RegistrarService(desk), server)


class RegistrarService(rpc.RegistrarServicer):
    """Answers by the registrar's desk."""

    def __init__(self, desk: RegistrarDesk) -> None:
        """Take the desk."""
        self._desk = desk
        self._corrections = CorrectionDesk(desk)

    # Any, here and below: what grpc passes as context and iterator has no public type.
    async def Issue(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.IssueResponse]:
        """Award what a CSV file asks for."""
        async with _refusing(context):
            first, data = await _gather(request_iterator, pb.IssueRequest)
            report = await self._desk.issue(
                IssueRequest(
                    data=data,
                    achievement=first.achievement,
                    mapping=tuple((column.theirs, column.ours) for column in first.mapping),
                    ignore=tuple(first.ignore),
                    replace=tuple(first.replace),
                    dry_run=first.dry_run,
                )
            )
            yield pb.IssueResponse(summary=_encode_summary(report))
            for issued in _parts(report.issued):
                yield pb.IssueResponse(issued=issued)
            for problems in _parts(report.problems):
                rows = [pb.RowProblem(line=row.line, column=row.column, reason=row.reason) for row in problems]
                yield pb.IssueResponse(problems=rows)

    async def ListAwards(self, request: pb.ListAwardsRequest, context: Any) -> AsyncIterator[pb.ListAwardsResponse]:
        """List awards with their state."""
        async with _refusing(context):
            views = await self._desk.list_awards(learner_id=request.learner_id, achievement=request.achievement)
            for part in _parts(views):
                yield pb.ListAwardsResponse(awards=[_encode_award(view) for view in part])

    async def SetStatus(self, request: pb.SetStatusRequest, context: Any) -> pb.SetStatusResponse:
        """Revoke, suspend or reinstate awards."""
        async with _refusing(context):
            status = STATUSES.get(request.status)
            if status is None:
                raise MalformedError("status: none given")
            answer = await self._desk.set_status(list(request.award_ids), status, reason=request.reason)
            return pb.SetStatusResponse(changed=answer.changed, next_cut=answer.next_cut)

    async def Offer(self, request: pb.OfferRequest, context: Any) -> AsyncIterator[pb.OfferResponse]:
        """Make claim links."""
        async with _refusing(context):
            answer = await self._desk.offer(
                award_ids=list(request.award_ids),
                learner_id=request.learner_id,
                achievement=request.achievement,
                form=request.form,
            )
            for message in _encode_offers(answer):
                yield message

    async def Publish(self, request_iterator: Any, context: Any) -> pb.PublishResponse:
        """Publish a document."""
        async with _refusing(context):
            first, data = await _gather(request_iterator, pb.PublishRequest)
            return _encode_published(
                await self._desk.publish(
                    data,
                    type_name=first.type,
                    document_id=first.id,
                    version=first.version,
                    with_achievement=first.with_achievement,
                )
            )

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.SubmitResponse:
        """Append a statement of governance."""
        async with _refusing(context):
            if not 1 <= len(request.signatures) <= MAX_SIGNATURES:
                raise MalformedError(f"submit: {len(request.signatures)} signatures, expected 1 to {MAX_SIGNATURES}")
            signatures = tuple(Signature(KeyId(item.key), item.signature) for item in request.signatures)
            return pb.SubmitResponse(index=await self._desk.submit(SignedStatement(request.statement, signatures)))

    async def Cut(self, request: pb.CutRequest, context: Any) -> pb.CutResponse:
        """Cut now."""
        async with _refusing(context):
            answer = await self._desk.cut()
            return pb.CutResponse(
                indexes=answer.indexes, copies=answer.copies, waiting=answer.waiting, is_head=answer.is_head
            )

    async def GetNodeStatus(self, request: pb.GetNodeStatusRequest, context: Any) -> pb.GetNodeStatusResponse:
        """Tell how the node stands."""
        async with _refusing(context):
            status = await self._desk.status()
            return pb.GetNodeStatusResponse(
                log=status.log,
                name=status.name,
                origin=status.origin,
                size=status.size,
                issuer=status.issuer,
                waiting_for=status.is_waiting_for,
                awards=status.awards,
                waiting_copies=status.waiting_copies,
                pending_decisions=status.pending_decisions,
                outbox=status.outbox,
                open_offers=status.open_offers,
                last_cut=status.last_cut,
                next_cut=status.next_cut,
                findings=[finding.what for finding in status.findings],
                details=[_encode_finding(finding) for finding in status.findings],
                certificates=[_encode_certificate(item) for item in status.certificates],
            )

    async def GetLog(self, request: pb.GetLogRequest, context: Any) -> AsyncIterator[pb.GetLogResponse]:
        """Give a log as it is held."""
        async with _refusing(context):
            held = self._desk.held_log(wire.decode_log_id(request.log) if request.log else None)
            snapshot = await asyncio.to_thread(encode_state, held.state)
            yield pb.GetLogResponse(note=held.note, charter=held.charter)
            for piece in _pieces(snapshot):
                yield pb.GetLogResponse(state=piece)

    async def Decide(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.DecideResponse]:
        """Preview a decision about many awards, or take it."""
        async with _refusing(context):
            order = await correction_wire.gather_order(request_iterator, STATUSES)
            for message in correction_wire.encode_decision(await self._corrections.decide(order)):
                yield message

    async def GetKeyImpact(self, request: keys_pb.GetKeyImpactRequest, context: Any) -> keys_pb.GetKeyImpactResponse:
        """Tell what hangs on a key."""
        async with _refusing(context):
            impact = await self._corrections.describe_key(request.key, request.since)
            return correction_wire.encode_impact(impact)

    async def Reissue(self, request: keys_pb.ReissueRequest, context: Any) -> keys_pb.ReissueResponse:
        """Make copies anew."""
        async with _refusing(context):
            if request.inherited:
                report = await self._corrections.reissue_inherited(dry_run=request.dry_run)
            else:
                report = await self._corrections.reissue(request.key, dry_run=request.dry_run)
            return correction_wire.encode_reissue(report)

    async def Restate(self, request: keys_pb.RestateRequest, context: Any) -> keys_pb.RestateResponse:
        """State again what a theft made void."""
        async with _refusing(context):
            return correction_wire.encode_restated(await self._corrections.restate(dry_run=request.dry_run))


@asynccontextmanager
async def _refusing(context: Any) -> AsyncIterator[None]:
    try:
        yield
    except CairnError as error:
        await context.abort(*wire.encode_error(error))


async def _gather(messages: AsyncIterable[_Message], kind: type[_Message]) -> tuple[_Message, bytes]:
    """The first message of an upload, and the file that all of them carry."""
    first: _Message | None = None
    pieces: list[bytes] = []
    size = 0
    async for message in messages:
        first = message if first is None else first
        size += len(message.data)
        if size > MAX_FILE_BYTES:
            raise MalformedError(f"file: more than {MAX_FILE_BYTES} bytes")
        pieces.append(message.data)
    return kind() if first is None else first, b"".join(pieces)


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), MAX_LISTED):
        yield items[start : start + MAX_LISTED]


def _encode_summary(report: IssueReport) -> pb.IssueSummary:
    return pb.IssueSummary(
        achievement=report.achievement,
        version=report.version,
        new=report.new,
        replaced=report.replaced,
        already=report.already,
        ignored=report.ignored,
        waiting=report.waiting,
        next_cut=report.next_cut,
        last_cut=report.last_cut,
        warnings=report.warnings,
    )


def _encode_award(view: AwardView) -> pb.Award:
    return pb.Award(
        id=view.id,
        learner_id=view.learner_id,
        name=view.name,
        achievement=view.achievement,
        version=view.version,
        awarded_on=view.awarded_on,
        status=STATUS_CODES[view.status],
        index=view.index,
        wallet_copies=view.wallet_copies,
        status_pending=view.is_status_pending,
        replaced_by=view.replaced_by,
    )


def _encode_finding(finding: Finding) -> pb.Finding:
    return pb.Finding(
        code=finding.code.value,
        severity=finding.severity.value,
        subject=finding.subject,
        since=finding.since,
        what=finding.what,
        # Reasons repeat what other nodes said, however long that was.
        why=finding.why[:MAX_REASON],
        remedy=finding.do,
    )


def _encode_published(answer: PublishAnswer) -> pb.PublishResponse:
    return pb.PublishResponse(
        index=answer.index,
        id=answer.id,
        version=answer.version,
        type=answer.type,
        achievement=None if answer.achievement is None else _encode_published(answer.achievement),
    )


def _encode_offers(answer: OfferAnswer) -> Iterator[pb.OfferResponse]:
    for links in _parts(answer.links):
        yield pb.OfferResponse(
            links=[
                pb.OfferedLink(
                    learner_id=link.learner_id,
                    award_ids=link.award_ids,
                    link=link.link,
                    tx_code=link.tx_code,
                    expires_at=link.expires_at,
                )
                for link in links
            ]
        )
    for piece in _pieces(answer.sheet.encode()):
        yield pb.OfferResponse(sheet=piece)
    for piece in _pieces(answer.codes.encode()):
        yield pb.OfferResponse(codes=piece)


def _encode_certificate(item: ListenerCertificate) -> pb.ListenerCertificate:
    return pb.ListenerCertificate(
        listener=item.listener,
        file=item.file,
        self_made=item.is_self_made,
        names=item.names,
        not_before=item.not_before,
        not_after=item.not_after,
        fingerprint=item.fingerprint,
    )


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), MAX_PIECE_BYTES):
        yield data[start : start + MAX_PIECE_BYTES]
