"""What the People service does: letting people in and out, the trail, and what waits for a second person."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography import x509
from sqlalchemy.orm import Session

from ledger.errors import RuleError
from node.client.identity import Invitation, encode_invitation
from node.client.staff import PersonLine
from node.clock import Clock, Draw
from node.errors import NotAllowedError
from node.registrar import acting
from node.registrar.database import Database
from node.registrar.people import acts, proposals, roster, trail
from node.registrar.people import caller as callers
from node.registrar.people.authority import Authority
from node.registrar.people.guard import Passage
from node.registrar.people.proposals import State
from node.registrar.people.roles import Role, parse_roles
from node.registrar.people.tables import Proposal, TrailRow
from node.tasks import Backoff, keep_doing

TIDY_SECONDS = 3600.0

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")

Replay = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]
"""Makes a call of the Registrar service with these messages and gives its answers."""


@dataclass(frozen=True, slots=True)
class InvitationFile:
    """A new person's invitation as a file, their id, and what the operator is told about it."""

    data: bytes
    person: str
    expires_at: int
    authority: str


class PeopleOffice:
    """Keeps who is let in, on behalf of whoever calls."""

    def __init__(
        self,
        database: Database,
        replay: Replay,
        *,
        authority: Authority | None,
        address: Callable[[], str],
        institution: Callable[[], str],
        certificate_days: int,
        clock: Clock,
        draw: Draw,
    ) -> None:
        """Take what it works with.

        Args:
            database: the registrar's.
            replay: does what was approved.
            authority: None where this node lets nobody in from another computer.
            address: tells HOST:PORT under which others reach the listener.
            institution: tells its name.
            certificate_days: how long certificates are good.
            clock: Unix ms.
            draw: random bytes.
        """
        self._database = database
        self._replay = replay
        self._authority = authority
        self._address = address
        self._certificate_days = certificate_days
        self._clock = clock
        self._draw = draw
        self.institution = institution

    async def invite(self, name: str, roles: Sequence[str], days: int) -> InvitationFile:
        """Let somebody in.

        Raises:
            RuleError: this node lets nobody in from another computer, or does not know its own address.
            MalformedError: name, roles or days are out of bounds.
        """
        authority, wanted, by = self._need_authority(), parse_roles(roles), callers.current.get().id
        address = self._address()

        def write(session: Session) -> roster.Invited:
            invited = roster.invite(
                session, authority, name, wanted, days=days, by=by, now=self._clock(), draw=self._draw
            )
            _trace(session, f"person {invited.person}: {' '.join(sorted(wanted))}")
            return invited

        invited = await self._database.change(write)
        file = Invitation(
            address=address,
            authority=authority.certificate,
            key=invited.key,
            certificate=x509.load_der_x509_certificate(invited.certificate),
            expires_at=invited.expires_at,
            institution=self.institution(),
        )
        logger.info("person invited", extra={"person": invited.person})
        return InvitationFile(encode_invitation(file), invited.person, invited.expires_at, authority.words)

    async def enrol(self, signing_request: bytes) -> bytes:
        """The certificate (DER) for the invitation that the caller came with (`roster.enrol`)."""
        certificate = await self._sign(roster.enrol, signing_request)
        logger.info("person enrolled", extra={"person": callers.current.get().id})
        return certificate

    async def renew(self, signing_request: bytes) -> bytes:
        """The certificate (DER) that follows the one the caller came with (`roster.renew`)."""
        certificate = await self._sign(roster.renew, signing_request)
        logger.info("certificate renewed", extra={"person": callers.current.get().id})
        return certificate

    async def list_people(self) -> list[PersonLine]:
        """Everybody who was ever let in."""
        return await self._database.look(roster.list_people)

    async def remove(self, person: str) -> int:
        """Let somebody in no longer, and withdraw what waits in their name; returns how much that was."""

        def write(session: Session) -> int:
            roster.remove(session, person, self._clock())
            _trace(session, f"person {person}")
            return proposals.withdraw_all(session, person, self._clock())

        withdrawn = await self._database.change(write)
        logger.info("person removed", extra={"person": person, "withdrawn": withdrawn})
        return withdrawn

    async def read_trail(self, since: int) -> tuple[list[TrailRow], int | None]:
        """Rows from a moment on, and the number of the first row of all that does not follow from the one before."""
        return await self._database.look(lambda session: (trail.read_rows(session, since), trail.find_break(session)))

    async def list_proposals(self, *, with_decided: bool) -> list[Proposal]:
        """What waits for a second person."""
        now = self._clock()
        return await self._database.look(
            lambda session: proposals.list_proposals(session, now, with_decided=with_decided)
        )

    async def read_proposal(self, proposal_id: str) -> tuple[Proposal, list[str], bytes]:
        """A proposal that waits, what it would do in words, and the file that goes with it.

        Raises:
            RuleError: it waits no longer.
            NotAllowedError: it is not for the caller to see.
        """
        proposal = await self._find(proposal_id)
        caller = callers.current.get()
        if proposal.proposed_by != caller.id and not caller.roles & {Role.OPERATOR, Role.APPROVER, Role.REGISTRAR}:
            raise NotAllowedError(f"proposal {proposal.id}: is not yours", hint="ask a person with the role approver")
        _about(f"proposal {proposal.id}")
        lines, data = acts.describe(proposal.call, acts.unpack(proposal.call, proposal.content or b""))
        return proposal, lines, data

    async def approve(self, proposal_id: str) -> list[str]:
        """Do exactly what was proposed; returns what was done, in words.

        The proposal ends in the transaction that does it; if that cannot be done, it goes on waiting.

        Raises:
            RuleError: it waits no longer.
            NotAllowedError: it is the caller's own.
            CairnError: whatever the act itself raises.
        """
        proposal, caller = await self._find(proposal_id), callers.current.get()
        proposals.check_second_person(proposal, caller)
        passage = _about(f"proposal {proposal.id}: {proposal.act}, proposed by {proposal.proposed_by}")
        passage.also = lambda session: proposals.decide(session, proposal.id, State.APPROVED, caller.id, self._clock())
        answers = await self._replay(proposal.call, acts.unpack(proposal.call, proposal.content or b""))
        if not passage.is_recorded:
            # An act that is not about awards: it stands on the ledger already, and would come to the same again.
            await self._database.change(acting.acted_on)
        logger.info("proposal approved", extra={"person": caller.id, "proposal": proposal.id})
        return acts.describe_outcome(proposal.call, answers)

    async def reject(self, proposal_id: str) -> None:
        """Refuse what was proposed, or withdraw one's own.

        Raises:
            RuleError: it waits no longer.
            NotAllowedError: it is somebody else's, and the caller is no approver.
        """
        proposal, caller = await self._find(proposal_id), callers.current.get()
        is_own = proposal.proposed_by == caller.id
        if not is_own and not caller.roles & {Role.OPERATOR, Role.APPROVER}:
            raise NotAllowedError(f"proposal {proposal.id}: is not yours", hint="ask a person with the role approver")
        state = State.WITHDRAWN if is_own else State.REJECTED

        def write(session: Session) -> None:
            _trace(session, f"proposal {proposal.id}: {state.value}")
            proposals.decide(session, proposal.id, state, caller.id, self._clock())

        await self._database.change(write)

    async def keep_tidy(self) -> None:
        """Erase what waited too long, now and every hour, until cancelled; a disk that is full is waited for."""
        await keep_doing("proposals", self._tidy, Backoff(self._draw))

    async def _tidy(self) -> None:
        ended = await self._database.change(lambda session: proposals.expire(session, self._clock()))
        if ended:
            logger.info("proposals expired", extra={"proposals": ended})
        await asyncio.sleep(TIDY_SECONDS)

    async def _sign(self, step: Callable[..., bytes], signing_request: bytes) -> bytes:
        authority, caller = self._need_authority(), callers.current.get()

        def write(session: Session) -> bytes:
            _trace(session, f"person {caller.id}")
            return step(
                session,
                authority,
                caller,
                signing_request,
                days=self._certificate_days,
                now=self._clock(),
            )

        return await self._database.change(write)

    async def _find(self, proposal_id: str) -> Proposal:
        now = self._clock()
        return await self._database.look(lambda session: proposals.find_waiting(session, proposal_id, now))

    def _need_authority(self) -> Authority:
        if self._authority is None:
            raise RuleError(
                "registrar: this node lets nobody in from another computer",
                hint='set registrar_listen = "HOST:PORT" in node.toml and start the node again',
            )
        return self._authority


def _trace(session: Session, about: str) -> None:
    """Have the caller's act leave its trace with this transaction."""
    _about(about)
    acting.acted_on(session)


def _about(text: str) -> Passage:
    passage = acting.current.get()
    assert isinstance(passage, Passage)  # the gate leads every call through the guard
    passage.about = text
    return passage
