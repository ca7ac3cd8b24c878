"""Reading the log into a registrar's database that is older than it (DESIGN 4, "Reading status").

A database that comes from a backup, or from nothing but the keys, does not know what the log has said since. If it
went on from there it would draw slots again that a lost copy has, and sign pages that take back what was revoked. So
before anything is minted or cut, in one transaction:

1. what waits in the outbox is compared with the log: what the log has is marked, a cut it never got is taken back;
2. every statement of the registrar's that the log has and the outbox does not is entered, and copies that still waited
   find their place in those batches;
3. the newest effective page is read: where it differs it wins, over slots and awards alike; slots that nobody here
   knows keep their byte;
4. a new list is opened, because unknown slots of the old ones cannot be told from free ones: they are never drawn;
5. what was done is noted, so that the registrar can be told what no log can bring back.

For a restored backup, and for an empty database beside a log rebuilt from peers; the caller has seen that it is whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.charter import ListPolicy
from ledger.log.entry import Entry, parse_entry
from ledger.log.identity import LogId
from ledger.log.records import Anchor, CloseDocument, EvidenceEntry, Issue, Publish, StatusUpdate
from ledger.log.view import LogView
from node.registrar import outbox, plainslots
from node.registrar.inherited import FIRST_NUMBER, ListName, enter_list, find_list
from node.registrar.page import PublishedPage, open_list, read_published
from node.registrar.tables import (
    RESTORED,
    Adopted,
    Award,
    Copy,
    Cut,
    Decision,
    Outgoing,
    Setting,
    Slot,
    SlotChange,
    StatusList,
)

_OURS = (Anchor, EvidenceEntry, Issue, StatusUpdate, Publish, CloseDocument)
_FINAL = (Status.REVOKED, Status.REPLACED)
_WEIGHT = (Status.REPLACED, Status.VALID, Status.SUSPENDED, Status.REVOKED)
"""Which of several bytes tells an award's status, the last most: a decision changes all its slots that are still open, a
re-issue ends some of them as replaced while the award stands."""
_IN_ONE_STATEMENT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What reading the log changed.

    Attributes:
        at: when it was read, Unix ms.
        backup_at: when the backup was made that the database comes from; None where nobody said.
        page: index of the newest page's entry; None for a log without one.
        statements: statements of the log that the outbox did not know.
        placed: copies that seemed to wait, and stand in a batch.
        withdrawn: signed statements taken back, since the log never got them.
        awards: awards whose status the page decided.
        unknown_slots: slots that nobody here knows and that do not read 0.
        opened: number of the new list; None where the log had none before.
    """

    at: int
    backup_at: int | None
    page: int | None
    statements: int
    placed: int
    withdrawn: int
    awards: int
    unknown_slots: int
    opened: int | None


@dataclass(frozen=True, slots=True)
class _DrawnSlot:
    list_number: int
    slot: int
    award_id: str | None
    status: int


def must_adopt(session: Session, log: LogView) -> bool:
    """Whether this database has to read the log before anything is minted or cut."""
    if session.get(Setting, RESTORED) is not None:
        return True
    # What a thief wrote and a compromise voided is nobody's business here: only the newest page that counts is.
    newest = log.state.effective_status()
    return newest is not None and not outbox.has_statement(session, newest.statement_id)


def adopt_log(
    session: Session,
    log: LogView,
    *,
    list_root: bytes,
    list_policy: ListPolicy,
    now: int,
    inherited_roots: Mapping[LogId, bytes] | None = None,
) -> Adoption:
    """Bring a database up to its log. Run twice it changes nothing the second time but to open a further list.

    Args:
        session: an open write transaction; nothing has changed if it does not commit.
        log: this institution's own log, whole.
        list_root: opens its pages, 32 bytes.
        list_policy: of the charter, for the new list.
        now: Unix ms.
        inherited_roots: of the logs that this one succeeds.

    Raises:
        RuleError: a list root is not here or does not open the page, or a list has another size than on the page.
    """
    roots = {log.state.log_id: list_root, **(inherited_roots or {})}
    published = read_published(log)
    # Asked before step 2 enters everything: a page this database signed itself overrules none of its decisions.
    is_known = published is None or outbox.has_statement(session, published.statement_id)
    backup_at, since = _read_restored(session)
    entries = _unknown_entries(session, log)
    withdrawn = _settle_outbox(session, log)  # 1
    placed = _enter(session, log, entries)  # 2
    awards = unknown = 0
    if published is not None:  # 3
        pages = _open_pages(session, published, log.state.log_id, roots, now)
        unknown = sum(_read_list(session, number, plain) for number, plain in pages.items())
        if not is_known:
            awards = _follow_page(session, pages, since, now)
    opened = _open_list(session, list_policy, now)  # 4
    plainslots.open_after_restoration(session, now)
    newest = log.state.effective_status()
    adoption = Adoption(
        at=now,
        backup_at=backup_at,
        page=None if newest is None else newest.index,
        statements=len(entries),
        placed=placed,
        withdrawn=withdrawn,
        awards=awards,
        unknown_slots=unknown,
        opened=opened,
    )
    _note(session, adoption)  # 5
    return adoption


