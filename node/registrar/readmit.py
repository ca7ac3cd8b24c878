"""Taking an award back in from a copy that its learner shows (DESIGN 4: changing a slot needs the copy or the old database).

A database that was lost cannot be had from the log: nothing there says who has what. A copy says it, and proves it: (1) it
names our log; (2) a key of ours that was in force at its place signed it; (3) its commitment stands in one of our batches;
(4) its slot key is the one that our list root gives, which nobody else could know; (5) the newest page says what its status
is now. Then award, slot and copy are entered as they were. The learner's id in the student system does not stand in a copy
and is for the registrar to say.
"""

import base64
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.credential.sdjwt import verify_issuer_signature
from ledger.credential.status import Status, list_key, page_position, read_status, slot_key
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.entry import parse_entry
from ledger.log.keyring import KeyStatus
from ledger.log.records import Issue
from ledger.log.view import LogView
from node.clock import Draw
from node.registrar import awards, documents
from node.registrar.documents import PublishedAchievement
from node.registrar.page import read_published
from node.registrar.parts import DeskParts
from node.registrar.shown import ShownCopy, read_copy
from node.registrar.tables import Award, Copy, Outgoing, Slot, SlotChange, StatusList
from node.registrar.views import REGISTRAR_KIND, WALLET_KIND

MAX_LEARNER_ID = 200
_ID_BYTES = 10
logger = logging.getLogger(__name__)
_NEEDED = ("name", "awarded_on")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the commitment of a copy stands."""

    entry: int
    position: int


@dataclass(frozen=True, slots=True)
class Readmitted:
    """An award that is known again.

    Attributes:
        award: its id here; another than before, which nobody can know.
        is_new: whether it was entered now; False where another copy of it was shown before, or it was awarded again.
        status: what the newest page says of the copy.
        place: of its commitment on the ledger.
        title: of the achievement.
    """

    award: str
    is_new: bool
    status: Status
    place: Place
    title: str


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
    log = parts.ledger.log(parts.log_id)
    assert log is not None, "a node holds its own log"
    published = documents.list_achievements(parts.ledger, parts.log_id, parts.networks())
    done = await parts.database.change(
        lambda session: readmit(
            session,
            shown,
            text,
            log=log,
            list_root=parts.keystore.list_root,
            published=published,
            learner_id=learner_id,
            now=parts.clock(),
            draw=parts.draw,
        )
    )
    logger.info("award taken in from a copy", extra={"entry": done.place.entry, "new": done.is_new})
    return done


def readmit(
    session: Session,
    shown: ShownCopy,
    text: str,
    *,
    log: LogView,
    list_root: bytes,
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
        log: this institution's own log.
        list_root: opens its pages, 32 bytes.
        published: every achievement that may stand in a copy.
        learner_id: in the student system.
        now: Unix ms.
        draw: source of the award's id.

    Raises:
        SignatureError: no key of ours signed it.
        RuleError: it is not of this institution, not on the ledger, was replaced, hides what an award needs, or
            contradicts an award that is known.
    """
    place = verify_shown(shown, log, list_root)
    name = _find_published(shown, published)
    known = session.scalar(select(Copy).where(Copy.commitment == shown.commitment))
    status = read_shown_status(shown, log)
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
    else:
        _check_same(award, shown, status)
    _enter_slot(session, shown, award, status, now)
    _enter_copy(session, shown, text, award, place)
    session.flush()
    return Readmitted(award.id, is_new, status, place, name.achievement.name)


def verify_shown(shown: ShownCopy, log: LogView, list_root: bytes) -> Place:
    """Check steps 1 to 4 and return where the copy stands on the ledger.

    Raises:
        SignatureError, RuleError: as `readmit`.
    """
    if shown.status.log != log.state.log_id:  # 1
        raise RuleError("copy: is of another institution", hint="only the institution that issued it can take it in")
    key = log.state.named.get(shown.key_id)
    if key is None:
        raise SignatureError("copy: is signed by a key that this log never named")
    verify_issuer_signature(shown.token, key)
    place = _find_commitment(shown.commitment, log)
    if place is None:  # 3
        raise RuleError(
            "copy: stands in none of our batches",
            hint="it was never on the ledger, so nobody accepts it: award it again",
        )
    if not any(
        log.state.key_status(shown.key_id, role, place.entry) is KeyStatus.IN_FORCE
        for role in (Role.ISSUE, Role.REGISTER)
    ):  # 2
        raise SignatureError(f"copy: its key was not in force at entry {place.entry}")
    if slot_key(list_key(list_root, shown.status.number), shown.status.slot) != shown.status.key:  # 4
        raise RuleError("copy: its slot key is not one of ours", hint="is keys/list_root.key the right one?")
    return place


def read_shown_status(shown: ShownCopy, log: LogView) -> Status:
    """Step 5: what the newest page says of a copy.

    Raises:
        RuleError: there is no page with its slot.
    """
    page = read_published(log)
    if page is None:
        raise RuleError(
            "copy: no status page of this log is held", hint="cairn-node recover DIR --from PEER fetches it"
        )
    try:
        item, offset = page_position(page.lists, shown.status.log, shown.status.number, shown.status.slot)
        return read_status(page.items[item][offset], shown.status.key, page.statement_id)
    except CairnError as error:
        raise RuleError(f"copy: its slot cannot be read: {error}") from error


def _find_commitment(commitment: bytes, log: LogView) -> Place | None:
    """The newest first: whoever shows a copy soon after a loss mostly has a new one."""
    for index in reversed(range(log.state.size)):
        entry = parse_entry(log.entry(index))
        if not isinstance(entry.statement, Issue) or log.state.void_reason(entry) is not None:
            continue
        body = log.body(index)
        # Looked for in the whole body first: splitting millions of items would take longer than finding one.
        if body is not None and commitment in body:
            items = parse_body("issue", body)
            if commitment in items:
                return Place(index, items.index(commitment))
    return None


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


def _enter_slot(session: Session, shown: ShownCopy, award: Award, status: Status, now: int) -> None:
    """The slot is the award's again; where the award was decided otherwise meanwhile, the next page shows it."""
    reference = shown.status
    if session.get(StatusList, reference.number) is None:
        raise RuleError(
            f"status list {reference.number}: is not in the database",
            hint="cairn-node recover DIR --from PEER reads the newest page into it",
        )
    slot = session.get(Slot, (reference.number, reference.slot))
    if slot is None:
        slot = Slot(list_number=reference.number, slot=reference.slot, award_id=award.id, status=int(status))
        session.add(slot)
    slot.award_id = award.id
    if award.status != status:
        slot.status = award.status
        # The decision about the award was shown by a page before; this explains the one slot to the next.
        session.add(SlotChange(list_number=reference.number, slot=reference.slot, at=now))


def _enter_copy(session: Session, shown: ShownCopy, text: str, award: Award, place: Place) -> None:
    cut_id = session.scalar(select(Outgoing.cut_id).where(Outgoing.entry == place.entry))
    if cut_id is None:
        raise RuleError(
            f"entry {place.entry}: its cut is not in the database",
            hint="cairn-node recover DIR --from PEER reads the log into it",
        )
    session.add(
        Copy(
            award_id=award.id,
            kind=WALLET_KIND if shown.is_bound else REGISTRAR_KIND,
            credential="" if shown.is_bound else text,
            commitment=shown.commitment,
            key_id=shown.key_id,
            list_number=shown.status.number,
            slot=shown.status.slot,
            minted_at=shown.issued_at,
            cut_id=cut_id,
            position=place.position,
            withdrawn=False,
        )
    )
