"""Award decisions: once per learner, achievement and version, whatever is handed in how often.

The same award again is no error and makes nothing new; another content for the same award is an error that names
`replace`, because a correction must mark what it corrects. Rows are looked at in one transaction, in file order.
"""

import base64
import enum
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.credential.evaluation import EvaluationRecord
from ledger.credential.status import Status
from ledger.errors import RuleError
from node.clock import Draw
from node.registrar.csvfile import AwardRow, Problem
from node.registrar.learners.marks import MarkKind, check_unrestricted, find_marked
from node.registrar.tables import Award, Evaluated

_ID_BYTES = 10
_IN_ONE_QUERY = 5000


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of the rows of a file."""

    new: tuple[Award, ...]
    """Awards made, in file order; flushed, not yet committed."""
    replaced: tuple[Award, ...]
    """Awards that new ones took the place of."""
    already: tuple[Award, ...]
    """Awards that were there with the same content."""
    problems: tuple[Problem, ...]


class Selection(enum.Enum):
    """Which awards `find_awards` returns."""

    CURRENT = "current"
    """Those no later revision took the place of."""
    ALL = "all"


def decide_awards(
    session: Session,
    achievement: str,
    version: int,
    rows: Sequence[AwardRow],
    *,
    now: int,
    draw: Draw,
    replace: Collection[str] = (),
) -> Decided:
    """Make the awards these rows ask for and that do not exist yet.

    Args:
        session: an open write transaction.
        achievement: id of a published achievement.
        version: its version.
        rows: good rows, each learner once.
        now: Unix ms.
        draw: source of award ids.
        replace: ids of awards that may be replaced where a row says something else about the same learner.
    """
    current = {award.learner_id: award for award in _current_awards(session, achievement, version, rows)}
    restricted = find_marked(session, MarkKind.RESTRICTION, [row.learner_id for row in rows])
    new: list[Award] = []
    replaced: list[Award] = []
    already: list[Award] = []
    problems: list[Problem] = []
    for row in rows:
        known = current.get(row.learner_id)
        if known is not None and content_of(known) == content_of(row) and not _may_follow(known, replace):
            # Where to write to is no part of the award.
            known.email = row.email or known.email
            already.append(known)
        elif row.learner_id in restricted:
            problems.append(Problem(row.line, "", "this learner's data is restricted: cairn-node rights lift ends it"))
        elif known is not None and known.id not in replace:
            reason = f"award {known.id} already says something else about this learner: use replace to correct it"
            problems.append(Problem(row.line, "", reason))
        else:
            award = _make_award(row, achievement, version, known, now, draw)
            new.append(award)
            if known is not None:
                replaced.append(known)
    _store(session, new, replaced)
    records = {row.learner_id: row.evaluation for row in rows}
    _store_evaluations(session, [(award, records[award.learner_id]) for award in new])
    return Decided(tuple(new), tuple(replaced), tuple(already), tuple(problems))


def find_awards(
    session: Session, *, learner_id: str = "", achievement: str = "", selection: Selection = Selection.ALL
) -> list[Award]:
    """Awards in the order they were decided, all of them where nothing is asked."""
    query = select(Award).order_by(Award.decided_at, Award.id)
    if learner_id:
        query = query.where(Award.learner_id == learner_id)
    if achievement:
        query = query.where(Award.achievement == achievement)
    if selection is Selection.CURRENT:
        query = query.where(Award.replaced_by.is_(None))
    return list(session.scalars(query))


def choose_to_offer(session: Session, award_ids: Sequence[str], *, learner_id: str, achievement: str) -> list[Award]:
    """The awards to make claim links for: those named, or all valid ones of a learner or an achievement.

    Raises:
        RuleError: an award named does not exist, its learner's data is restricted, or there is none at all.
    """
    if award_ids:
        named = load_awards(session, award_ids)
        for award in named:
            check_unrestricted(session, award.learner_id)
        return named
    found = find_awards(session, learner_id=learner_id, achievement=achievement, selection=Selection.CURRENT)
    if learner_id:
        check_unrestricted(session, learner_id)
    restricted = find_marked(session, MarkKind.RESTRICTION, [award.learner_id for award in found])
    chosen = [award for award in found if award.status == Status.VALID and award.learner_id not in restricted]
    if not chosen:
        raise RuleError("offer: there is no valid award to offer", hint="`cairn-node awards DIR` lists them")
    return chosen


def load_awards(session: Session, award_ids: Iterable[str]) -> list[Award]:
    """The awards with these ids, in that order, each once.

    Raises:
        RuleError: one of them does not exist; nothing was changed.
    """
    wanted = list(dict.fromkeys(award_ids))
    found: dict[str, Award] = {}
    for part in _parts(wanted):
        found.update({award.id: award for award in session.scalars(select(Award).where(Award.id.in_(part)))})
    missing = [award_id for award_id in wanted if award_id not in found]
    if missing:
        raise RuleError(
            f"award {missing[0][:40]!r}: no such award",
            hint="`cairn-node awards DIR` lists them with their ids",
        )
    return [found[award_id] for award_id in wanted]


def count_awards(session: Session) -> int:
    """How many awards there are, replaced ones included."""
    return session.scalar(select(func.count()).select_from(Award)) or 0


def content_of(award: Award | AwardRow) -> tuple[object, ...]:
    """What an award says about its learner: two that are equal here say the same."""
    results = results_of(award) if isinstance(award, Award) else award.results
    return (award.name, award.date_of_birth, award.awarded_on, award.valid_until, award.credits, results)


def results_of(award: Award) -> tuple[tuple[str, str], ...]:
    """The award's result codes with their values."""
    return tuple((str(code), str(value)) for code, value in json.loads(award.results))


