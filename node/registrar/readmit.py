"""Taking an award back in from a copy that its learner shows (DESIGN 4: changing a slot needs the copy or the old database).

A database that was lost cannot be had from the log: nothing there says who has what. A copy says it, and proves it: (1) it
names our log; (2) a key of ours that was in force at its place signed it; (3) its commitment stands in one of our batches;
(4) its slot key is the one that our list root gives, which nobody else could know; (5) the newest page says what its status
is now. Then award, slot and copy are entered as they were. The learner's id in the student system does not stand in a copy
and is for the registrar to say.

A copy of an institution whose log this one succeeds is taken in the same way, where "ours" means that institution's up to
its end. If its list root is lost, step 4 falls away: the slot can never be changed again, and the award gets a new
registrar's copy in the old institution's name, with a slot of ours.
"""

import base64
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from ledger.log.identity import LogId
from ledger.log.view import LogView
from node.clock import Draw
from node.registrar import awards, documents
from node.registrar.copies import mint_registrar_copies
from node.registrar.cut import last_cut_instant
from node.registrar.documents import PublishedAchievement
from node.registrar.inherited import InheritedAward, InheritedCopy, find_list
from node.registrar.parts import DeskParts
from node.registrar.predecessors import end_log, find_predecessors
from node.registrar.press import make_press
from node.registrar.proving import Place, read_shown_status, verify_shown
from node.registrar.shown import ShownCopy, read_copy
from node.registrar.tables import Award, Copy, Cut, Outgoing, Slot, SlotChange
from node.registrar.views import REGISTRAR_KIND, WALLET_KIND

MAX_LEARNER_ID = 200
_ID_BYTES = 10
logger = logging.getLogger(__name__)
_NEEDED = ("name", "awarded_on")


@dataclass(frozen=True, slots=True)
class Readmitted:
    """An award that is known again.

    Attributes:
        award: its id here; another than before, which nobody can know.
        is_new: whether it was entered now; False where another copy of it was shown before, or it was awarded again.
        status: what the newest page says of the copy.
        place: of its commitment on the ledger.
        title: of the achievement.
        is_list_closed: whether what its slot says stands for ever, because the list root of an old institution is lost.
    """

    award: str
    is_new: bool
    status: Status
    place: Place
    title: str
    is_list_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The log a copy is of, and what opens its lists.

    Attributes:
        own: this institution's log.
        log: the one the copy is of: this institution's, or an ended one.
        list_root: None where it is lost.
        later: this institution's log, where its pages restate the lists of `log`.
    """

    own: LogId
    log: LogView
    list_root: bytes | None
    later: LogView | None = None

    @property
    def is_inherited(self) -> bool:
        """Whether it is another institution's."""
        return self.log.state.log_id != self.own


async def take_in(parts: DeskParts, text: str, learner_id: str) -> Readmitted:
    """Take an award in at a running node.

    Args:
        parts: what its desk works with.
        text: the SD-JWT as shown, without key binding.
        learner_id: in the student system.

    Raises:
        MalformedError: it is no copy, or the learner's id none that a file of awards could have.
        CairnError: as `readmit`.
    """
    if not learner_id.strip() or learner_id != learner_id.strip() or len(learner_id) > MAX_LEARNER_ID:
        raise MalformedError(f"learner id: 1 to {MAX_LEARNER_ID} characters without spaces around them are expected")
    shown = read_copy(text)
    home = _find_home(parts, LogId(shown.status.log))
    published = documents.list_achievements(parts.ledger, parts.log_id, parts.networks())

    def enter(session: Session) -> Readmitted:
        done = readmit(
            session,
            shown,
            text,
            home=home,
            published=published,
            learner_id=learner_id,
            now=parts.clock(),
            draw=parts.draw,
        )
        if done.is_list_closed and done.is_new and done.status is Status.VALID:
            _mint(session, parts, done.award, shown, published)
        return done

    done = await parts.database.change(enter)
    logger.info("award taken in from a copy", extra={"entry": done.place.entry, "new": done.is_new})
    return done


