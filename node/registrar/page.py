"""Status pages from the registrar's decisions, and the check that stands between a decision and a signature (DESIGN 4).

A page restates every list whole. Before one is signed, the page before it is decoded and compared: a slot may change
only where a decision that no page has shown yet says so, and what was revoked or replaced stays so for ever. A
database that was restored from an old copy, or edited, is stopped here, before it can take back what the ledger has
said.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential.status import ITEM_BYTES, Status, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.identity import LogId
from ledger.log.records import StatusList
from ledger.log.view import LogView
from node.registrar.tables import Award, Decision, Slot, SlotChange
from node.registrar.tables import StatusList as ListRow
from node.registrar.turning import ListOrder, turn_lists

_FINAL = (Status.REVOKED, Status.REPLACED)


@dataclass(frozen=True, slots=True)
class ListContent:
    """What one list shall say."""

    number: int
    slots: int
    statuses: Mapping[int, int]
    """Per drawn slot; slots left out read 0."""
    explained: Collection[int]
    """Slots that may differ from the page before."""


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """The newest page the log holds, which the next one must follow from."""

    statement_id: bytes
    """The id it is read with: its own, or that of the statement it restates."""
    lists: Sequence[StatusList]
    items: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A page ready to be signed."""

    lists: tuple[StatusList, ...]
    items: tuple[bytes, ...]


def read_published(log: LogView) -> PublishedPage | None:
    """The newest page of a log that counts; None before the first.

    Raises:
        RuleError: its body is not held.
    """
    record = log.state.effective_status()
    if record is None:
        return None
    body = log.body(record.index)
    if body is None:
        raise RuleError(f"status page: the body of entry {record.index} is not held", hint="recover it from a peer")
    return PublishedPage(record.statement_id, record.lists, parse_body("status", body))


def load_contents(session: Session) -> tuple[ListContent, ...]:
    """Every list of the database with what its slots shall say now."""
    return tuple(
        ListContent(row.number, row.slots, _statuses(session, row.number), _explained(session, row.number))
        for row in session.scalars(select(ListRow).order_by(ListRow.number))
    )


def make_page(
    contents: Sequence[ListContent],
    previous: PublishedPage | None,
    *,
    log: LogId,
    list_root: bytes,
    statement_id: bytes,
) -> Page:
    """Encode all lists under a statement id that no page has had, after checking what changes.

    Raises:
        RuleError: the lists do not continue those of the page before, or a slot changes without a decision.
    """
    if previous is not None:
        _check_lists(contents, previous, log)
    orders = [_order(content, previous, log, list_root, statement_id) for content in contents]
    lists: list[StatusList] = []
    items: list[bytes] = []
    for content, turned in zip(contents, turn_lists(orders), strict=True):
        if turned.before is not None:
            _check_changes(content, turned.before)
        lists.append(StatusList(first=len(items), log=log, number=content.number, slots=content.slots))
        items += turned.items
    return Page(tuple(lists), tuple(items))


def _order(
    content: ListContent, previous: PublishedPage | None, log: LogId, list_root: bytes, statement_id: bytes
) -> ListOrder:
    published = None
    if previous is not None:
        published = next((row for row in previous.lists if (row.log, row.number) == (log, content.number)), None)
    before: tuple[bytes, ...] = ()
    if previous is not None and published is not None:
        before = tuple(previous.items[published.first : published.first + published.slots // ITEM_BYTES])
    return ListOrder(
        key=list_key(list_root, content.number),
        slots=content.slots,
        statuses=dict(content.statuses),
        before=before,
        before_id=b"" if previous is None else previous.statement_id,
        statement_id=statement_id,
    )


def _statuses(session: Session, number: int) -> dict[int, int]:
    rows = session.execute(select(Slot.slot, Slot.status).where(Slot.list_number == number, Slot.status != 0))
    return {slot: status for slot, status in rows}


def _explained(session: Session, number: int) -> frozenset[int]:
    """Slots that may differ from the page before.

    Those of awards with a decision that no page has shown, where the slot says what the last such decision says; and
    those that a re-issue changed and no page has shown.
    """
    decided = session.scalars(
        select(Slot.slot)
        .join(Award, Award.id == Slot.award_id)
        .where(
            Slot.list_number == number,
            Slot.status == Award.status,
            Award.id.in_(select(Decision.award_id).where(Decision.cut_id.is_(None))),
        )
    )
    reissued = session.scalars(
        select(SlotChange.slot).where(SlotChange.list_number == number, SlotChange.cut_id.is_(None))
    )
    return frozenset(decided) | frozenset(reissued)


def _check_lists(contents: Sequence[ListContent], previous: PublishedPage, log: LogId) -> None:
    """An entry that omits, reorders or resizes a list is void; a database that knows fewer lists is an old one."""
    for position, published in enumerate(previous.lists):
        known = contents[position] if position < len(contents) else None
        if known is None or (published.log, published.number, published.slots) != (log, known.number, known.slots):
            raise RuleError(
                f"status list {published.number}: is on the ledger with {published.slots} slots, "
                "and the registrar's database does not know it so",
                hint="the database is older than the log: restore the newest backup, or run `cairn-node recover`",
            )


def _check_changes(content: ListContent, before: bytes) -> None:
    after = bytearray(content.slots)
    for slot, status in content.statuses.items():
        after[slot] = status
    if before == bytes(after):
        return
    for slot in range(content.slots):
        if before[slot] != after[slot]:
            _check_change(content, slot, before[slot], after[slot])


def _check_change(content: ListContent, slot: int, before: int, after: int) -> None:
    # The slot's number is safe to tell: only whoever holds the list root can read it.
    hint = "the database is older than the log, or was edited: restore the newest backup"
    if before in _FINAL:
        raise RuleError(
            f"status list {content.number}: slot {slot} is {before} on the ledger, which is final, not {after}",
            hint=hint,
        )
    if slot not in content.explained:
        raise RuleError(
            f"status list {content.number}: slot {slot} would change from {before} to {after} without a decision",
            hint=hint,
        )
