"""A decision about many awards: what it would change, then the change, all of it or nothing (DESIGN 4, 9).

1. Find the awards that are meant. 2. Tell apart those that change, those that stand so already and those that can not
follow; an award named by its id that cannot follow refuses the whole. 3. Count what hangs on them. 4. Compare with the
preview that was agreed to. 5. Change. Preview and change are the same steps, so that nobody agrees to one thing and
gets another.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import MalformedError, RuleError
from node.client.correction import AchievementCount, DecisionOrder, DecisionReport
from node.registrar import correcting, decisions, offers
from node.registrar.copies import FindAchievement, Press
from node.registrar.correcting import Corrected
from node.registrar.selection import FindKey, Selected, select_awards
from node.registrar.tables import Award, Copy, Offer, OfferedAward
from node.registrar.views import COUNTED_KINDS, FILE_KIND, REGISTRAR_KIND, WALLET_KIND

MAX_AWARDS = 100_000
_NAMED_IN_ERROR = 5
_IN_ONE_QUERY = 5000
_CONTEXT = b"cairn/decision-preview/v1\n"


@dataclass(frozen=True, slots=True)
class DecisionTools:
    """What a decision needs beside the database; what only a replacement needs is made when one comes."""

    find_key: FindKey
    make_press: Callable[[], Press]
    find_achievement: FindAchievement
    now: int
    """Unix ms."""
    next_cut: int | None


@dataclass(frozen=True, slots=True)
class _Sorted:
    changing: list[Award]
    already: int
    final: list[Award]
    corrected: list[Corrected]


def decide(session: Session, order: DecisionOrder, tools: DecisionTools) -> DecisionReport:
    """Preview a decision, or take it, by the steps of this module.

    Args:
        session: an open write transaction; a dry run leaves it as it was.
        order: which awards, and what of them.
        tools: see `DecisionTools`.

    Raises:
        MalformedError: the selection or a correction says nothing that can be read.
        RuleError: an award named does not exist or cannot follow, the preview was another, or a copy cannot be made.
    """
    selected = select_awards(session, order.selection, tools.find_key)  # 1
    if len(selected.awards) > MAX_AWARDS:
        raise RuleError(f"decision: {len(selected.awards)} awards, at most {MAX_AWARDS} at a time")
    parted = _sort(session, order, selected, tools)  # 2
    if parted.final and order.selection.award_ids:
        raise _cannot_follow(parted.final, order.status)
    report = _describe(session, order, selected, parted, tools)  # 3
    if order.expected and order.expected != report.fingerprint:  # 4
        raise RuleError(
            "decision: it would change other awards than those that were shown",
            hint="somebody decided in between; look at the preview again",
        )
    if order.dry_run:
        return report
    return _apply(session, order, parted, report, tools)  # 5


def _sort(session: Session, order: DecisionOrder, selected: Selected, tools: DecisionTools) -> _Sorted:
    already = [award for award in selected.awards if _stands_so(award, order)]
    known = {award.id for award in already}
    rest = [award for award in selected.awards if award.id not in known]
    changing = [award for award in rest if decisions.may_become(Status(award.status), order.status)]
    final = [award for award in rest if not decisions.may_become(Status(award.status), order.status)]
    if not order.corrections:
        if order.status is Status.REPLACED and not order.dry_run:
            raise MalformedError("replace: needs the new content", hint="--set name='…', or --csv FILE")
        return _Sorted(changing, len(already), final, [])
    if order.status is not Status.REPLACED:
        raise MalformedError("decision: only a replacement carries corrections")
    corrected = correcting.correct_awards(
        session, changing, order.corrections, tools.make_press(), tools.find_achievement
    )
    same = len(changing) - len(corrected)
    return _Sorted([one.award for one in corrected], len(already) + same, final, corrected)


def _stands_so(award: Award, order: DecisionOrder) -> bool:
    # What was replaced once is final: its successor is the award to correct.
    return award.status == order.status and order.status is not Status.REPLACED


def _cannot_follow(final: Sequence[Award], status: Status) -> RuleError:
    named = ", ".join(f"{award.id} is {Status(award.status).name.lower()}" for award in final[:_NAMED_IN_ERROR])
    more = f" and {len(final) - _NAMED_IN_ERROR} more" if len(final) > _NAMED_IN_ERROR else ""
    word = status.name.lower()
    return RuleError(
        f"decision: {named}{more}: cannot become {word}; nothing was changed",
        hint="what is revoked or replaced stays so; `cairn-node awards DIR` shows each award with its state",
    )


def _describe(
    session: Session, order: DecisionOrder, selected: Selected, parted: _Sorted, tools: DecisionTools
) -> DecisionReport:
    changing = parted.changing
    award_ids = [award.id for award in changing]
    copies = count_copies(session, award_ids)
    return DecisionReport(
        changed=tuple(award_ids),
        new=(),
        learners=len({award.learner_id for award in changing}),
        achievements=count_achievements(changing),
        already=parted.already,
        final=len(parted.final),
        unmatched=selected.unmatched,
        suspended=sum(award.status == Status.SUSPENDED for award in changing),
        registrar_copies=copies[REGISTRAR_KIND],
        wallet_copies=copies[WALLET_KIND],
        file_copies=copies[FILE_KIND],
        waiting_copies=copies["waiting"],
        open_offers=_count_offers(session, award_ids, tools.now),
        next_cut=tools.next_cut,
        fingerprint=_fingerprint(order, changing),
    )


def count_achievements(found: Sequence[Award]) -> tuple[AchievementCount, ...]:
    """How many of these awards are of each achievement, the most first."""
    counted = Counter((award.achievement, award.version) for award in found)
    return tuple(AchievementCount(name, version, number) for (name, version), number in counted.most_common())


def count_copies(session: Session, award_ids: Sequence[str]) -> Counter[str]:
    """Copies of these awards by kind, and under `waiting` those of all kinds that are not on the ledger yet."""
    counted: Counter[str] = Counter()
    for part in _parts(award_ids):
        rows = session.execute(
            select(Copy.kind, Copy.cut_id.is_(None), func.count())
            .where(Copy.award_id.in_(part), Copy.withdrawn.is_(False), Copy.kind.in_(COUNTED_KINDS))
            .group_by(Copy.kind, Copy.cut_id.is_(None))
        )
        for kind, is_waiting, number in rows:
            counted[kind] += number
            counted["waiting"] += number if is_waiting else 0
    return counted


def _count_offers(session: Session, award_ids: Sequence[str], now: int) -> int:
    found: set[str] = set()
    for part in _parts(award_ids):
        found.update(
            session.scalars(
                select(Offer.id)
                .join(OfferedAward, OfferedAward.offer_id == Offer.id)
                .where(OfferedAward.award_id.in_(part), *offers.open_conditions(now))
            )
        )
    return len(found)


def _fingerprint(order: DecisionOrder, changing: Sequence[Award]) -> bytes:
    lines = sorted(f"{award.id} {award.status}" for award in changing)
    told = repr((int(order.status), order.corrections, lines)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(_CONTEXT + told).digest()


def _apply(
    session: Session, order: DecisionOrder, parted: _Sorted, report: DecisionReport, tools: DecisionTools
) -> DecisionReport:
    if order.status is not Status.REPLACED:
        decisions.record_decisions(session, parted.changing, order.status, reason=order.reason, now=tools.now)
        return report
    successors = correcting.store_corrections(session, parted.corrected, tools.make_press(), reason=order.reason)
    return dataclasses.replace(report, new=tuple(successors[award_id] for award_id in report.changed))


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _IN_ONE_QUERY):
        yield values[start : start + _IN_ONE_QUERY]
