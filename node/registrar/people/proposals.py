"""What waits for a second person: the exact content of an act, who proposed it, and what became of it.

A proposal is decided once. Approving it does what it says, in the same transaction that ends it where the act is about
awards; whoever proposed it cannot approve it. Its content, which may be a file about learners, is erased in the moment in
which it no longer waits; what stays says who agreed to which digest.
"""

import base64
import enum
import hashlib

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, defer

from ledger.duration import DAY_MS
from ledger.errors import RuleError
from node.clock import Draw
from node.errors import NotAllowedError
from node.registrar.people.caller import Caller
from node.registrar.people.tables import Proposal

LIFETIME_MS = 7 * DAY_MS
MAX_WAITING = 100
MAX_WAITING_BYTES = 256 * 1024 * 1024
_ID_BYTES = 5
_ANEW = "it does nothing any more; whoever wants it done proposes it anew"


class State(enum.StrEnum):
    """What became of a proposal."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """By whoever proposed it, or because they were removed."""
    EXPIRED = "expired"


def propose(session: Session, caller: Caller, call: str, act: str, content: bytes, *, now: int, draw: Draw) -> Proposal:
    """Keep an act until a second person decides; the same act by the same person is kept once.

    Raises:
        RuleError: too much waits already.
    """
    expire(session, now)
    digest = hashlib.sha256(call.encode() + b"\n" + content).digest()
    waiting = select(Proposal).where(Proposal.state == State.WAITING.value)
    # Sent again because the answer was lost, or by somebody who replays it: the same proposal.
    known = session.scalar(waiting.where(Proposal.digest == digest, Proposal.proposed_by == caller.id))
    if known is not None:
        return known
    size = func.coalesce(func.sum(func.length(Proposal.content)), 0)
    count, held = session.execute(select(func.count(), size).where(Proposal.state == State.WAITING.value)).one()
    if count >= MAX_WAITING or held + len(content) > MAX_WAITING_BYTES:
        raise RuleError(
            f"proposal: {count} wait already, {held:,} bytes",
            hint="`cairn-node registrar proposals DIR` lists them; approve or reject some",
        )
    proposal = Proposal(
        id=base64.b32encode(draw(_ID_BYTES)).decode("ascii").lower(),
        call=call,
        act=act,
        proposed_by=caller.id,
        proposed_at=now,
        expires_at=now + LIFETIME_MS,
        state=State.WAITING.value,
        decided_by="",
        decided_at=None,
        digest=digest,
        content=content,
    )
    session.add(proposal)
    session.flush()
    return proposal


def find_waiting(session: Session, proposal_id: str, now: int) -> Proposal:
    """A proposal that can still be decided.

    Raises:
        RuleError: there is none of this id, or it was decided or has expired.
    """
    proposal = session.get(Proposal, proposal_id)
    if proposal is None:
        raise RuleError(
            f"proposal {proposal_id[:40]!r}: there is none", hint="`cairn-node registrar proposals DIR` lists them"
        )
    if proposal.state != State.WAITING.value:
        what = "has expired" if proposal.state == State.EXPIRED.value else f"was {proposal.state} before"
        raise RuleError(f"proposal {proposal.id}: {what}", hint=_ANEW)
    if now >= proposal.expires_at:
        raise RuleError(f"proposal {proposal.id}: has expired", hint=_ANEW)
    return proposal


def check_second_person(proposal: Proposal, caller: Caller) -> None:
    """Refuse whoever proposed it.

    Raises:
        NotAllowedError: it is the caller's own.
    """
    if proposal.proposed_by == caller.id:
        raise NotAllowedError(
            f"proposal {proposal.id}: was proposed by you, and needs somebody else",
            reason="own proposal",
            hint="ask a person with the role approver or operator",
        )


def decide(session: Session, proposal_id: str, state: State, by: str, now: int) -> None:
    """End a proposal that waits, and erase its content.

    Raises:
        RuleError: it waits no longer; the transaction must not go on.
    """
    ended = session.execute(
        update(Proposal)
        .where(Proposal.id == proposal_id, Proposal.state == State.WAITING.value)
        .values(state=state.value, decided_by=by, decided_at=now, content=None)
    )
    if ended.rowcount != 1:  # type: ignore[attr-defined]  # a result of an update has it
        raise RuleError(f"proposal {proposal_id}: was decided before")


def expire(session: Session, now: int) -> int:
    """End what waited too long and erase its content; returns how many."""
    overdue = Proposal.state == State.WAITING.value, Proposal.expires_at <= now
    values = {"state": State.EXPIRED.value, "decided_at": now, "content": None}
    ended = session.execute(update(Proposal).where(*overdue).values(values))
    return int(ended.rowcount)  # type: ignore[attr-defined]  # as above


def withdraw_all(session: Session, person: str, now: int) -> int:
    """End everything a person proposed, since they were removed; returns how many."""
    theirs = Proposal.state == State.WAITING.value, Proposal.proposed_by == person
    values = {"state": State.WITHDRAWN.value, "decided_at": now, "content": None}
    ended = session.execute(update(Proposal).where(*theirs).values(values))
    return int(ended.rowcount)  # type: ignore[attr-defined]  # as above


def list_proposals(session: Session, now: int, *, with_decided: bool) -> list[Proposal]:
    """Proposals in the order in which they were made."""
    query = select(Proposal).options(defer(Proposal.content)).order_by(Proposal.proposed_at, Proposal.id)
    if not with_decided:
        query = query.where(Proposal.state == State.WAITING.value, Proposal.expires_at > now)
    return list(session.scalars(query))
