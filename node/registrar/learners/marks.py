"""Marks about a learner's data: restriction, legal hold, statement of disagreement.

A *restriction* pauses use: no award, copy or claim link is made while it stands (GDPR art. 18). A *hold* keeps what a law
or a court wants kept: nothing of the learner is forgotten, by hand or by retention, until it is released. A *disagreement*
is the learner's own words about one award (FERPA, 34 CFR 99.21): every copy that is made from then on carries them.
"""

import base64
import enum
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, object_session

from ledger.errors import MalformedError, RuleError
from node.clock import Draw
from node.registrar.learners.tables import Disclosure, Mark
from node.registrar.tables import Award

MAX_TEXT = 2000
MAX_LEARNER_ID = 200
_ID_BYTES = 10
_STATEMENTS = "cairn.statements"
_IN_ONE_QUERY = 5000


class MarkKind(enum.StrEnum):
    """What a mark does."""

    RESTRICTION = "restriction"
    HOLD = "hold"
    DISAGREEMENT = "disagreement"


def draw_id(draw: Draw) -> str:
    """A random id for a row about a learner."""
    return base64.b32encode(draw(_ID_BYTES)).decode("ascii").lower()


def check_learner(learner_id: str) -> None:
    """Refuse what no file of awards could have as a learner's id.

    Raises:
        MalformedError: it is empty, too long, or has spaces around it.
    """
    if not learner_id.strip() or learner_id != learner_id.strip() or len(learner_id) > MAX_LEARNER_ID:
        raise MalformedError(f"learner id: 1 to {MAX_LEARNER_ID} characters without spaces around them are expected")


def check_text(where: str, text: str) -> str:
    """One paragraph of text as it is kept: NFC, without control characters.

    Raises:
        MalformedError: it is empty, too long, or steers terminals.
    """
    kept = unicodedata.normalize("NFC", " ".join(text.split()))
    if not kept:
        raise MalformedError(f"{where}: is empty")
    if len(kept) > MAX_TEXT:
        raise MalformedError(f"{where}: {len(kept)} characters, at most {MAX_TEXT} are taken")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in kept):
        raise MalformedError(f"{where}: holds control characters")
    return kept


def put_mark(
    session: Session, kind: MarkKind, learner_id: str, text: str, *, by: str, now: int, draw: Draw, award_id: str = ""
) -> Mark:
    """Note a mark; one that stands already is given back with its text replaced.

    Args:
        session: an open write transaction.
        kind: what it does.
        learner_id: whose data; of a disagreement it is read from the award.
        text: why, or the learner's own words.
        by: who notes it.
        now: Unix ms.
        draw: source of the id.
        award_id: of a disagreement, the award it is about.

    Raises:
        RuleError: there is no such award, or nothing is held about the learner.
    """
    if kind is MarkKind.DISAGREEMENT:
        award = session.get(Award, award_id)
        if award is None:
            raise RuleError(f"award {award_id[:40]!r}: no such award", hint="`cairn-node awards DIR` lists them")
        learner_id = award.learner_id
    elif session.scalar(select(Award.id).where(Award.learner_id == learner_id).limit(1)) is None:
        raise RuleError("learner: nothing is held about them", hint="`cairn-node awards DIR` lists awards and learners")
    standing = session.scalars(
        select(Mark).where(*stands(kind), Mark.learner_id == learner_id, Mark.award_id == (award_id or None))
    ).first()
    if standing is not None:
        standing.text = text
        return standing
    mark = Mark(
        id=draw_id(draw),
        learner_id=learner_id,
        kind=kind.value,
        award_id=award_id or None,
        text=text,
        by=by,
        at=now,
        ended_at=None,
        ended_by="",
    )
    session.add(mark)
    session.flush()
    return mark


def end_marks(session: Session, kind: MarkKind, *, by: str, now: int, learner_id: str = "", award_id: str = "") -> int:
    """End the marks of a kind about a learner, or about an award; returns how many stood."""
    about = Mark.award_id == award_id if kind is MarkKind.DISAGREEMENT else Mark.learner_id == learner_id
    standing = session.scalars(select(Mark).where(*stands(kind), about)).all()
    for mark in standing:
        mark.ended_at, mark.ended_by = now, by
    session.flush()
    return len(standing)


def stands(kind: MarkKind) -> tuple[ColumnElement[bool], ...]:
    """What is true of a mark of a kind that was not ended."""
    return Mark.kind == kind.value, Mark.ended_at.is_(None)


def find_marked(session: Session, kind: MarkKind, learner_ids: Iterable[str]) -> set[str]:
    """Those of these learners about whom a mark of this kind stands."""
    found: set[str] = set()
    for part in parts(list(dict.fromkeys(learner_ids))):
        found.update(session.scalars(select(Mark.learner_id).where(*stands(kind), Mark.learner_id.in_(part))))
    return found


def check_unrestricted(session: Session, learner_id: str) -> None:
    """Refuse a use of a learner's data while it is restricted.

    Raises:
        RuleError: it is.
    """
    if find_marked(session, MarkKind.RESTRICTION, [learner_id]):
        raise RuleError(
            "learner: their data is restricted, so no award, copy or claim link is made",
            hint="cairn-node rights lift DIR LEARNER ends the restriction",
        )


def find_statement(award: Award) -> str | None:
    """What a copy made now says beside the award: the learner's own words, and whose they are; None where there are none.

    The few that stand are read once in a transaction, however many copies it makes.
    """
    session = object_session(award)
    assert session is not None, "copies are made in a transaction"
    if _STATEMENTS not in session.info:
        standing = session.scalars(select(Mark).where(*stands(MarkKind.DISAGREEMENT)))
        session.info[_STATEMENTS] = {mark.award_id: mark for mark in standing}
    mark: Mark | None = session.info[_STATEMENTS].get(award.id)
    if mark is None:
        return None
    day = datetime.fromtimestamp(mark.at / 1000, UTC).date().isoformat()
    return (
        f"Statement of the learner, placed with this award on {day}; the institution does not vouch for it: {mark.text}"
    )


def note_disclosure(
    session: Session, learner_id: str, *, recipient: str, what: str, purpose: str, by: str, at: int, draw: Draw
) -> Disclosure:
    """Note that a learner's data was given to somebody else (FERPA, 34 CFR 99.32).

    Raises:
        RuleError: nothing is held about the learner.
    """
    if session.scalar(select(Award.id).where(Award.learner_id == learner_id).limit(1)) is None:
        raise RuleError("learner: nothing is held about them", hint="`cairn-node awards DIR` lists awards and learners")
    made = Disclosure(
        id=draw_id(draw), learner_id=learner_id, at=at, recipient=recipient, what=what, purpose=purpose, by=by
    )
    session.add(made)
    session.flush()
    return made


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Values in lists that one statement can take."""
    for start in range(0, len(values), _IN_ONE_QUERY):
        yield values[start : start + _IN_ONE_QUERY]
