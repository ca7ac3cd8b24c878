"""A node's People service seen from a command: invitations, certificates, the trail, proposals."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

from node.client.reach import Reach, translating
from node.client.staff import (
    Enrolled,
    InvitationAnswer,
    PersonLine,
    ProposalAnswer,
    ProposalLine,
    TrailAnswer,
    TrailLine,
)
from node.pb import people_pb2 as pb
from node.pb import people_pb2_grpc as rpc

TIMEOUT_SECONDS = 120.0

_Answer = TypeVar("_Answer")


class PeopleClient:
    """Calls the People service of a node."""

    def __init__(self, reach: Reach, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Prepare to call; `timeout_seconds` is the deadline of every call."""
        self._timeout = timeout_seconds
        self._reach = reach
        self._stub = rpc.PeopleStub(reach.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reach.channel.close(None)

    async def invite(self, name: str, roles: tuple[str, ...], days: int) -> InvitationAnswer:
        """Let somebody in."""
        request = pb.InviteRequest(name=name, roles=roles, days=days)
        answer = await self._call(self._stub.Invite(request, timeout=self._timeout))
        return InvitationAnswer(answer.invitation, answer.person, answer.expires_at, answer.authority)

    async def enrol(self, signing_request: bytes) -> Enrolled:
        """Trade the invitation this client came with for a certificate."""
        request = pb.EnrolRequest(signing_request=signing_request)
        return _decode_enrolled(await self._call(self._stub.Enrol(request, timeout=self._timeout)))

    async def renew(self, signing_request: bytes) -> Enrolled:
        """A certificate in place of the one this client came with."""
        request = pb.RenewRequest(signing_request=signing_request)
        return _decode_enrolled(await self._call(self._stub.Renew(request, timeout=self._timeout)))

    async def list_people(self) -> list[PersonLine]:
        """Everybody who was ever let in."""
        found: list[PersonLine] = []
        async with translating(self._reach):
            async for message in self._stub.ListPeople(pb.ListPeopleRequest(), timeout=self._timeout):
                found += [_decode_person(person) for person in message.people]
        return found

    async def remove(self, person: str) -> int:
        """Let somebody in no longer; returns how many of their proposals were withdrawn."""
        request = pb.RemovePersonRequest(person=person)
        answer = await self._call(self._stub.RemovePerson(request, timeout=self._timeout))
        return answer.withdrawn

    async def read_trail(self, since: int = 0) -> TrailAnswer:
        """Rows of the trail from a moment on (Unix ms)."""
        rows: list[TrailLine] = []
        broken_at: int | None = None
        async with translating(self._reach):
            async for message in self._stub.GetTrail(pb.GetTrailRequest(since=since), timeout=self._timeout):
                broken_at = message.broken_at if message.HasField("broken_at") else broken_at
                rows += [_decode_row(row) for row in message.rows]
        return TrailAnswer(tuple(rows), broken_at)

    async def list_proposals(self, *, with_decided: bool = False) -> list[ProposalLine]:
        """Acts that wait for a second person."""
        found: list[ProposalLine] = []
        request = pb.ListProposalsRequest(all=with_decided)
        async with translating(self._reach):
            async for message in self._stub.ListProposals(request, timeout=self._timeout):
                found += [_decode_proposal(proposal) for proposal in message.proposals]
        return found

    async def read_proposal(self, proposal_id: str) -> ProposalAnswer:
        """One proposal with its exact content."""
        first: pb.GetProposalResponse | None = None
        data = bytearray()
        async with translating(self._reach):
            call = self._stub.GetProposal(pb.GetProposalRequest(id=proposal_id), timeout=self._timeout)
            async for message in call:
                first = first or message
                data += message.data
        first = first or pb.GetProposalResponse()
        return ProposalAnswer(_decode_proposal(first.proposal), tuple(first.lines), bytes(data))

    async def approve(self, proposal_id: str) -> tuple[str, ...]:
        """Do what was proposed; returns what was done, in words."""
        request = pb.ApproveRequest(id=proposal_id)
        answer = await self._call(self._stub.Approve(request, timeout=self._timeout))
        return tuple(answer.lines)

    async def reject(self, proposal_id: str) -> None:
        """Refuse what was proposed, or withdraw one's own."""
        await self._call(self._stub.Reject(pb.RejectRequest(id=proposal_id), timeout=self._timeout))

    async def _call(self, call: Awaitable[_Answer]) -> _Answer:
        async with translating(self._reach):
            return await call


def _decode_enrolled(answer: pb.EnrolResponse) -> Enrolled:
    return Enrolled(answer.certificate, answer.person, tuple(answer.roles), answer.institution)


def _decode_person(person: pb.Person) -> PersonLine:
    return PersonLine(
        id=person.id,
        name=person.name,
        roles=tuple(person.roles),
        invited_at=person.invited_at,
        invitation_expires_at=person.invitation_expires_at if person.HasField("invitation_expires_at") else None,
        certificate_expires_at=person.certificate_expires_at if person.HasField("certificate_expires_at") else None,
        removed_at=person.removed_at if person.HasField("removed_at") else None,
        last_call=person.last_call if person.HasField("last_call") else None,
    )


def _decode_row(row: pb.TrailRow) -> TrailLine:
    return TrailLine(
        number=row.number,
        at=row.at,
        who=row.who,
        roles=tuple(row.roles),
        call=row.call,
        about=row.about,
        award_ids=tuple(row.award_ids),
        awards=row.awards,
        outcome=row.outcome,
        reason=row.reason,
        hash=row.hash,
    )


def _decode_proposal(proposal: pb.Proposal) -> ProposalLine:
    return ProposalLine(
        id=proposal.id,
        call=proposal.call,
        act=proposal.act,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        expires_at=proposal.expires_at,
        state=proposal.state,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at if proposal.HasField("decided_at") else None,
        digest=proposal.digest,
    )
