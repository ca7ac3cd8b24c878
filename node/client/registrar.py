"""A node seen from its registrar's desk: typed calls over its private listener.

Files and long answers travel in pieces, so that none is limited by the size of a message. Every call has a deadline;
what the node refuses comes back as the error it raised there.
"""

from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeVar

from ledger.credential.status import Status
from ledger.errors import MalformedError
from ledger.log.entry import Signature
from ledger.log.identity import LogId
from ledger.log.snapshot import parse_state
from node.client.award_status import STATUS_CODES, STATUSES
from node.client.corrections import CorrectionClient
from node.client.finding import Finding, FindingCode, Severity
from node.client.held import HeldLog
from node.client.reach import Reach, reach_socket, translating
from node.client.registry import (
    AwardView,
    CutAnswer,
    IssueReport,
    IssueRequest,
    ListenerCertificate,
    NodeStatus,
    OfferAnswer,
    OfferedLink,
    PublishAnswer,
    RowProblem,
    StatusAnswer,
)
from node.pb import registrar_pb2 as pb
from node.pb import registrar_pb2_grpc as rpc

TIMEOUT_SECONDS = 120.0
"""A file of 20,000 awards is signed in about ten seconds."""
CUT_SECONDS = 180.0
"""More for a cut, which waits a while for its witnesses, before and after."""
MAX_PIECE_BYTES = 256 * 1024

_RESTART = "start the node again, so that it runs the version that is installed"

_Answer = TypeVar("_Answer")


