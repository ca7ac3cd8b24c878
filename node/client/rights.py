"""A node's Rights service seen from a command: forget, report, marks, disclosures, retention."""

from dataclasses import dataclass

from node.client.reach import Reach, translating
from node.pb import rights_pb2 as pb
from node.pb import rights_pb2_grpc as rpc

TIMEOUT_SECONDS = 600.0
"""Removing the traces of very much may mean to write the whole database anew."""


@dataclass(frozen=True, slots=True)
class ForgetAnswer:
    """The receipt (JSON), and files of the node's directory that still name the learner."""

    receipt: bytes
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkAnswer:
    """A mark: its id, and since when it stands (Unix ms)."""

    id: str
    at: int


@dataclass(frozen=True, slots=True)
class RetentionDue:
    """What a row of the retention table has erased or would erase, and what a legal hold keeps."""

    row: str
    number: int
    held: int


@dataclass(frozen=True, slots=True)
class RetentionAnswer:
    """Every row of the table, and whether the traces of what was erased are gone too."""

    rows: tuple[RetentionDue, ...]
    is_complete: bool


class RightsClient:
    """Calls the Rights service of a node."""

    def __init__(self, reach: Reach, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Prepare to call; `timeout_seconds` is the deadline of every call."""
        self._reach = reach
        self._timeout = timeout_seconds
        self._stub = rpc.RightsStub(reach.channel)

    async def forget(self, learner_id: str, reason: str, *, dry_run: bool = False) -> ForgetAnswer | None:
        """Erase everything about a learner; None where nothing is held."""
        request = pb.ForgetRequest(learner_id=learner_id, reason=reason, dry_run=dry_run)
        async with translating(self._reach):
            answer = await self._stub.Forget(request, timeout=self._timeout)
        return ForgetAnswer(answer.receipt, tuple(answer.files)) if answer.found else None

    async def report(self, learner_id: str) -> bytes | None:
        """Everything that is held about a learner, as JSON; None where that is nothing."""
        data = b""
        async with translating(self._reach):
            async for message in self._stub.Report(pb.ReportRequest(learner_id=learner_id), timeout=self._timeout):
                data += message.data
        return data or None

    async def put_mark(self, kind: str, text: str, *, learner_id: str = "", award_id: str = "") -> MarkAnswer:
        """Restrict, hold, or note disagreement."""
        request = pb.PutMarkRequest(kind=kind, learner_id=learner_id, award_id=award_id, text=text)
        async with translating(self._reach):
            answer = await self._stub.PutMark(request, timeout=self._timeout)
        return MarkAnswer(answer.id, answer.at)

    async def end_mark(self, kind: str, *, learner_id: str = "", award_id: str = "") -> int:
        """End what `put_mark` began; returns how many stood."""
        request = pb.EndMarkRequest(kind=kind, learner_id=learner_id, award_id=award_id)
        async with translating(self._reach):
            return (await self._stub.EndMark(request, timeout=self._timeout)).ended

    async def note_disclosure(self, learner_id: str, recipient: str, what: str, purpose: str, at: int = 0) -> str:
        """Note that a learner's data was given to somebody else; returns the entry's id."""
        request = pb.NoteDisclosureRequest(
            learner_id=learner_id, recipient=recipient, what=what, purpose=purpose, at=at
        )
        async with translating(self._reach):
            return (await self._stub.NoteDisclosure(request, timeout=self._timeout)).id

    async def apply_retention(self, *, dry_run: bool = False) -> RetentionAnswer:
        """Erase what is due, or only count it."""
        async with translating(self._reach):
            request = pb.ApplyRetentionRequest(dry_run=dry_run)
            answer = await self._stub.ApplyRetention(request, timeout=self._timeout)
        rows = tuple(RetentionDue(row.row, row.number, row.held) for row in answer.rows)
        return RetentionAnswer(rows, answer.is_complete)
