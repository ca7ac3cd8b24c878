"""Taking over what an institution left whose log this one succeeds (DESIGN 3 "Succession"), in one transaction.

1. every list of its last page whose list root survived is entered, with what the page says of each slot; nothing is ever
   drawn from it again. From the next cut on our own pages restate it, and only they count;
2. awards, decisions and copies come from its database, which has read that page before (`adopt_page`), so that the page
   has won where they differed. They keep their ids; what was decided and no page has shown goes with our next page;
   Lists in the clear come with them (`plaintakeover`);
3. an award that stands, and whose registrar's copy is not on its ledger below its end or on a list that could be entered,
   gets one of ours, in the old institution's name.

Run again with more than before (a list root first, a database later) it adds what is new and changes nothing else.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import CairnError, RuleError
from ledger.log.identity import LogId
from node.registrar.copies import FindAchievement, Press, mint_registrar_copies
from node.registrar.inherited import (
    FIRST_NUMBER,
    InheritedAward,
    InheritedCopy,
    ListName,
    enter_list,
    find_list,
    mark_inherited,
    name_lists,
)
from node.registrar.page import PublishedPage, open_list, read_published
from node.registrar.plaintakeover import enter_plain_lists
from node.registrar.predecessors import EndedLog
from node.registrar.proving import read_shown_status
from node.registrar.readmit import over_cut
from node.registrar.shown import read_copy
from node.registrar.tables import Award, Copy, Decision, Evaluated, Outgoing, Slot, SlotChange, StatusList, Table
from node.registrar.views import REGISTRAR_KIND, WALLET_KIND

_IN_ONE_STATEMENT = 1000
_Item = TypeVar("_Item")
_STANDS = (int(Status.VALID), int(Status.SUSPENDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What is here now of an old institution's.

    Attributes:
        lists: status lists entered.
        closed_lists: those whose list root did not survive: their last page stands for ever.
        awards: awards entered.
        minted: of them, those that got a registrar's copy of ours.
        lost_copies: wallets' copies that never stood on its ledger below its end: nobody can accept them.
        unknown_slots: slots that say something and belong to nobody known.
        plain_lists: lists in the clear that are published here from now on.
    """

    lists: int = 0
    closed_lists: int = 0
    awards: int = 0
    minted: int = 0
    lost_copies: int = 0
    unknown_slots: int = 0
    plain_lists: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be taken over, and with what.

    Attributes:
        own: this institution's log.
        ended: the old one's, up to its end.
        roots: list roots that survived, by the log whose lists they open.
        prefix: goes before each learner's id, which is the old student system's.
        press: makes registrar's copies.
        find: finds achievements.
    """

    own: LogId
    ended: EndedLog
    roots: Mapping[LogId, bytes]
    prefix: str
    press: Press
    find: FindAchievement


def take_over(session: Session, source: Session | None, order: Order) -> TakenOver:
    """Enter an old institution's lists, and its awards where its database survived.

    Args:
        session: an open write transaction of this institution's database.
        source: of the old database, which has read its log to the end; None where there is none.
        order: what to take over.

    Raises:
        RuleError: a list root does not open the last page, learners' ids are taken, or no key is in force.
    """
    published = read_published(order.ended)
    report = _enter_lists(session, published, order)  # 1
    mark_inherited(session, order.ended.state.log_id, order.press.now)
    if source is None:
        return dataclasses.replace(report, unknown_slots=_count_unknown(session, order, published))
    _check_learners(session, source, order.prefix)
    entered = _Entrance(session, source, order).enter()  # 2
    return dataclasses.replace(
        report,
        awards=entered.awards,
        lost_copies=entered.lost_copies,
        plain_lists=entered.plain_lists,
        minted=_mint(session, entered.without_copy, order),  # 3
        unknown_slots=_count_unknown(session, order, published),
    )


def read_by_copies(source: Session, ended: EndedLog) -> int:
    """Let the last page win over a database whose list root is lost: each registrar's copy has the key of its slot.

    Returns:
        How many awards the page says something else of than the database.
    """
    changed = 0
    for copy in source.scalars(select(Copy).where(Copy.kind == REGISTRAR_KIND, Copy.credential != "")):
        award = source.get_one(Award, copy.award_id)
        try:
            status = read_shown_status(read_copy(copy.credential), ended)
        except CairnError:
            # Its list came too late for the last page: the database alone knows.
            continue
        if status != award.status and award.status in _STANDS:
            award.status = int(status)
            changed += 1
    source.flush()
    return changed


def _enter_lists(session: Session, published: PublishedPage | None, order: Order) -> TakenOver:
    lists = closed = 0
    for place in () if published is None else published.lists:
        assert published is not None, "asked above"
        if find_list(session, order.own, place.log, place.number) is not None:
            continue
        if place.log not in order.roots:
            closed += 1
            continue
        plain = open_list(published, place, order.roots)
        row = enter_list(session, order.own, ListName(place.log, place.number), place.slots, order.press.now)
        said = [
            {"list_number": row.number, "slot": slot, "award_id": None, "status": status}
            for slot, status in enumerate(plain)
            if status
        ]
        if said:
            session.execute(insert(Slot), said)
        lists += 1
    return TakenOver(lists=lists, closed_lists=closed)


def _count_unknown(session: Session, order: Order, published: PublishedPage | None) -> int:
    numbers = [
        row.number
        for place in (() if published is None else published.lists)
        if (row := find_list(session, order.own, place.log, place.number)) is not None
    ]
    query = select(func.count()).select_from(Slot).where(Slot.list_number.in_(numbers), Slot.award_id.is_(None))
    return session.scalar(query) or 0


def _check_learners(session: Session, source: Session, prefix: str) -> None:
    """Two students of two schools with one id would be one learner here."""
    inherited = select(InheritedAward.award_id)
    ours = set(session.scalars(select(Award.learner_id).where(Award.id.not_in(inherited))))
    ours -= set(session.scalars(select(Award.learner_id).where(Award.id.in_(inherited))))
    ids = set(session.scalars(select(Award.id)))
    key = (Award.learner_id, Award.achievement, Award.version, Award.revision)
    shown = {tuple(row) for row in session.execute(select(*key))}
    taken = {
        learner
        for award_id, learner, *rest in source.execute(select(Award.id, *key))
        if award_id not in ids and (prefix + learner in ours or (prefix + learner, *rest) in shown)
    }
    if taken:
        raise RuleError(
            f"learner ids: {len(taken)} of the old database are taken here, by other learners or by awards from copies",
            hint="say --learner-prefix TEXT, which goes before each of theirs",
        )


class _Entrance:
    """Carries rows from the old database into this one."""

    def __init__(self, session: Session, source: Session, order: Order) -> None:
        self._session = session
        self._source = source
        self._order = order
        self._known = set(session.scalars(select(Award.id)))
        self._lists = self._match_lists()
        self.awards = 0
        self.lost_copies = 0
        self.plain_lists = 0
        self.without_copy: list[str] = []

    def enter(self) -> "_Entrance":
        self._enter_awards()
        cut_id = self._enter_cut()
        self._enter_decisions(cut_id)
        self._enter_slots()
        self._enter_copies(cut_id)
        ended, now = self._order.ended.state.log_id, self._order.press.now
        self.plain_lists = enter_plain_lists(self._session, self._source, ended, self._lists, now)
        self._session.flush()
        return self

    def _match_lists(self) -> dict[int, int]:
        """From the number of a list there to its number here, for those that are here."""
        names = name_lists(self._source)
        theirs = self._order.ended.state.log_id
        found = {}
        for number in self._source.scalars(select(StatusList.number)):
            name = names.get(number, ListName(theirs, number if number < FIRST_NUMBER else 0))
            row = find_list(self._session, self._order.own, name.log, name.number)
            if row is not None:
                found[number] = row.number
        return found

    def _enter_awards(self) -> None:
        origins = {row.award_id: row.log for row in self._source.scalars(select(InheritedAward))}
        awards = [award for award in self._source.scalars(select(Award)) if award.id not in self._known]
        rows = [
            {**_values(award), "learner_id": self._order.prefix + award.learner_id, "replaced_by": award.replaced_by}
            for award in awards
        ]
        # Those that replaced others first: a row may name only what is there.
        done = set(self._known)
        while rows:
            ready = [row for row in rows if row["replaced_by"] is None or row["replaced_by"] in done]
            if not ready:
                raise RuleError("old database: awards replace each other in a circle", hint="use an older backup")
            self._insert(Award, ready)
            done |= {str(row["id"]) for row in ready}
            rows = [row for row in rows if row["id"] not in done]
        theirs = self._order.ended.state.log_id
        self._insert(InheritedAward, [{"award_id": award.id, "log": origins.get(award.id, theirs)} for award in awards])
        evaluated = (row for row in self._source.scalars(select(Evaluated)) if row.award_id not in self._known)
        self._insert(Evaluated, [_values(row) for row in evaluated])
        self.awards = len(awards)

    def _enter_cut(self) -> int:
        # What is over has a cut of its own here: nothing of it waits, and no page of ours has to show it.
        return over_cut(self._session)

    def _enter_decisions(self, cut_id: int) -> None:
        rows = []
        for decision in self._source.scalars(select(Decision).order_by(Decision.number)):
            if decision.award_id not in self._known:
                row = _values(decision)
                del row["number"]
                rows.append({**row, "cut_id": None if decision.cut_id is None else cut_id})
        self._insert(Decision, rows)
        waiting = self._source.scalars(select(SlotChange).where(SlotChange.cut_id.is_(None)))
        changes: list[dict[str, object]] = [
            {"list_number": self._lists[change.list_number], "slot": change.slot, "at": change.at, "cut_id": None}
            for change in waiting
            if change.list_number in self._lists
        ]
        self._insert(SlotChange, changes)

    def _enter_slots(self) -> None:
        here: defaultdict[int, dict[int, Slot]] = defaultdict(dict)
        for slot in self._session.scalars(select(Slot).where(Slot.list_number.in_(self._lists.values()))):
            here[slot.list_number][slot.slot] = slot
        rows = []
        for theirs in self._source.scalars(select(Slot).where(Slot.award_id.is_not(None))):
            number = self._lists.get(theirs.list_number)
            if number is None or theirs.award_id in self._known:
                continue
            known = here[number].get(theirs.slot)
            if known is None:
                rows.append({**_values(theirs), "list_number": number})
            elif known.award_id is None:
                # A decision that no page has shown is in their slot already, and explains itself to our page.
                known.award_id, known.status = theirs.award_id, theirs.status
        self._session.flush()
        self._insert(Slot, rows)

    def _enter_copies(self, cut_id: int) -> None:
        entries = self._entries()
        commitments = set(self._session.scalars(select(Copy.commitment)))
        placed: set[str] = set()
        for copy in self._source.scalars(select(Copy).order_by(Copy.id)):
            if copy.award_id in self._known or copy.commitment in commitments:
                continue
            log, entry = entries.get(copy.id, (b"", None))
            number = self._lists.get(copy.list_number)
            if entry is None or number is None:
                self.lost_copies += copy.kind == WALLET_KIND and entry is None and not copy.withdrawn
                continue
            row = _values(copy)
            del row["id"]
            made = Copy(**{**row, "list_number": number, "cut_id": cut_id})
            self._session.add(made)
            self._session.flush()
            self._session.add(InheritedCopy(copy_id=made.id, log=log, entry=entry))
            placed |= {copy.award_id} if copy.kind == REGISTRAR_KIND else set()
        standing = select(Award.id).where(Award.replaced_by.is_(None), Award.status.in_(_STANDS))
        self.without_copy = [
            award_id
            for award_id in self._source.scalars(standing.order_by(Award.id))
            if award_id not in placed and award_id not in self._known
        ]

    def _entries(self) -> dict[int, tuple[bytes, int]]:
        """From copy there to where it stands, of those that stand below the end of the log they went to."""
        theirs = self._order.ended.state
        rows = self._source.execute(
            select(Copy.id, Outgoing.entry)
            .join(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
            .where(Outgoing.entry < theirs.size)
        )
        found: dict[int, tuple[bytes, int]] = {
            copy_id: (theirs.log_id, entry) for copy_id, entry in rows if entry is not None
        }
        found.update((row.copy_id, (row.log, row.entry)) for row in self._source.scalars(select(InheritedCopy)))
        return found

    def _insert(self, table: type[Table], rows: Sequence[dict[str, object]]) -> None:
        for part in _parts(rows):
            self._session.execute(insert(table), part)


def _mint(session: Session, award_ids: Sequence[str], order: Order) -> int:
    groups: dict[tuple[str, int], list[Award]] = {}
    for part in _parts(award_ids):
        for award in session.scalars(select(Award).where(Award.id.in_(part))):
            groups.setdefault((award.achievement, award.version), []).append(award)
    for (achievement, version), group in groups.items():
        mint_registrar_copies(session, order.press, order.find(achievement, version), group)
    suspended = [award.id for group in groups.values() for award in group if award.status == Status.SUSPENDED]
    for part in _parts(suspended):
        made = session.scalars(
            select(Copy).where(Copy.award_id.in_(part), Copy.kind == REGISTRAR_KIND, Copy.cut_id.is_(None))
        ).all()
        for copy in made:
            # Its first page has to say so, and no decision of ours explains it.
            session.add(SlotChange(list_number=copy.list_number, slot=copy.slot, at=order.press.now))
            is_it = (Slot.list_number == copy.list_number) & (Slot.slot == copy.slot)
            session.execute(update(Slot).where(is_it).values(status=int(Status.SUSPENDED)))
    return sum(map(len, groups.values()))


def _values(row: Table) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _parts(values: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(values), _IN_ONE_STATEMENT):
        yield values[start : start + _IN_ONE_STATEMENT]
