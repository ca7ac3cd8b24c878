"""Everything that is held about a learner, as one JSON object (GDPR art. 15 and 20; FERPA, 34 CFR 99.10).

Read from the database alone. What others hold, and what no database can tell, is said in words.
"""

import json
from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from node.registrar import awards
from node.registrar.learners.forget import find_named_proposals
from node.registrar.learners.tables import Disclosure, Mark
from node.registrar.people.tables import Proposal, TrailRow
from node.registrar.tables import Award, Copy, Decision, Evaluated, Offer, OfferedAward, Outgoing

FORMAT = "cairn/subject-report/v1"

ELSEWHERE = (
    "on the ledger: for each copy one random-looking value and one byte of a page, which say nothing to whoever was not "
    "shown the copy",
    "in wallets: the copies that were claimed; the learner decides who sees them, and this institution cannot see who did",
    "with verifiers: what the learner or this institution showed them; verification asks this institution nothing",
    "in backups of this institution: what the database held when each was made",
    "in the student system and on paper: what Cairn does not know of",
)
"""What no database of ours tells."""


def describe_learner(session: Session, learner_id: str) -> dict[str, object] | None:
    """What is held about a learner; None where that is nothing."""
    found = awards.find_awards(session, learner_id=learner_id)
    marks = session.scalars(select(Mark).where(Mark.learner_id == learner_id).order_by(Mark.at, Mark.id)).all()
    given = select(Disclosure).where(Disclosure.learner_id == learner_id).order_by(Disclosure.at, Disclosure.id)
    disclosures = session.scalars(given).all()
    ids = [award.id for award in found]
    waiting = find_named_proposals(session, learner_id, {*ids, *(mark.id for mark in marks)})
    if not found and not marks and not disclosures and not waiting:
        return None
    return {
        "format": FORMAT,
        "learner_id": learner_id,
        "awards": [_describe_award(session, award) for award in found],
        "claim_links": _describe_offers(session, ids),
        "marks": [_describe_mark(mark) for mark in marks],
        "disclosures": [
            {"at": one.at, "by": one.by, "id": one.id, "purpose": one.purpose, "to": one.recipient, "what": one.what}
            for one in disclosures
        ],
        "proposals": [_describe_proposal(proposal) for proposal in waiting],
        "trail": _describe_trail(session, ids),
        "elsewhere": list(ELSEWHERE),
    }


def _describe_award(session: Session, award: Award) -> dict[str, object]:
    decisions = session.scalars(select(Decision).where(Decision.award_id == award.id).order_by(Decision.number))
    evaluated = session.get(Evaluated, award.id)
    return {
        "achievement": award.achievement,
        "awarded_on": award.awarded_on,
        "copies": _describe_copies(session, award.id),
        "credits": award.credits,
        "date_of_birth": award.date_of_birth,
        "decided_at": award.decided_at,
        "decisions": [
            {
                "at": one.at,
                "is_on_the_ledger": one.cut_id is not None,
                "reason": one.reason,
                "status": Status(one.status).name.lower(),
            }
            for one in decisions
        ],
        "email": award.email,
        "evaluation": None
        if evaluated is None
        else {"content": json.loads(evaluated.content), "fingerprint": evaluated.fingerprint.hex()},
        "id": award.id,
        "name": award.name,
        "replaced_by": award.replaced_by or "",
        "results": [list(pair) for pair in awards.results_of(award)],
        "revision": award.revision,
        "status": Status(award.status).name.lower(),
        "valid_until": award.valid_until,
        "version": award.version,
    }


def _describe_copies(session: Session, award_id: str) -> list[dict[str, object]]:
    rows = session.execute(
        select(Copy, Outgoing.entry)
        .outerjoin(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
        .where(Copy.award_id == award_id)
        .order_by(Copy.id)
    )
    return [
        {
            "commitment": copy.commitment.hex(),
            "credential": copy.credential,
            "entry": entry,
            "kind": copy.kind,
            "list": copy.list_number,
            "minted_at": copy.minted_at,
            "position": copy.position,
            "slot": copy.slot,
            "withdrawn": copy.withdrawn,
        }
        for copy, entry in rows
    ]


def _describe_offers(session: Session, award_ids: Sequence[str]) -> list[dict[str, object]]:
    rows = session.execute(
        select(Offer, OfferedAward)
        .join(OfferedAward, OfferedAward.offer_id == Offer.id)
        .where(OfferedAward.award_id.in_(award_ids))
        .order_by(Offer.created_at, Offer.id)
    )
    return [
        {
            "award": offered.award_id,
            "copies": offered.copies,
            "created_at": offer.created_at,
            "expires_at": offer.expires_at,
            "id": offer.id,
            "used_at": offer.used_at,
        }
        for offer, offered in rows
    ]


def _describe_mark(mark: Mark) -> dict[str, object]:
    return {
        "at": mark.at,
        "award": mark.award_id or "",
        "by": mark.by,
        "ended_at": mark.ended_at,
        "ended_by": mark.ended_by,
        "id": mark.id,
        "kind": mark.kind,
        "text": mark.text,
    }


def _describe_proposal(proposal: Proposal) -> dict[str, object]:
    return {"act": proposal.act, "by": proposal.proposed_by, "id": proposal.id, "proposed_at": proposal.proposed_at}


def _describe_trail(session: Session, award_ids: Sequence[str]) -> list[dict[str, object]]:
    if not award_ids:
        return []
    named = or_(*(TrailRow.award_ids.contains(award_id) for award_id in award_ids))
    rows = session.scalars(select(TrailRow).where(named).order_by(TrailRow.number))
    return [
        {"at": row.at, "by": row.who, "call": row.call, "number": row.number, "outcome": row.outcome} for row in rows
    ]