def _read_restored(session: Session) -> tuple[int | None, int | None]:
    setting = session.get(Setting, RESTORED)
    if setting is None:
        return None, None
    made, restored = setting.value.split(" ")
    return int(made), int(restored)


def _settle_outbox(session: Session, log: LogView) -> int:
    """Step 1; returns how many statements were taken back."""
    withdrawn = 0
    for shipment in outbox.load_pending(session):
        ids = session.scalars(
            select(Outgoing.statement_id).where(Outgoing.id.in_(shipment.row_ids)).order_by(Outgoing.id)
        )
        found = [log.state.find_id(statement_id) for statement_id in ids]
        places = [index for index in found if index is not None]
        if len(places) == len(found):
            outbox.mark_sent(session, shipment, places)
        elif shipment.cut_id is not None:
            # Its page follows a page that may not be the newest; what it carried waits for the next cut.
            outbox.withdraw(session, shipment)
            withdrawn += len(found)
    session.flush()
    return withdrawn


def _unknown_entries(session: Session, log: LogView) -> list[Entry]:
    """The registrar's entries that the outbox does not know, in order: all stand above the last one it has marked.

    Void ones are left out: by a stolen key they may be the thief's.
    """
    start = (session.scalar(select(func.max(Outgoing.entry))) or 0) + 1
    waiting = set(session.scalars(select(Outgoing.statement_id).where(Outgoing.entry.is_(None))))
    above = (parse_entry(log.entry(index)) for index in range(start, log.state.size))
    return [
        entry
        for entry in above
        if isinstance(entry.statement, _OURS)
        and entry.statement.id not in waiting
        and log.state.find_id(entry.statement.id) == entry.index
        and log.state.void_reason(entry) is None
    ]


def _enter(session: Session, log: LogView, entries: Sequence[Entry]) -> int:
    """Step 2; returns how many copies found their place."""
    waiting = {
        copy.commitment: copy
        for copy in session.scalars(select(Copy).where(Copy.cut_id.is_(None), Copy.withdrawn.is_(False)))
    }
    placed = 0
    cut: Cut | None = None
    for entry in entries:
        statement = entry.statement
        if isinstance(statement, Anchor):
            cut = Cut(at=statement.at)
            session.add(cut)
            session.flush()
        is_of_cut = isinstance(statement, Anchor | Issue | StatusUpdate) and not _restates(statement)
        cut_id = cut.id if cut is not None and is_of_cut else None
        session.add(_outgoing(entry, cut_id))
        if isinstance(statement, Issue) and cut_id is not None and waiting:
            placed += _place(waiting, log.body(entry.index), cut_id)
    session.flush()
    return placed


def _restates(statement: Anchor | Issue | StatusUpdate) -> bool:
    return not isinstance(statement, Anchor) and statement.restates is not None


def _outgoing(entry: Entry, cut_id: int | None) -> Outgoing:
    return Outgoing(
        statement_id=entry.statement.id,
        kind=entry.statement.kind,
        # Not the bytes of the entry: after a theft only what this database signed itself is stated again (`restating`),
        # and whether it or a thief signed this nobody can tell any more.
        statement=b"",
        signatures=b"",
        body=None,
        has_body=entry.statement.body is not None,
        cut_id=cut_id,
        entry=entry.index,
    )


def _place(waiting: dict[bytes, Copy], body: bytes | None, cut_id: int) -> int:
    if body is None:
        return 0
    placed = 0
    for position, commitment in enumerate(parse_body("issue", body)):
        copy = waiting.pop(commitment, None)
        if copy is not None:
            copy.cut_id, copy.position = cut_id, position
            placed += 1
    return placed


def _open_pages(
    session: Session, published: PublishedPage, own: LogId, roots: Mapping[LogId, bytes], now: int
) -> dict[int, bytes]:
    """What the page says, one byte per slot, by the number a list has here; lists that the database lacks are entered."""
    pages: dict[int, bytes] = {}
    for place in published.lists:
        plain = open_list(published, place, roots)
        known = find_list(session, own, place.log, place.number)
        if known is None:
            known = enter_list(session, own, ListName(place.log, place.number), place.slots, now)
        elif known.slots != place.slots:
            raise RuleError(
                f"status list {place.number}: has {place.slots} slots on the ledger, {known.slots} in the database",
                hint="the database is of another log: restore the right one",
            )
        pages[known.number] = plain
    session.flush()
    return pages


def _read_list(session: Session, number: int, plain: bytes) -> int:
    """Enter the slots nobody here knows that do not read 0; returns how many there were."""
    known = set(session.scalars(select(Slot.slot).where(Slot.list_number == number)))
    rows = [
        {"list_number": number, "slot": slot, "award_id": None, "status": status}
        for slot, status in enumerate(plain)
        if status and slot not in known
    ]
    if rows:
        session.execute(insert(Slot), rows)
    return len(rows)


