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

from ledger.credential.status import ITEM_BYTES, Status, decode_page, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.identity import LogId, encode_log_id
from ledger.log.records import StatusList
from ledger.log.view import LogView
from node.registrar import inherited
from node.registrar.tables import Award, Decision, Slot, SlotChange
from node.registrar.tables import StatusList as ListRow
from node.registrar.turning import ListOrder, turn_lists

_FINAL = (Status.REVOKED, Status.REPLACED)


@dataclass(frozen=True, slots=True)
class ListContent:
    """What one list shall say."""

    number: int
    """On the ledger."""
    slots: int
    statuses: Mapping[int, int]
    """Per drawn slot; slots left out read 0."""
    explained: Collection[int]
    """Slots that may differ from the page before."""
    log: LogId | None = None
    """Of the log it was taken over from; None for this one."""


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
    """Every list of the database with what its slots shall say now: own ones by number, then others by log and number."""
    names = inherited.name_lists(session)
    contents = []
    for row in session.scalars(select(ListRow).order_by(ListRow.number)):
        name = names.get(row.number)
        contents.append(
            ListContent(
                row.number if name is None else name.number,
                row.slots,
                _statuses(session, row.number),
                _explained(session, row.number),
                None if name is None else name.log,
            )
        )
    return tuple(sorted(contents, key=lambda content: (content.log is not None, content.log or b"", content.number)))


def make_page(
    contents: Sequence[ListContent],
    previous: PublishedPage | None,
    *,
    log: LogId,
    list_root: bytes,
    statement_id: bytes,
    inherited_roots: Mapping[LogId, bytes] | None = None,
    taken_over: Sequence[PublishedPage] = (),
) -> Page:
    """Encode all lists under a statement id that no page has had, after checking what changes.

    Args:
        contents: own lists by number, then inherited ones by log and number.
        previous: the newest page of this log.
        log: this log.
        list_root: opens its own lists.
        statement_id: fresh.
        inherited_roots: open those of logs that this one succeeds.
        taken_over: the last pages of those logs: what a list follows that this log restates for the first time.

    Raises:
        RuleError: the lists do not continue those of the pages before, a slot changes without a decision, or the list
            root of a log is not here.
    """
    if previous is not None:
        _check_lists(contents, previous, log)
    roots = {log: list_root, **(inherited_roots or {})}
    before = [*([] if previous is None else [previous]), *taken_over]
    orders = [_order(content, before, log, roots, statement_id) for content in contents]
    lists: list[StatusList] = []
    items: list[bytes] = []
    for content, turned in zip(contents, turn_lists(orders), strict=True):
        if turned.before is not None:
            _check_changes(content, turned.before)
        opener = content.log or log
        lists.append(StatusList(first=len(items), log=opener, number=content.number, slots=content.slots))
        items += turned.items
    return Page(tuple(lists), tuple(items))


def items_of(page: PublishedPage, log: LogId, number: int) -> tuple[bytes, ...]:
    """The items of one list on a page; nothing where it does not stand there."""
    place = next((place for place in page.lists if (place.log, place.number) == (log, number)), None)
    return () if place is None else tuple(page.items[place.first : place.first + place.slots // ITEM_BYTES])


def list_key_of(roots: Mapping[LogId, bytes], log: LogId, number: int) -> bytes:
    """The key of a list under the list root of the log that opened it.

    Raises:
        RuleError: that root is not here.
    """
    if log not in roots:
        raise RuleError(
            f"status list {number} of log {encode_log_id(log)}: was taken over, and its list root is not under keys/",
            hint="put keys/inherited_root.key back from the key backup",
        )
    return list_key(roots[log], number)


def open_list(published: PublishedPage, place: StatusList, roots: Mapping[LogId, bytes]) -> bytes:
    """What a page says of one list, one byte per slot.

    Raises:
        RuleError: the list root of the log that opened it is not here, or does not open the page.
    """
    key = list_key_of(roots, place.log, place.number)
    plain = decode_page(key, items_of(published, place.log, place.number), published.statement_id)
    strange = sum(byte > Status.REPLACED for byte in plain)
    if strange:
        raise RuleError(
            f"status list {place.number}: {strange} of {place.slots} slots of the newest page read as no status",
            hint="keys/list_root.key (or inherited_root.key) is of another log, or the page was signed by somebody "
            "else: restore the right keys, or declare the operate key compromised",
        )
    return plain


def _order(
    content: ListContent,
    before: Sequence[PublishedPage],
    log: LogId,
    roots: Mapping[LogId, bytes],
    statement_id: bytes,
) -> ListOrder:
    opener = content.log or log
    found = next((page for page in before if items_of(page, opener, content.number)), None)
    if found is None and content.log is not None:
        raise RuleError(
            f"status list {content.number} of log {encode_log_id(opener)}: was taken over, and its last page is not held",
            hint="cairn-node run DIR fetches that log from whoever has it",
        )
    return ListOrder(
        key=list_key_of(roots, opener, content.number),
        slots=content.slots,
        statuses=dict(content.statuses),
        before=() if found is None else items_of(found, opener, content.number),
        before_id=b"" if found is None else found.statement_id,
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
    known = {(content.log or log, content.number): content.slots for content in contents}
    is_ordered = list(known) == sorted(known, key=lambda key: (key[0] != log, key))
    for published in previous.lists:
        if not is_ordered or known.get((published.log, published.number)) != published.slots:
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