def evaluations_of(session: Session, award_ids: Sequence[str]) -> dict[str, EvaluationRecord]:
    """From award id to how it was decided, for those of which that is known."""
    found: dict[str, EvaluationRecord] = {}
    for part in _parts(award_ids):
        for row in session.scalars(select(Evaluated).where(Evaluated.award_id.in_(part))):
            requirement_set, rules, judges = json.loads(row.content)
            found[row.award_id] = EvaluationRecord(
                fingerprint=row.fingerprint, requirement_set=requirement_set, rules=tuple(rules), judges=tuple(judges)
            )
    return found


def _store_evaluations(session: Session, new: Iterable[tuple[Award, EvaluationRecord | None]]) -> None:
    for award, record in new:
        if record is not None:
            content = json.dumps([record.requirement_set, record.rules, record.judges], ensure_ascii=False)
            session.add(Evaluated(award_id=award.id, fingerprint=record.fingerprint, content=content))
    session.flush()


def _current_awards(session: Session, achievement: str, version: int, rows: Sequence[AwardRow]) -> Iterator[Award]:
    for part in _parts([row.learner_id for row in rows]):
        yield from session.scalars(
            select(Award).where(
                Award.achievement == achievement,
                Award.version == version,
                Award.replaced_by.is_(None),
                Award.learner_id.in_(part),
            )
        )


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _IN_ONE_QUERY):
        yield values[start : start + _IN_ONE_QUERY]


def _may_follow(known: Award, replace: Collection[str]) -> bool:
    """Whether the same content may be awarded once more: only after a revocation, and only when asked by id."""
    return known.status == Status.REVOKED and known.id in replace


def _make_award(row: AwardRow, achievement: str, version: int, known: Award | None, now: int, draw: Draw) -> Award:
    return Award(
        id=base64.b32encode(draw(_ID_BYTES)).decode("ascii").lower(),
        learner_id=row.learner_id,
        achievement=achievement,
        version=version,
        revision=1 if known is None else known.revision + 1,
        name=row.name,
        email=row.email,
        date_of_birth=row.date_of_birth,
        awarded_on=row.awarded_on,
        valid_until=row.valid_until,
        credits=row.credits,
        results=json.dumps(row.results, ensure_ascii=False),
        status=int(Status.VALID),
        decided_at=now,
    )


def _store(session: Session, new: list[Award], replaced: list[Award]) -> None:
    """Insert the new awards and point the replaced ones at them.

    An award and its replacement may not both be current, not even for one statement, and the pointer needs its target:
    hence the new one goes in pointing at itself, then the old one points at the new, then the new one is freed.
    """
    successors = {(award.learner_id, award.revision): award for award in new}
    pairs = [(old, successors[old.learner_id, old.revision + 1]) for old in replaced]
    for _, award in pairs:
        award.replaced_by = award.id
    session.add_all(new)
    session.flush()
    for old, award in pairs:
        old.replaced_by = award.id
    session.flush()
    for _, award in pairs:
        award.replaced_by = None
    session.flush()
