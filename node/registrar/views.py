"""What the registrar is told about awards: where each stands, in words, with the receipt of its copy.

Read from the database and this node's own log; nothing here changes anything.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.merkle import prove_item
from ledger.log.receipt import Receipt
from ledger.log.view import LogView
from node.client.registry import AwardView
from node.registrar.decisions import pending_awards
from node.registrar.inherited import InheritedCopy
from node.registrar.tables import Award, Copy, Outgoing

REGISTRAR_KIND = "registrar"
WALLET_KIND = "wallet"
FILE_KIND = "file"
"""A copy in a form of other software, made at the registrar's and handed out as a file."""
COUNTED_KINDS = (REGISTRAR_KIND, WALLET_KIND, FILE_KIND)
FORMER = {REGISTRAR_KIND: "former_registrar", WALLET_KIND: "former_wallet", FILE_KIND: "former_file"}
"""What becomes of the kind of a copy that a re-issue has put another in the place of."""


def describe_awards(session: Session, awards: Sequence[Award]) -> list[AwardView]:
    """Views of these awards, in their order."""
    places = _places(session)
    wallets = _wallet_copies(session)
    pending = pending_awards(session)
    return [
        AwardView(
            id=award.id,
            learner_id=award.learner_id,
            name=award.name,
            achievement=award.achievement,
            version=award.version,
            awarded_on=award.awarded_on,
            status=Status(award.status),
            index=places.get(award.id),
            wallet_copies=wallets.get(award.id, 0),
            is_status_pending=award.id in pending,
            replaced_by=award.replaced_by or "",
        )
        for award in awards
    ]


def find_receipt(session: Session, log: LogView, award_id: str) -> tuple[str, Receipt]:
    """The registrar's copy of an award, with the receipt of its commitment.

    Raises:
        RuleError: there is no such copy, or it still waits for a cut.
    """
    row = session.execute(
        select(Copy.credential, Copy.position, Outgoing.entry)
        .outerjoin(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
        .where(Copy.award_id == award_id, Copy.kind == REGISTRAR_KIND)
    ).first()
    if row is None:
        raise RuleError(f"award {award_id[:40]!r}: has no copy here", hint="`cairn-node awards DIR` lists the awards")
    credential, position, index = row
    receipt = prove_place(log, index, position)
    if receipt is None:
        raise RuleError(f"award {award_id}: waits for the next cut, so there is no receipt yet")
    return credential, receipt


def prove_place(log: LogView, index: int | None, position: int | None) -> Receipt | None:
    """The receipt of a commitment; None where it still waits for a cut, or the body is not held."""
    body = None if index is None else log.body(index)
    if index is None or position is None or body is None:
        return None
    path = prove_item(parse_body("issue", body), position)
    return Receipt(log=log.state.log_id, index=index, position=position, path=tuple(path))


def _places(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Copy.award_id, Outgoing.entry)
        .join(Outgoing, (Outgoing.cut_id == Copy.cut_id) & (Outgoing.kind == "issue"))
        .where(Copy.kind == REGISTRAR_KIND, Outgoing.entry.is_not(None))
    )
    # Of those taken over, the place in the log they went to.
    taken_over = session.execute(
        select(Copy.award_id, InheritedCopy.entry)
        .join(InheritedCopy, InheritedCopy.copy_id == Copy.id)
        .where(Copy.kind == REGISTRAR_KIND)
    )
    found = {award_id: entry for award_id, entry in taken_over}
    return {**found, **{award_id: index for award_id, index in rows if index is not None}}


def _wallet_copies(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Copy.award_id, func.count())
        .where(Copy.kind == WALLET_KIND, Copy.withdrawn.is_(False))
        .group_by(Copy.award_id)
    )
    return {award_id: count for award_id, count in rows}
