"""The outbox: what this node has signed for its log, kept until the log holds it (DESIGN 7).

A statement is stored with its id, exact bytes, signatures and body before anybody sees it, and submitted under that
id as often as it takes: the sequencer answers a known id with the index it already has, so a crash at any moment
loses nothing and repeats nothing. The three statements of a cut travel together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ledger.log import statements
from ledger.log.body import encode_body, parse_body
from ledger.log.entry import SIGNATURE_LENGTH, Signature, sign_statement
from ledger.log.keys import KeyId, SigningKey
from ledger.log.statement import Statement
from node.errors import BusyError
from node.registrar.tables import RESTORED, Copy, Cut, Decision, Outgoing, Setting, SlotChange
from node.sequencer import SignedStatement

_KEY_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement to be signed and stored, with the items of its body."""

    statement: Statement
    items: tuple[bytes, ...] | None
    key: SigningKey


@dataclass(frozen=True, slots=True)
class Shipment:
    """Statements of the outbox that go to the log in one call."""

    row_ids: tuple[int, ...]
    cut_id: int | None
    statements: tuple[SignedStatement, ...]


def store(session: Session, drafts: Iterable[Draft], cut_id: int | None = None) -> None:
    """Sign the drafts and put them into the outbox, in order; durable when the transaction is."""
    for draft in drafts:
        data = statements.encode(draft.statement)
        signatures = sign_statement(data, [draft.key])
        body = None if draft.items is None else encode_body(draft.statement.kind, draft.items)
        session.add(
            Outgoing(
                statement_id=draft.statement.id,
                kind=draft.statement.kind,
                statement=data,
                signatures=b"".join(item.key + item.signature for item in signatures),
                body=body,
                has_body=body is not None,
                cut_id=cut_id,
            )
        )
        # Row by row: the order of the ids is the order in the log.
        session.flush()


def load_pending(session: Session) -> list[Shipment]:
    """Everything the log has not confirmed, oldest first, the statements of a cut together."""
    rows = list(session.scalars(select(Outgoing).where(Outgoing.entry.is_(None)).order_by(Outgoing.id)))
    shipments: list[list[Outgoing]] = []
    for row in rows:
        if shipments and row.cut_id is not None and shipments[-1][0].cut_id == row.cut_id:
            shipments[-1].append(row)
        else:
            shipments.append([row])
    return [
        Shipment(tuple(row.id for row in group), group[0].cut_id, tuple(_to_signed(row) for row in group))
        for group in shipments
    ]


def has_statement(session: Session, statement_id: bytes) -> bool:
    """Whether this statement is known here, sent or not."""
    return session.scalar(select(Outgoing.id).where(Outgoing.statement_id == statement_id)) is not None


def check_current(session: Session, newest_page: bytes | None) -> None:
    """Check that this database knows the newest page of the log; an older copy of it would draw slots twice.

    Args:
        session: any session.
        newest_page: statement id of the newest page in the log; None where there is none yet.

    Raises:
        BusyError: it does not, or was restored and has not been compared with the log yet, which may still be an older
            one itself; the node reads the page as soon as its log is whole (`adopt_page`).
    """
    is_restored = session.get(Setting, RESTORED) is not None
    if is_restored or (newest_page is not None and not has_statement(session, newest_page)):
        raise BusyError(
            "registrar's database: comes from a backup, and the newest status page has not been read into it yet",
            hint="the node does so by itself once it holds its whole log; cairn-node status DIR says what it waits for",
        )


def find_places(session: Session, cut_id: int) -> tuple[int, ...]:
    """Where the log put the statements of a cut, in order; nothing while it waits."""
    rows = select(Outgoing.entry).where(Outgoing.cut_id == cut_id, Outgoing.entry.is_not(None)).order_by(Outgoing.id)
    return tuple(entry for entry in session.scalars(rows) if entry is not None)


def has_pending_cut(session: Session) -> bool:
    """Whether a cut is stored that the log has not confirmed."""
    pending = select(Outgoing.id).where(Outgoing.entry.is_(None), Outgoing.cut_id.is_not(None)).limit(1)
    return session.scalar(pending) is not None


def mark_sent(session: Session, shipment: Shipment, indexes: Sequence[int]) -> None:
    """Note where the log put them. The log holds the bodies from now on."""
    for row_id, index in zip(shipment.row_ids, indexes, strict=True):
        session.execute(update(Outgoing).where(Outgoing.id == row_id).values(entry=index, body=None))


def withdraw(session: Session, shipment: Shipment) -> None:
    """Take back what the log refused before it was written; the copies and decisions of a cut wait for the next one.

    Its ids and its page are never used again: whatever is made in its place draws fresh ones.
    """
    session.execute(delete(Outgoing).where(Outgoing.id.in_(shipment.row_ids)))
    if shipment.cut_id is not None:
        session.execute(update(Copy).where(Copy.cut_id == shipment.cut_id).values(cut_id=None, position=None))
        for shown in (Decision, SlotChange):
            session.execute(update(shown).where(shown.cut_id == shipment.cut_id).values(cut_id=None))
        session.execute(delete(Cut).where(Cut.id == shipment.cut_id))


def _to_signed(row: Outgoing) -> SignedStatement:
    step = _KEY_ID_LENGTH + SIGNATURE_LENGTH
    signatures = tuple(
        Signature(
            KeyId(row.signatures[start : start + _KEY_ID_LENGTH]), row.signatures[start + _KEY_ID_LENGTH : start + step]
        )
        for start in range(0, len(row.signatures), step)
    )
    items = parse_body(row.kind, row.body) if row.body is not None else None
    return SignedStatement(row.statement, signatures, items)
