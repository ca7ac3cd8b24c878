"""The People service: decode, one call to the office, encode. For the private listener alone."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from node import wire
from node.client.staff import PersonLine
from node.pb import people_pb2 as pb
from node.pb import people_pb2_grpc as rpc
from node.pb import registrar_pb2
from node.registrar.people import caller as callers
from node.registrar.people.office import PeopleOffice, Replay
from node.registrar.people.tables import Proposal, TrailRow

MAX_PIECE_BYTES = 256 * 1024
MAX_LISTED = 500
MAX_LISTED_IDS = 10_000
"""Award ids in one message of the trail: about 200 KiB."""

_Item = TypeVar("_Item")


def add_people(server: Any, office: PeopleOffice) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must let nobody in but by the guard."""
    rpc.add_PeopleServicer_to_server(PeopleService(office), server)


class PeopleService(rpc.PeopleServicer):
    """Answers by the office."""

    def __init__(self, office: PeopleOffice) -> None:
        """Take the office."""
        self._office = office

    # Any, here and below: what grpc passes as context has no public type.
    async def Invite(self, request: pb.InviteRequest, context: Any) -> pb.InviteResponse:
        """Let somebody in."""
        made = await self._office.invite(request.name, tuple(request.roles), request.days)
        return pb.InviteResponse(
            invitation=made.data, person=made.person, expires_at=made.expires_at, authority=made.authority
        )

    async def Enrol(self, request: pb.EnrolRequest, context: Any) -> pb.EnrolResponse:
        """Trade an invitation for a certificate."""
        return self._encode_enrolled(await self._office.enrol(request.signing_request))

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.EnrolResponse:
        """A certificate in place of the caller's own."""
        return self._encode_enrolled(await self._office.renew(request.signing_request))

    async def ListPeople(self, request: pb.ListPeopleRequest, context: Any) -> AsyncIterator[pb.ListPeopleResponse]:
        """Everybody who was ever let in."""
        for part in _parts(await self._office.list_people()):
            yield pb.ListPeopleResponse(people=[_encode_person(view) for view in part])

    async def RemovePerson(self, request: pb.RemovePersonRequest, context: Any) -> pb.RemovePersonResponse:
        """Let somebody in no longer."""
        return pb.RemovePersonResponse(withdrawn=await self._office.remove(request.person))

    async def GetTrail(self, request: pb.GetTrailRequest, context: Any) -> AsyncIterator[pb.GetTrailResponse]:
        """Who did what."""
        rows, broken_at = await self._office.read_trail(request.since)
        yield pb.GetTrailResponse(broken_at=broken_at)
        for part in _row_parts(rows):
            yield pb.GetTrailResponse(rows=[_encode_row(row) for row in part])

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: Any
    ) -> AsyncIterator[pb.ListProposalsResponse]:
        """What waits for a second person."""
        for part in _parts(await self._office.list_proposals(with_decided=request.all)):
            yield pb.ListProposalsResponse(proposals=[_encode_proposal(proposal) for proposal in part])

    async def GetProposal(self, request: pb.GetProposalRequest, context: Any) -> AsyncIterator[pb.GetProposalResponse]:
        """One proposal with its content."""
        proposal, lines, data = await self._office.read_proposal(request.id)
        yield pb.GetProposalResponse(proposal=_encode_proposal(proposal), lines=lines)
        for start in range(0, len(data), MAX_PIECE_BYTES):
            yield pb.GetProposalResponse(data=data[start : start + MAX_PIECE_BYTES])

    async def Approve(self, request: pb.ApproveRequest, context: Any) -> pb.ApproveResponse:
        """Do what was proposed."""
        return pb.ApproveResponse(lines=await self._office.approve(request.id))

    async def Reject(self, request: pb.RejectRequest, context: Any) -> pb.RejectResponse:
        """Refuse what was proposed."""
        await self._office.reject(request.id)
        return pb.RejectResponse()

    def _encode_enrolled(self, certificate: bytes) -> pb.EnrolResponse:
        caller = callers.current.get()
        return pb.EnrolResponse(
            certificate=certificate,
            person=caller.id,
            roles=sorted(caller.roles),
            institution=self._office.institution(),
        )


def replay_on(service: Any) -> Replay:  # Any: the Registrar servicer
    """Make calls of the Registrar service without a network: the same handlers, the same messages."""

    async def replay(call: str, messages: Sequence[Any]) -> list[Any]:
        name = call.partition(".")[2]
        method = registrar_pb2.DESCRIPTOR.services_by_name["Registrar"].methods_by_name[name]
        handler = getattr(service, name)
        answers = handler(_stream(messages) if method.client_streaming else messages[0], _Context())
        if method.server_streaming:
            return [answer async for answer in answers]
        return [await answers]

    return replay


class _Context:
    """What a handler needs of gRPC's context: a way to refuse."""

    async def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> None:
        raise wire.decode_error(code, details, trailing_metadata)


async def _stream(messages: Iterable[Any]) -> AsyncIterator[Any]:
    for message in messages:
        yield message


def _encode_person(view: PersonLine) -> pb.Person:
    return pb.Person(
        id=view.id,
        name=view.name,
        roles=view.roles,
        invited_at=view.invited_at,
        invitation_expires_at=view.invitation_expires_at,
        certificate_expires_at=view.certificate_expires_at,
        removed_at=view.removed_at,
        last_call=view.last_call,
    )


def _encode_row(row: TrailRow) -> pb.TrailRow:
    return pb.TrailRow(
        number=row.number,
        at=row.at,
        who=row.who,
        roles=row.roles.split(),
        call=row.call,
        about=row.about,
        award_ids=row.award_ids.split(),
        awards=row.awards,
        outcome=row.outcome,
        reason=row.reason,
        hash=row.hash,
    )


def _encode_proposal(proposal: Proposal) -> pb.Proposal:
    return pb.Proposal(
        id=proposal.id,
        call=proposal.call,
        act=proposal.act,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        expires_at=proposal.expires_at,
        state=proposal.state,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        digest=proposal.digest,
    )


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), MAX_LISTED):
        yield items[start : start + MAX_LISTED]


def _row_parts(rows: Sequence[TrailRow]) -> Iterator[list[TrailRow]]:
    """Rows in messages of bounded size, whatever hangs on each."""
    part: list[TrailRow] = []
    ids = 0
    for row in rows:
        ids += row.awards if row.award_ids else 0
        if part and (len(part) == MAX_LISTED or ids > MAX_LISTED_IDS):
            yield part
            part, ids = [], row.awards if row.award_ids else 0
        part.append(row)
    if part:
        yield part