class RegistrarClient:
    """Calls the Registrar service of a node."""

    def __init__(self, reach: str | Reach, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Prepare to call; nothing is dialled yet.

        Args:
            reach: absolute path of the private listener's Unix socket, or another way to it.
            timeout_seconds: deadline of every call.
        """
        self._timeout = timeout_seconds
        self._reach = reach_socket(reach) if isinstance(reach, str) else reach
        self._channel = self._reach.channel
        self._stub = rpc.RegistrarStub(self._channel)
        self.corrections = CorrectionClient(self._stub, timeout_seconds, self._translated)
        """Decisions about many awards, keys, and copies made anew."""

    async def close(self) -> None:
        """Hang up; calls under way fail."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def issue(self, request: IssueRequest) -> IssueReport:
        """Award what a file asks for (`RegistrarDesk.issue`)."""
        summary: pb.IssueSummary | None = None
        issued: list[str] = []
        problems: list[RowProblem] = []
        async with self._translated():
            async for message in self._stub.Issue(_encode_issue(request), timeout=self._timeout):
                summary = message.summary if message.HasField("summary") else summary
                issued += message.issued
                problems += [RowProblem(row.line, row.column, row.reason) for row in message.problems]
        if summary is None:
            raise MalformedError("issue: the node's answer has no summary")
        return IssueReport(
            achievement=summary.achievement,
            version=summary.version,
            issued=tuple(issued),
            new=summary.new,
            replaced=summary.replaced,
            already=summary.already,
            problems=tuple(problems),
            ignored=tuple(summary.ignored),
            waiting=summary.waiting,
            next_cut=summary.next_cut if summary.HasField("next_cut") else None,
            last_cut=summary.last_cut if summary.HasField("last_cut") else None,
            warnings=tuple(summary.warnings),
        )

    async def list_awards(self, *, learner_id: str = "", achievement: str = "") -> list[AwardView]:
        """Awards with their state, oldest first."""
        request = pb.ListAwardsRequest(learner_id=learner_id, achievement=achievement)
        views: list[AwardView] = []
        async with self._translated():
            async for message in self._stub.ListAwards(request, timeout=self._timeout):
                views += [_decode_award(award) for award in message.awards]
        return views

    async def set_status(self, award_ids: Sequence[str], status: Status, *, reason: str = "") -> StatusAnswer:
        """Revoke, suspend or reinstate awards (`RegistrarDesk.set_status`)."""
        request = pb.SetStatusRequest(award_ids=award_ids, status=STATUS_CODES[status], reason=reason)
        answer = await self._call(self._stub.SetStatus(request, timeout=self._timeout))
        return StatusAnswer(tuple(answer.changed), answer.next_cut if answer.HasField("next_cut") else None)

    async def offer(
        self, *, award_ids: Sequence[str] = (), learner_id: str = "", achievement: str = "", form: str = ""
    ) -> OfferAnswer:
        """Make claim links (`RegistrarDesk.offer`)."""
        request = pb.OfferRequest(award_ids=award_ids, learner_id=learner_id, achievement=achievement, form=form)
        links: list[OfferedLink] = []
        sheet, codes = bytearray(), bytearray()
        async with self._translated():
            async for message in self._stub.Offer(request, timeout=self._timeout):
                links += [
                    OfferedLink(link.learner_id, tuple(link.award_ids), link.link, link.tx_code, link.expires_at)
                    for link in message.links
                ]
                sheet += message.sheet
                codes += message.codes
        return OfferAnswer(tuple(links), sheet.decode(), codes.decode())

    async def publish(
        self,
        data: bytes,
        *,
        type_name: str = "",
        document_id: str = "",
        version: int = 0,
        with_achievement: bool = False,
    ) -> PublishAnswer:
        """Publish a document (`RegistrarDesk.publish`)."""
        first = pb.PublishRequest(type=type_name, id=document_id, version=version, with_achievement=with_achievement)

        async def requests() -> AsyncIterator[pb.PublishRequest]:
            yield first
            for piece in _pieces(data):
                yield pb.PublishRequest(data=piece)

        return _decode_published(await self._call(self._stub.Publish(requests(), timeout=self._timeout)))

    async def submit(self, statement_bytes: bytes, signatures: Sequence[Signature]) -> int:
        """Append a signed statement of governance, and return its index."""
        request = pb.SubmitRequest(
            statement=statement_bytes,
            signatures=[pb.StatementSignature(key=item.key, signature=item.signature) for item in signatures],
        )
        answer = await self._call(self._stub.Submit(request, timeout=self._timeout))
        return answer.index

    async def cut(self) -> CutAnswer:
        """Cut now, where the charter has no fixed instants."""
        answer = await self._call(self._stub.Cut(pb.CutRequest(), timeout=self._timeout + CUT_SECONDS))
        return CutAnswer(tuple(answer.indexes), answer.copies, answer.waiting, answer.is_head)

    async def status(self) -> NodeStatus:
        """How the node and its registrar's side stand."""
        answer = await self._call(self._stub.GetNodeStatus(pb.GetNodeStatusRequest(), timeout=self._timeout))
        return NodeStatus(
            log=answer.log,
            name=answer.name,
            origin=answer.origin,
            size=answer.size,
            issuer=answer.issuer,
            is_waiting_for=answer.waiting_for,
            awards=answer.awards,
            waiting_copies=answer.waiting_copies,
            pending_decisions=answer.pending_decisions,
            outbox=answer.outbox,
            open_offers=answer.open_offers,
            last_cut=answer.last_cut if answer.HasField("last_cut") else None,
            next_cut=answer.next_cut if answer.HasField("next_cut") else None,
            findings=_decode_findings(answer),
            certificates=tuple(_decode_certificate(item) for item in answer.certificates),
        )

    async def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log the node holds; None means its own."""
        note = charter = b""
        snapshot = bytearray()
        async with self._translated():
            async for message in self._stub.GetLog(pb.GetLogRequest(log=log_id or b""), timeout=self._timeout):
                note, charter = message.note or note, message.charter or charter
                snapshot += message.state
        return HeldLog(parse_state(bytes(snapshot)), note, charter)

    async def _call(self, call: Awaitable[_Answer]) -> _Answer:
        async with self._translated():
            return await call

    def _translated(self) -> AbstractAsyncContextManager[None]:
        return translating(self._reach)


async def _encode_issue(request: IssueRequest) -> AsyncIterator[pb.IssueRequest]:
    yield pb.IssueRequest(
        achievement=request.achievement,
        mapping=[pb.ColumnName(theirs=theirs, ours=ours) for theirs, ours in request.mapping],
        ignore=request.ignore,
        replace=request.replace,
        dry_run=request.dry_run,
    )
    for piece in _pieces(request.data):
        yield pb.IssueRequest(data=piece)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), MAX_PIECE_BYTES):
        yield data[start : start + MAX_PIECE_BYTES]


def _decode_findings(answer: pb.GetNodeStatusResponse) -> tuple[Finding, ...]:
    if not answer.details:
        # A node of an earlier version, still running after an upgrade, must not look healthy.
        return tuple(
            Finding(code=FindingCode.OTHER, severity=Severity.WARNING, what=text, do=_RESTART)
            for text in answer.findings
        )
    return tuple(_decode_finding(finding) for finding in answer.details)


def _decode_finding(finding: pb.Finding) -> Finding:
    known_codes, known_severities = set(FindingCode), set(Severity)
    return Finding(
        code=FindingCode(finding.code) if finding.code in known_codes else FindingCode.OTHER,
        severity=Severity(finding.severity) if finding.severity in known_severities else Severity.PROBLEM,
        subject=finding.subject,
        since=finding.since if finding.HasField("since") else None,
        what=finding.what,
        why=finding.why,
        do=finding.remedy,
    )


def _decode_published(answer: pb.PublishResponse) -> PublishAnswer:
    achievement = _decode_published(answer.achievement) if answer.HasField("achievement") else None
    return PublishAnswer(answer.index, answer.id, answer.version, answer.type, achievement)


def _decode_certificate(item: pb.ListenerCertificate) -> ListenerCertificate:
    return ListenerCertificate(
        listener=item.listener,
        file=item.file,
        is_self_made=item.self_made,
        names=tuple(item.names),
        not_before=item.not_before,
        not_after=item.not_after,
        fingerprint=item.fingerprint,
    )


def _decode_award(award: pb.Award) -> AwardView:
    status = STATUSES.get(award.status)
    if status is None:
        raise MalformedError(f"award {award.id}: status {award.status} is unknown", hint="use the node's own version")
    return AwardView(
        id=award.id,
        learner_id=award.learner_id,
        name=award.name,
        achievement=award.achievement,
        version=award.version,
        awarded_on=award.awarded_on,
        status=status,
        index=award.index if award.HasField("index") else None,
        wallet_copies=award.wallet_copies,
        is_status_pending=award.status_pending,
        replaced_by=award.replaced_by,
    )
