"""What a cut reports: fork evidence this node keeps and its own log does not state yet (DESIGN 3, 4).

Evidence that only nodes keep is lost with them; an entry outlives them, and its position tells by when it was known. It is
written with a cut and never by itself, so that it says nothing about the hour in which this node heard of anything. An entry
is about institutions alone, so it gives away nothing about an award either.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from ledger.log.body import describe_body
from ledger.log.evidence import ForkEvidence, closeness, count_signatures, encode_fork, has_all_of, parse_fork
from ledger.log.records import EvidenceEntry
from ledger.log.reports import MAX_REPORTS, origin_of, read_reports
from ledger.log.statement import STATEMENT_ID_LENGTH
from ledger.log.view import LedgerView, LogView
from node.clock import Draw
from node.registrar import outbox
from node.registrar.cut import CutOrder
from node.registrar.outbox import Draft

MAX_REPORTED = 2
"""Pieces reported about one log, ever, for each signature that both notes of a piece have at least."""
MAX_PIECES = 16
"""Pieces in one entry."""


def report_forks(session: Session, ledger: LedgerView, order: CutOrder, draw: Draw) -> None:
    """Put an `evidence` entry into the outbox, if there is anything to report.

    Args:
        session: the transaction in which a cut is made; what is stored here goes before it.
        ledger: all logs held, with the evidence kept about each.
        order: of that cut: whose log, when, and the key that signs.
        draw: source of the statement's id.
    """
    own = ledger.log(order.log)
    items = () if own is None else find_unreported(ledger, own)
    if items:
        reference = describe_body("evidence", items)
        statement = EvidenceEntry(at=order.at, id=draw(STATEMENT_ID_LENGTH), log=order.log, reference=reference)
        outbox.store(session, [Draft(statement, items, order.operate_key)])


def find_unreported(ledger: LedgerView, own: LogView) -> tuple[bytes, ...]:
    """Give the evidence to report next: of each log the piece with most behind it of those its own log does not state.

    A log reports so much and no more, as nobody reads on; and about another log no more than `MAX_REPORTED` allows, so that
    a writer that contradicts itself without end fills nobody else's log.
    """
    reported = list(read_reports(own))
    room = min(MAX_PIECES, MAX_REPORTS - len(reported))
    return tuple(_choose(ledger, reported))[: max(0, room)]


def _choose(ledger: LedgerView, reported: Sequence[bytes]) -> Iterator[bytes]:
    known: dict[str, list[ForkEvidence]] = {}
    for piece in reported:
        origin = origin_of(piece)
        if origin is not None:
            known.setdefault(origin, []).append(parse_fork(piece))
    for log_id in ledger.log_ids():
        log = ledger.log(log_id)
        pieces = () if log is None else log.evidence()
        if log is None or not pieces:
            continue
        told = known.get(log.state.charter.origin, [])
        forks = [parse_fork(piece) for piece in pieces]
        news = [fork for fork in forks if not any(has_all_of(item, fork) for item in told)]
        strongest = max(news, key=_weight, default=None)
        if strongest is not None and len(told) < MAX_REPORTED * count_signatures(strongest):
            yield encode_fork(strongest)


def _weight(fork: ForkEvidence) -> tuple[int, int]:
    return count_signatures(fork), closeness(fork)