def _find_home(parts: DeskParts, log_id: LogId) -> Home:
    own = parts.ledger.log(parts.log_id)
    assert own is not None, "a node holds its own log"
    predecessor = find_predecessors(parts.ledger, parts.log_id, parts.networks()).get(log_id)
    if predecessor is None:
        # Of nobody we succeed: refused in step 1, as if it named any other log.
        return Home(own=parts.log_id, log=own, list_root=parts.keystore.list_root)
    return Home(
        own=parts.log_id,
        log=end_log(parts.ledger, predecessor),
        list_root=parts.keystore.inherited_roots.get(log_id),
        later=own,
    )


def _mint(
    session: Session, parts: DeskParts, award_id: str, shown: ShownCopy, published: Sequence[PublishedAchievement]
) -> None:
    own = parts.ledger.log(parts.log_id)
    assert own is not None, "a node holds its own log"
    press = make_press(
        parts.ledger,
        own.state,
        parts.keystore,
        parts.networks(),
        http_url=parts.http_url,
        now=parts.clock(),
        draw=parts.draw,
    )
    award = session.get_one(Award, award_id)
    mint_registrar_copies(session, press, _find_published(shown, published), [award])


def readmit(
    session: Session,
    shown: ShownCopy,
    text: str,
    *,
    home: Home,
    published: Sequence[PublishedAchievement],
    learner_id: str,
    now: int,
    draw: Draw,
) -> Readmitted:
    """Check a copy, and enter it with its award and slot.

    Args:
        session: an open write transaction of a database that has read the newest page.
        shown: the copy, as read from `text`.
        text: the SD-JWT as shown.
        home: the log it is of.
        published: every achievement that may stand in a copy.
        learner_id: in the student system.
        now: Unix ms.
        draw: source of the award's id.

    Raises:
        SignatureError: no key of ours signed it.
        RuleError: it is not of this institution, not on the ledger, was replaced, hides what an award needs, or
            contradicts an award that is known.
    """
    place = verify_shown(shown, home.log, home.list_root)
    name = _find_published(shown, published)
    known = session.scalar(select(Copy).where(Copy.commitment == shown.commitment))
    status = read_shown_status(shown, home.log, home.later)
    is_closed = home.list_root is None
    if known is not None:
        return Readmitted(known.award_id, False, status, place, name.achievement.name)
    missing = [field for field in _NEEDED if not getattr(shown, field)]
    if missing:
        raise RuleError(
            f"copy: {', '.join(missing)} is not shown, and an award needs it",
            hint="ask the learner for a presentation that shows every field: cairn show ID names them",
        )
    if status is Status.REPLACED:
        raise RuleError("copy: was replaced by a later one", hint="ask the learner for the newer copy")
    award = _current(session, name, learner_id)
    is_new = award is None
    if award is None:
        award = _enter_award(session, shown, name, learner_id, status, now, draw)
        if home.is_inherited:
            session.add(InheritedAward(award_id=award.id, log=home.log.state.log_id))
    else:
        _check_same(award, shown, status)
    if not is_closed:
        number = _enter_slot(session, shown, award, status, now, home.own)
        _enter_copy(session, shown, text, award, place, number, home)
    session.flush()
    return Readmitted(award.id, is_new, status, place, name.achievement.name, is_closed)


def _find_published(shown: ShownCopy, published: Sequence[PublishedAchievement]) -> PublishedAchievement:
    for candidate in published:
        if candidate.achievement.json == shown.achievement:
            return candidate
    raise RuleError(
        "copy: its achievement is not published here",
        hint="cairn-node run DIR fetches the network's log, which may have it; then try again",
    )


def _current(session: Session, published: PublishedAchievement, learner_id: str) -> Award | None:
    return session.scalar(
        select(Award).where(
            Award.learner_id == learner_id,
            Award.achievement == published.name.id,
            Award.version == published.name.version,
            Award.replaced_by.is_(None),
        )
    )