def _follow_page(session: Session, pages: dict[int, bytes], since: int | None, now: int) -> int:
    """Let the page win; returns how many awards it changed.

    A decision made here after the restoration is newer than the page and stays, if it may follow what the page says.
    """
    newest_cut = session.scalar(select(Cut).order_by(Cut.id.desc()).limit(1))
    after = since if since is not None else (newest_cut.at if newest_cut is not None else now)
    fresh = {
        decision.award_id: Status(decision.status)
        for decision in session.scalars(
            select(Decision).where(Decision.cut_id.is_(None), Decision.at >= after).order_by(Decision.number)
        )
    }
    drawn = _drawn_slots(session)
    said = _statuses_on_page(drawn, pages)
    changed = 0
    kept: set[str] = set()
    for award in _load(session, said):
        status = said[award.id]
        decided = fresh.get(award.id)
        if decided is not None and status != decided and status in (Status.VALID, Status.SUSPENDED):
            kept.add(award.id)
        elif award.status != status:
            award.status = int(status)
            reason = "read from the ledger's newest status page"
            cut_id = None if newest_cut is None else newest_cut.id
            session.add(Decision(award_id=award.id, status=int(status), at=now, reason=reason, cut_id=cut_id))
            changed += 1
    _write_slots(session, drawn, pages, {award.id: award.status for award in _load(session, said)}, kept)
    if newest_cut is not None:
        decided_before = update(Decision).where(Decision.cut_id.is_(None), Decision.award_id.not_in(kept))
        session.execute(decided_before.values(cut_id=newest_cut.id))
        session.execute(update(SlotChange).where(SlotChange.cut_id.is_(None)).values(cut_id=newest_cut.id))
    session.flush()
    return changed


def _drawn_slots(session: Session) -> list[_DrawnSlot]:
    query = select(Slot.list_number, Slot.slot, Slot.award_id, Slot.status)
    return [_DrawnSlot(*row) for row in session.execute(query)]


def _statuses_on_page(drawn: Sequence[_DrawnSlot], pages: dict[int, bytes]) -> dict[str, Status]:
    """From award to what the page says of it: by its slots that were still open here, or else by all of them."""
    shown: defaultdict[str, list[tuple[bool, Status]]] = defaultdict(list)
    for slot in drawn:
        if slot.award_id is not None and slot.list_number in pages:
            status = Status(pages[slot.list_number][slot.slot])
            shown[slot.award_id].append((slot.status not in _FINAL, status))
    return {award_id: _heaviest(found) for award_id, found in shown.items()}


def _heaviest(shown: Sequence[tuple[bool, Status]]) -> Status:
    was_open = [status for is_open, status in shown if is_open]
    return max(was_open or [status for _, status in shown], key=_WEIGHT.index)


def _load(session: Session, award_ids: Iterable[str]) -> Iterable[Award]:
    ordered = sorted(award_ids)
    for start in range(0, len(ordered), _IN_ONE_STATEMENT):
        yield from session.scalars(select(Award).where(Award.id.in_(ordered[start : start + _IN_ONE_STATEMENT])))


def _write_slots(
    session: Session,
    drawn: Iterable[_DrawnSlot],
    pages: dict[int, bytes],
    awards: dict[str, int],
    kept: set[str],
) -> None:
    """Give slots the byte of the page; those of lists that no page has shown yet say what their award says.

    Slots of awards that were decided anew (`kept`) say so already, and the next page will; what is final stays final.
    """
    rows = []
    for slot in drawn:
        page = pages.get(slot.list_number)
        shown = slot.status if page is None else page[slot.slot]
        if page is None and slot.award_id is not None and slot.status not in _FINAL:
            shown = awards.get(slot.award_id, slot.status)
        if slot.award_id in kept and shown not in _FINAL:
            shown = slot.status
        if shown != slot.status:
            rows.append({"list_number": slot.list_number, "slot": slot.slot, "status": int(shown)})
    if rows:
        session.execute(update(Slot), rows)


def _open_list(session: Session, policy: ListPolicy, now: int) -> int | None:
    """Step 4. Where no list is there yet, nobody can have drawn from one."""
    newest: int | None = session.scalar(select(func.max(StatusList.number)).where(StatusList.number < FIRST_NUMBER))
    if newest is None:
        return None
    session.add(StatusList(number=newest + 1, slots=policy.slots, opened_at=now))
    session.flush()
    return newest + 1


def _note(session: Session, adoption: Adoption) -> None:
    session.add(
        Adopted(
            at=adoption.at,
            backup_at=adoption.backup_at,
            page=adoption.page,
            statements=adoption.statements,
            placed=adoption.placed,
            withdrawn=adoption.withdrawn,
            awards=adoption.awards,
            unknown_slots=adoption.unknown_slots,
        )
    )
    session.execute(delete(Setting).where(Setting.name == RESTORED))
    session.flush()
