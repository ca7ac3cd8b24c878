"""How the registrar's side stands, in numbers: what `cairn-node status` shows and `/metrics` counts.

Counts and instants alone. They stay on the private listener: from outside nobody may tell how much waits.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ledger.log.identity import encode_log_id
from ledger.log.state import LogState
from node.client.finding import Finding
from node.client.registry import ListenerCertificate, NodeStatus
from node.errors import BusyError
from node.registrar import cut, offers
from node.registrar.database import Database
from node.registrar.tables import Award, Decision, Outgoing


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for the ledger: copies for a cut, signed statements for the log; and the newest cut's instant (Unix ms)."""

    waiting_copies: int
    outbox: int
    last_cut: int | None


def read_queue(session: Session) -> Queue:
    """Count what waits."""
    outbox = session.scalar(select(func.count()).where(Outgoing.entry.is_(None))) or 0
    return Queue(cut.count_waiting(session), outbox, cut.last_cut_instant(session))


async def measure(database: Database) -> tuple[Queue, int] | None:
    """What waits, and about how many bytes the database takes; None where it cannot be read now."""

    def look() -> tuple[Queue, int]:
        with database.read() as session:
            return read_queue(session), database.size_bytes()

    try:
        return await asyncio.to_thread(look)
    except (SQLAlchemyError, BusyError):
        return None


def describe_node(
    session: Session,
    state: LogState,
    *,
    issuer: str,
    waiting_for: str,
    next_cut: int | None,
    now: int,
    findings: Sequence[Finding],
    certificates: Sequence[ListenerCertificate] = (),
) -> NodeStatus:
    """Put together what the operator is told.

    Args:
        session: any session.
        state: of the own log.
        issuer: id of new credentials.
        waiting_for: why nothing is signed now; empty when all is well.
        next_cut: Unix ms; None where cuts are made on command.
        now: Unix ms.
        findings: what there is to look at.
        certificates: what the public listeners show.
    """
    queue = read_queue(session)
    return NodeStatus(
        log=encode_log_id(state.log_id),
        name=state.name,
        origin=state.charter.origin,
        size=state.size,
        issuer=issuer,
        is_waiting_for=waiting_for,
        awards=session.scalar(select(func.count()).select_from(Award)) or 0,
        waiting_copies=queue.waiting_copies,
        pending_decisions=session.scalar(select(func.count()).where(Decision.cut_id.is_(None))) or 0,
        outbox=queue.outbox,
        open_offers=offers.count_open_offers(session, now),
        last_cut=queue.last_cut,
        next_cut=next_cut,
        findings=tuple(findings),
        certificates=tuple(certificates),
    )