def _enter_award(
    session: Session,
    shown: ShownCopy,
    published: PublishedAchievement,
    learner_id: str,
    status: Status,
    now: int,
    draw: Draw,
) -> Award:
    award = Award(
        id=base64.b32encode(draw(_ID_BYTES)).decode("ascii").lower(),
        learner_id=learner_id,
        achievement=published.name.id,
        version=published.name.version,
        revision=1,
        name=shown.name,
        email=shown.email,
        date_of_birth=shown.date_of_birth,
        awarded_on=shown.awarded_on,
        valid_until=shown.valid_until,
        credits=shown.credits,
        results=json.dumps(shown.results, ensure_ascii=False),
        status=int(status),
        decided_at=now,
    )
    session.add(award)
    session.flush()
    return award


def _check_same(award: Award, shown: ShownCopy, status: Status) -> None:
    """A copy joins an award that is known only if it says the same, and if the page allows both to stand."""
    kept = dict(awards.results_of(award))
    is_same = (award.name, award.awarded_on, award.valid_until) == (shown.name, shown.awarded_on, shown.valid_until)
    if not is_same or any(kept.get(code) != value for code, value in shown.results):
        raise RuleError(
            f"copy: says something else than award {award.id} of this learner",
            hint="is this the learner's id? If both are right, one of them has to be replaced",
        )
    if status is Status.REVOKED and award.status != Status.REVOKED:
        raise RuleError(
            f"copy: was revoked for good, and award {award.id} of this learner is not",
            hint="nothing has to be taken in: the learner has another copy",
        )


def _enter_slot(session: Session, shown: ShownCopy, award: Award, status: Status, now: int, own: LogId) -> int:
    """The slot is the award's again; where the award was decided otherwise meanwhile, the next page shows it.

    Returns:
        The number its list has here.
    """
    reference = shown.status
    row = find_list(session, own, LogId(reference.log), reference.number)
    if row is None:
        remedy = (
            "recover DIR --from PEER reads the newest page" if reference.log == own else "inherit DIR takes it over"
        )
        raise RuleError(f"status list {reference.number}: is not in the database", hint=f"cairn-node {remedy}")
    slot = session.get(Slot, (row.number, reference.slot))
    if slot is None:
        slot = Slot(list_number=row.number, slot=reference.slot, award_id=award.id, status=int(status))
        session.add(slot)
    slot.award_id = award.id
    if award.status != status:
        slot.status = award.status
        # The decision about the award was shown by a page before; this explains the one slot to the next.
        session.add(SlotChange(list_number=row.number, slot=reference.slot, at=now))
    return row.number


def _enter_copy(
    session: Session, shown: ShownCopy, text: str, award: Award, place: Place, number: int, home: Home
) -> None:
    cut_id = over_cut(session) if home.is_inherited else _own_cut(session, place)
    copy = Copy(
        award_id=award.id,
        kind=WALLET_KIND if shown.is_bound else REGISTRAR_KIND,
        credential="" if shown.is_bound else text,
        commitment=shown.commitment,
        key_id=shown.key_id,
        list_number=number,
        slot=shown.status.slot,
        minted_at=shown.issued_at,
        cut_id=cut_id,
        position=place.position,
        withdrawn=False,
    )
    session.add(copy)
    session.flush()
    if home.is_inherited:
        session.add(InheritedCopy(copy_id=copy.id, log=home.log.state.log_id, entry=place.entry))


def over_cut(session: Session) -> int:
    """A cut that is over, for what went to the ledger with another log."""
    known = session.scalar(select(Copy.cut_id).join(InheritedCopy, InheritedCopy.copy_id == Copy.id).limit(1))
    if known is not None:
        return known
    made = Cut(at=last_cut_instant(session) or 0)
    session.add(made)
    session.flush()
    return made.id


def _own_cut(session: Session, place: Place) -> int:
    cut_id = session.scalar(select(Outgoing.cut_id).where(Outgoing.entry == place.entry))
    if cut_id is None:
        raise RuleError(
            f"entry {place.entry}: its cut is not in the database",
            hint="cairn-node recover DIR --from PEER reads the log into it",
        )
    return cut_id
