"""Forgetting a learner: everything in one transaction, then the traces, then a receipt that says nothing about anybody.

1. A legal hold refuses it. 2. Proposals that wait and name the learner are withdrawn, their content erased. 3. Rows go
(`erasing`). 4. Traces go (`Database.scrub`), and copies that an upgrade kept of the whole database. 5. The list of the
forgotten is written outside of the directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.errors import CairnError, RuleError
from node.registrar import scrub
from node.registrar.csvfile import parse_award_file
from node.registrar.learners import erasing
from node.registrar.learners.erasing import Erased
from node.registrar.learners.marks import MarkKind, stands
from node.registrar.learners.tables import Mark
from node.registrar.people import acts, proposals
from node.registrar.people.proposals import State
from node.registrar.people.tables import Proposal
from node.registrar.tables import Award

REASONS = ("request", "consent", "error", "retention", "court")
"""Why a learner is forgotten; words of a closed set, so that the trail and the receipt say nothing more."""
KEPT_COPIES = "registrar.layout-*"
_PIECE_BYTES = 16 * 1024 * 1024
_LEAST_WORD = 4


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was forgotten, or would be."""

    erased: Erased
    proposals: tuple[str, ...]
    """Ids of proposals that were withdrawn."""
    words: tuple[str, ...]
    """The learner's id, names and addresses, to look for them elsewhere; never kept."""


def forget_learner(session: Session, learner_id: str, *, by: str, now: int) -> Forgetting | None:
    """Forget everything about a learner; None where nothing is held.

    Args:
        session: an open write transaction.
        learner_id: in the student system.
        by: who asks for it, for proposals that are withdrawn.
        now: Unix ms.

    Raises:
        RuleError: a legal hold stands.
    """
    hold = session.scalars(select(Mark).where(*stands(MarkKind.HOLD), Mark.learner_id == learner_id)).first()
    if hold is not None:  # 1
        raise RuleError(
            f"learner: a legal hold keeps everything about them: {hold.text}",
            hint="cairn-node rights release DIR LEARNER ends the hold; until then nothing is forgotten",
        )
    ids = erasing.find_ids(session, learner_id)
    found = session.scalars(select(Award).where(Award.learner_id == learner_id)).all()
    words = {learner_id, *(award.name for award in found), *(award.email for award in found)}
    withdrawn = _withdraw_proposals(session, learner_id, set(ids), by, now)  # 2
    if not ids and not withdrawn:
        return None
    if withdrawn:
        scrub.mark_due(session)
    return Forgetting(erasing.erase(session, ids, now=now), withdrawn, tuple(sorted(words - {""})))  # 3


def remove_kept_copies(directory: Path) -> list[str]:
    """Delete the copies of the whole database that an upgrade kept as a way back; returns their names."""
    kept = sorted(directory.glob(KEPT_COPIES))
    for path in kept:
        path.unlink()
    return [path.name for path in kept]


def find_mentions(directory: Path, words: Sequence[str]) -> list[str]:
    """Other files of the directory that still name the learner, such as a file of awards; sealed ones cannot be read.

    One that this account may not read is among them: nobody can say that it does not.
    """
    needles = [word.encode() for word in words if len(word) >= _LEAST_WORD]
    found = []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if relative.parts[0] in ("keys", "ledger") or relative.name.startswith("registrar.db"):
            continue
        try:
            if path.is_file() and not path.is_symlink() and _holds_any(path, needles):
                found.append(relative.as_posix())
        except FileNotFoundError:
            # Gone since it was listed, as files are that a running node writes.
            continue
        except OSError:
            found.append(relative.as_posix())
    return found


def _holds_any(path: Path, needles: Sequence[bytes]) -> bool:
    overlap = max(map(len, needles), default=1) - 1
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            data = before + piece
            if any(needle in data for needle in needles):
                return True
            before = data[max(0, len(data) - overlap) :]
    return False


def find_named_proposals(session: Session, learner_id: str, ids: set[str]) -> list[Proposal]:
    """Proposals that wait and whose content is about the learner, or about one of these awards."""
    waiting = session.scalars(select(Proposal).where(Proposal.state == State.WAITING.value)).all()
    return [proposal for proposal in waiting if _names(proposal, learner_id, ids)]


def _withdraw_proposals(session: Session, learner_id: str, ids: set[str], by: str, now: int) -> tuple[str, ...]:
    named = [proposal.id for proposal in find_named_proposals(session, learner_id, ids)]
    for proposal_id in named:
        proposals.decide(session, proposal_id, State.WITHDRAWN, by, now)
    return tuple(named)


def _names(proposal: Proposal, learner_id: str, ids: set[str]) -> bool:
    content = proposal.content or b""
    try:
        messages = acts.unpack(proposal.call, content)
    except CairnError:
        # What cannot be read is no reason to keep it.
        return True
    first: Any = messages[0] if messages else None
    if getattr(first, "learner_id", "") == learner_id:
        return True
    if any(award in ids for message in messages for award in getattr(message, "award_ids", ())):
        return True
    if proposal.call != "Registrar.Issue":
        return False
    data = b"".join(message.data for message in messages)
    mapping = {column.theirs: column.ours for column in first.mapping}
    try:
        file = parse_award_file(data, mapping=mapping, ignore=tuple(first.ignore))
    except CairnError:
        return learner_id.encode() in data
    return any(row.learner_id == learner_id for row in file.rows) or bool(ids & set(first.replace))
