"""Fork evidence that stands on logs: what institutions reported in `evidence` entries.

Evidence proves itself, so it does not matter who reports it; it matters that whoever holds a log holds what it reports, also
after every node that found the fork is gone. What a log may make its readers look at is bounded, and only its own reports
are lost to one that reports without end.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ledger.errors import CairnError
from ledger.log.body import parse_body
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.records import EvidenceEntry
from ledger.log.view import LogView

if TYPE_CHECKING:
    from ledger.log.evidence import ForkEvidence

MAX_REPORT_BYTES = 4 * 1024 * 1024
"""A body above this is not read."""
MAX_REPORTS = 256
"""Pieces read of one log, oldest first."""


def read_reports(view: LogView, entries: Sequence[int] | None = None) -> Iterator[bytes]:
    """Give the pieces of evidence that a held log reports in entries that count; none of them is verified.

    Args:
        view: of the log.
        entries: indexes to read; all of its effective `evidence` entries by default.
    """
    left = MAX_REPORTS
    for index in view.state.evidence if entries is None else entries:
        for piece in _read(view, index):
            if not left:
                return
            left -= 1
            yield piece


def origin_of(piece: bytes) -> str | None:
    """Tell which log a piece of evidence is about, by the name its notes give; `None` where it is no evidence."""
    evidence = _parse(piece)
    try:
        origins = (
            set() if evidence is None else {read_checkpoint(note).origin for note in (evidence.first, evidence.second)}
        )
    except CairnError:
        return None
    return origins.pop() if len(origins) == 1 else None


def _read(view: LogView, index: int) -> Sequence[bytes]:
    entry = parse_entry(view.entry(index))
    statement = entry.statement
    if not isinstance(statement, EvidenceEntry) or view.state.void_reason(entry) is not None:
        return ()
    if statement.reference.size > MAX_REPORT_BYTES:
        return ()
    body = view.body(index)
    try:
        return () if body is None else parse_body(statement.kind, body)
    except CairnError:
        return ()


def _parse(piece: bytes) -> "ForkEvidence | None":
    from ledger.log.evidence import parse_fork  # a verifier that only reads reports starts sooner without it

    try:
        return parse_fork(piece)
    except CairnError:
        return None
