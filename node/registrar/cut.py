"""A cut: one `anchor`, one `issue`, one `status`, always, full or empty, in that order (DESIGN 4).

Ids, bodies and signatures of all three are fixed in one database transaction before anything is submitted. The
`issue` body always has the charter's number of items: what is no commitment is 32 random bytes, and the order is
random, so that nobody can tell a night with 200 diplomas from a night with none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from ledger.credential.commitment import COMMITMENT_BYTES
from ledger.errors import RuleError
from ledger.log.body import describe_body
from ledger.log.charter import ListPolicy
from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from ledger.log.records import Anchor, Issue, StatusUpdate
from ledger.log.statement import STATEMENT_ID_LENGTH
from node.clock import Draw
from node.registrar import lists, outbox, page, plainslots
from node.registrar.outbox import Draft
from node.registrar.page import PublishedPage
from node.registrar.tables import Copy, Cut, Decision, SlotChange


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOrder:
    """Everything a cut is made from beside the database."""

    at: int
    """The instant it is due, Unix ms; stands in all three statements."""
    log: LogId
    log_key: SigningKey
    operate_key: SigningKey
    list_root: bytes
    list_policy: ListPolicy
    batch_size: int
    """Items of the `issue` body, a power of two."""
    heads: tuple[bytes, ...]
    """Notes to anchor: this log's own first."""
    previous: PublishedPage | None
    interval: int = 0
    """Between two cuts, ms; 0 where they are made on command."""
    inherited_roots: Mapping[LogId, bytes] = field(default_factory=dict)
    """List roots of the logs that this one succeeds."""
    taken_over: Sequence[PublishedPage] = ()
    """Their last pages."""


@dataclass(frozen=True, slots=True)
class MadeCut:
    """A cut in the outbox."""

    id: int
    copies: int
    """Commitments that went with it."""
    waiting: int
    """Copies that did not fit and wait for the next."""


def last_cut_instant(session: Session) -> int | None:
    """Instant of the newest cut, Unix ms; None before the first."""
    return session.scalar(select(func.max(Cut.at)))


def make_cut(session: Session, order: CutOrder, draw: Draw) -> MadeCut:
    """Put a cut into the outbox, with every waiting commitment that fits and every decision made so far.

    Args:
        session: an open write transaction; nothing of the cut exists unless it commits.
        order: what to cut from.
        draw: source of the three ids, the decoys and the order.

    Raises:
        RuleError: the database is an old copy; a cut before this one has not reached the log, whose page is the one to
            compare with; or the page would change what no decision explains (`page.make_page`).
    """
    outbox.check_current(session, None if order.previous is None else order.previous.statement_id)
    if outbox.has_pending_cut(session):
        raise RuleError("cut: the one before has not reached the log yet")
    lists.open_due_list(session, order.list_policy, order.at)
    copies = list(session.scalars(select(Copy).where(*_is_waiting()).order_by(Copy.id).limit(order.batch_size)))
    cut = Cut(at=order.at)
    session.add(cut)
    session.flush()
    commitments = _place(copies, cut.id, order.batch_size, draw)
    session.flush()
    drafts = [_anchor(order, draw), _issue(order, commitments, draw), _status(session, order, draw)]
    outbox.store(session, drafts, cut.id)
    plainslots.settle(session, order.at, order.interval, draw)
    for shown in (Decision, SlotChange):
        session.execute(update(shown).where(shown.cut_id.is_(None)).values(cut_id=cut.id))
    return MadeCut(cut.id, len(copies), count_waiting(session))


def count_waiting(session: Session) -> int:
    """Copies whose commitment has not gone with any cut."""
    return session.scalar(select(func.count()).select_from(Copy).where(*_is_waiting())) or 0


def _is_waiting() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Copy.cut_id.is_(None), Copy.withdrawn.is_(False)


def _place(copies: Sequence[Copy], cut_id: int, size: int, draw: Draw) -> tuple[bytes, ...]:
    """Give every copy a random position; the body with decoys on all others."""
    keyed = sorted((draw(16), position) for position in range(size))
    positions = [position for _, position in keyed]
    # Decoys are drawn for the whole body, whatever is in it: the same work, and no pattern to find in timing.
    random = draw(size * COMMITMENT_BYTES)
    items = [random[start : start + COMMITMENT_BYTES] for start in range(0, len(random), COMMITMENT_BYTES)]
    for copy, position in zip(copies, positions, strict=False):
        copy.cut_id = cut_id
        copy.position = position
        items[position] = copy.commitment
    return tuple(items)


def _anchor(order: CutOrder, draw: Draw) -> Draft:
    reference = describe_body("anchor", order.heads)
    anchor = Anchor(at=order.at, id=draw(STATEMENT_ID_LENGTH), log=order.log, reference=reference)
    return Draft(anchor, order.heads, order.log_key)


def _issue(order: CutOrder, commitments: tuple[bytes, ...], draw: Draw) -> Draft:
    reference = describe_body("issue", commitments)
    issue = Issue(at=order.at, id=draw(STATEMENT_ID_LENGTH), log=order.log, reference=reference)
    return Draft(issue, commitments, order.operate_key)


def _status(session: Session, order: CutOrder, draw: Draw) -> Draft:
    statement_id = draw(STATEMENT_ID_LENGTH)
    made = page.make_page(
        page.load_contents(session),
        order.previous,
        log=order.log,
        list_root=order.list_root,
        statement_id=statement_id,
        inherited_roots=order.inherited_roots,
        taken_over=order.taken_over,
    )
    reference = describe_body("status", made.items)
    status = StatusUpdate(at=order.at, id=statement_id, log=order.log, reference=reference, lists=made.lists)
    return Draft(status, made.items, order.operate_key)
