"""One value per source (README section 3): most recent, trailing mean, mean or best of the admissible rows."""

from collections.abc import Sequence
from fractions import Fraction

from ledger.mastery import days
from ledger.mastery.admission import Exclusion, admit
from ledger.mastery.case import Case
from ledger.mastery.crosswalks import EVIDENCE
from ledger.mastery.judgment import Judgment, Piece, SourceValue, merge_pieces
from ledger.mastery.rules import DirectRule, Method, Source


def value_source(case: Case, item: str, rule: DirectRule, source: Source) -> SourceValue:
    """What a source of evidence comes to for an item."""
    admissible = _gather(case, item, rule, source)
    if len(admissible) < source.min_items:
        return SourceValue(source, len(admissible), None, (), tuple(admissible))
    counted = _choose(admissible, source)
    value = _mean([piece.level for piece in counted])
    return SourceValue(source, len(admissible), value, tuple(counted), tuple(admissible))


def value_rollup(source: Source, children: Sequence[Judgment]) -> SourceValue:
    """What a rollup comes to, from the children's own judgments: those with a value count, whatever their outcome."""
    values = [child.value for child in children if child.value is not None]
    if len(values) < source.min_items:
        return SourceValue(source, len(values), None, (), (), tuple(children))
    counted = merge_pieces(child.counted for child in children if child.value is not None)
    return SourceValue(source, len(values), _mean(values), counted, (), tuple(children))


def _gather(case: Case, item: str, rule: DirectRule, source: Source) -> list[Piece]:
    """Admissible rows, the latest last."""
    scales = case.dataset.scales
    pieces: list[Piece] = []
    for row in case.evidence.get(item, ()):
        assessor = case.assessor_of(row)
        level = admit(row, assessor, rule, source, case.as_of, scales)
        if not isinstance(level, Exclusion):
            pieces.append(Piece(level, row.observed_on, row.seq, row, assessor))
    transferred = _gather_transfers(case, item, rule, source)
    if transferred:
        # On one day a transfer comes first; `sort` keeps the order of rows that are equal here.
        pieces = sorted([*transferred, *pieces], key=lambda piece: piece.observed_on)
    return pieces


def _gather_transfers(case: Case, item: str, rule: DirectRule, source: Source) -> list[Piece]:
    """Transfers that a crosswalk lets in as evidence. Nobody calibrated judged them, so no calibrated source takes them."""
    return [
        Piece(match.level, match.dated, -1, None, None, match)
        for match in case.matches_of(item)
        if match.crosswalk.effect == EVIDENCE
        and match.crosswalk.source_type == source.type
        and not source.is_calibrated
        and days.is_recent(match.dated, case.as_of, rule.max_age_days)
    ]


def _choose(pieces: Sequence[Piece], source: Source) -> Sequence[Piece]:
    match source.method:
        case Method.MOST_RECENT:
            return pieces[-1:]
        case Method.TRAILING_MEAN:
            return pieces[-(source.window or 1) :]
        case Method.BEST:
            # The latest of those with the highest level: `max` gives the first it meets.
            return [max(reversed(pieces), key=lambda piece: piece.level)]
        case Method.MEAN:
            return pieces


def _mean(levels: Sequence[Fraction]) -> Fraction:
    return levels[0] if len(levels) == 1 else sum(levels, Fraction(0)) / len(levels)
