"""Status pages from the registrar's decisions, and the check that stands between a decision and a signature (DESIGN 4).

A page restates every list whole. Before one is signed, the page before it is decoded and compared: a slot may change
only where a decision that no page has shown yet says so, and what was revoked or replaced stays so for ever. A
database that was restored from an old copy, or edited, is stopped here, before it can take back what the ledger has
said.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential.status import ITEM_BYTES, Status, decode_page, encode_page, list_key
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.identity import LogId
from ledger.log.records import StatusList
from ledger.log.view import LogView
from node.registrar.tables import Award, Decision, Slot
from node.registrar.tables import StatusList as ListRow

LARGE_LIST = 131_072
"""Slots from which on a page is computed outside this process (about 0.2 s of work)."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
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
        for content in contents:
            _check_changes(content, previous, log, list_root)
    lists: list[StatusList] = []
    items: list[bytes] = []
    for content in contents:
        lists.append(StatusList(first=len(items), log=log, number=content.number, slots=content.slots))
        key = list_key(list_root, content.number)
        items += compute(content.slots, encode_page, key, content.slots, dict(content.statuses), statement_id)
    return Page(tuple(lists), tuple(items))


def compute(
    slots: int, work: Callable[_Arguments, _Result], *args: _Arguments.args, **kw: _Arguments.kwargs
) -> _Result:
    """Encode or decode a list: two hashes a slot, so a large one goes to a process of its own while the node answers."""
    if slots < LARGE_LIST:
        return work(*args, **kw)
    # Not forked: this process has threads, and grpc among them.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kw).result()


def _statuses(session: Session, number: int) -> dict[int, int]:
    rows = session.execute(select(Slot.slot, Slot.status).where(Slot.list_number == number, Slot.status != 0))
    return {slot: status for slot, status in rows}


def _explained(session: Session, number: int) -> frozenset[int]:
    """Slots of awards with a decision that no page has shown, where the slot says what the last such decision says."""
    rows = session.execute(
        select(Slot.slot)
        .join(Award, Award.id == Slot.award_id)
        .where(
            Slot.list_number == number,
            Slot.status == Award.status,
            Award.id.in_(select(Decision.award_id).where(Decision.cut_id.is_(None))),
        )
    )
    return frozenset(slot for (slot,) in rows)


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


def _check_changes(content: ListContent, previous: PublishedPage, log: LogId, list_root: bytes) -> None:
    published = next((row for row in previous.lists if (row.log, row.number) == (log, content.number)), None)
    if published is None:
        return
    items = previous.items[published.first : published.first + published.slots // ITEM_BYTES]
    key = list_key(list_root, content.number)
    before = compute(content.slots, decode_page, key, tuple(items), previous.statement_id)
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
