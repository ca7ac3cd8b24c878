"""Judging one item under one rule (README sections 4 to 7).

A direct rule, in this order; the first check that does not pass decides:

    a  some source has an admissible row           NO_EVIDENCE
    b  every required source is present            MISSING_SOURCE
    c  enough sources are present                  TOO_FEW_SOURCES
    d  enough people judged the counted rows       TOO_FEW_ASSESSORS
    e  no present source is below its floor        BELOW_FLOOR
    f  the combined value reaches the threshold    BELOW_THRESHOLD
    g  a sign-off that is asked for is there       NO_SIGNOFF
    h  it approves                                 SIGNOFF_DECLINED
    i  it is not older than the newest counted row STALE_SIGNOFF

A composite rule: compulsory children, number of children, then g to i. A grant by transfer is looked at last, for item
codes only: it never makes an award and never feeds a rollup.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ledger.mastery import reasons
from ledger.mastery.case import Case
from ledger.mastery.judgment import Judgment, Piece, Reason, SourceValue, merge_pieces
from ledger.mastery.rules import CompositeRule, DirectRule, Rule, SignOffDemand
from ledger.mastery.signoffs import Signoff
from ledger.mastery.sources import value_rollup, value_source


def judge_item(case: Case, item: str, rule: str) -> Judgment:
    """Judge an item, grants by transfer included."""
    own = judge_own(case, item, rule, item)
    if own.is_mastered:
        return own
    for match in case.matches_of(item):
        if match.is_granted(case.dataset.scales):
            text = reasons.mastered_by_transfer(item, match)
            return replace(own, reason=Reason.MASTERED_BY_TRANSFER, value=match.level, text=text, match=match)
    return own


def judge_own(case: Case, item: str, rule: str, code: str) -> Judgment:
    """Judge an item by this network's rule alone; `code` is what is signed and named, an award's where one is judged."""
    key = item, rule, code
    if key not in case.judged:
        case.judged[key] = _judge(case, item, case.dataset.rules[rule], code)
    return case.judged[key]


def _judge(case: Case, item: str, rule: Rule, code: str) -> Judgment:
    if isinstance(rule, CompositeRule):
        return _judge_composite(case, item, rule, code)
    sources = tuple(_value_sources(case, item, rule))
    counted = merge_pieces(source.counted for source in sources)
    blocked = _check_sources(code, rule, sources, counted)
    blank = Judgment(
        code=code,
        item=item,
        rule=rule.id,
        reason=Reason.NO_EVIDENCE,
        value=None,
        threshold=rule.threshold.text,
        text="",
        sources=sources,
        counted=counted,
    )
    if blocked is not None:
        return replace(blank, reason=blocked[0], text=blocked[1])
    value = combine(sources)
    valued = replace(blank, value=value)
    low = _check_value(code, rule, sources, value)
    if low is not None:
        return replace(valued, reason=low[0], text=low[1])
    reached = reasons.reached_value(value, rule.threshold.text)
    signoff, unsigned = _check_signoff(case, code, rule.sign_off, counted, reached)
    if unsigned is not None:
        return replace(valued, reason=unsigned[0], text=unsigned[1], signoff=signoff)
    present = sum(source.is_present for source in sources)
    text = reasons.mastered_direct(code, reached, len(counted), present, signoff)
    return replace(valued, reason=Reason.MASTERED, text=text, signoff=signoff)


def _judge_composite(case: Case, item: str, rule: CompositeRule, code: str) -> Judgment:
    codes = case.dataset.framework.children.get(item, ())
    children = tuple(judge_item(case, child, rule.child_rule) for child in codes)
    mastered = [child.code for child in children if child.is_mastered]
    counted = merge_pieces(child.counted for child in children)
    missing = next((child for child in rule.must_include if child not in mastered), None)
    signoff: Signoff | None = None
    if missing is not None:
        reason, text = Reason.MISSING_CHILD, reasons.missing_child(code, missing)
    elif len(mastered) < rule.at_least:
        reason, text = Reason.TOO_FEW_CHILDREN, reasons.too_few_children(code, mastered, rule.at_least)
    else:
        reached = reasons.reached_children(len(mastered), rule.at_least)
        signoff, unsigned = _check_signoff(case, code, rule.sign_off, counted, reached)
        done = reasons.mastered_composite(code, len(mastered), len(codes), rule.at_least, signoff)
        reason, text = unsigned or (Reason.MASTERED, done)
    return Judgment(
        code=code,
        item=item,
        rule=rule.id,
        reason=reason,
        value=None,
        threshold=f"{rule.at_least} of {len(codes)}",
        text=text,
        children=children,
        counted=counted,
        signoff=signoff,
    )


def combine(sources: Sequence[SourceValue]) -> Fraction:
    """Weighted mean of the present sources: absent ones drop out of both sums, so weights are only relative."""
    present = [(source.source.weight, source.value) for source in sources if source.value is not None]
    if len(present) == 1:
        return present[0][1]
    # Import refuses rules whose present sources could weigh nothing.
    return sum((w * v for w, v in present), Fraction(0)) / sum((w for w, _ in present), Fraction(0))


def _value_sources(case: Case, item: str, rule: DirectRule) -> list[SourceValue]:
    values: list[SourceValue] = []
    for source in rule.sources:
        if source.child_rule is None:
            values.append(value_source(case, item, rule, source))
        else:
            codes = case.dataset.framework.children.get(item, ())
            values.append(value_rollup(source, [judge_own(case, c, source.child_rule, c) for c in codes]))
    return values


def _check_sources(
    code: str, rule: DirectRule, sources: Sequence[SourceValue], counted: Sequence[Piece]
) -> tuple[Reason, str] | None:
    """Checks a to d."""
    if not any(source.found for source in sources):  # a
        return Reason.NO_EVIDENCE, reasons.no_evidence(code)
    for source in sources:  # b
        if source.source.is_required and not source.is_present:
            return Reason.MISSING_SOURCE, reasons.missing_source(code, source)
    present = sum(source.is_present for source in sources)
    if present < rule.min_sources:  # c
        return Reason.TOO_FEW_SOURCES, reasons.too_few_sources(code, present, rule.min_sources)
    humans = {piece.assessor.id for piece in counted if piece.assessor is not None and piece.assessor.is_human}
    if len(humans) < rule.min_assessors:  # d
        return Reason.TOO_FEW_ASSESSORS, reasons.too_few_assessors(code, len(humans), rule.min_assessors)
    return None


def _check_value(
    code: str, rule: DirectRule, sources: Sequence[SourceValue], value: Fraction
) -> tuple[Reason, str] | None:
    """Checks e and f; exact values are compared, never shown ones."""
    for source in sources:  # e
        floor = source.source.floor
        if floor is not None and source.value is not None and source.value < floor.value:
            return Reason.BELOW_FLOOR, reasons.below_floor(code, source.source.type, source.value, floor.text)
    if value < rule.threshold.value:  # f
        return Reason.BELOW_THRESHOLD, reasons.below_threshold(code, value, rule.threshold.text)
    return None


def _check_signoff(
    case: Case, code: str, demand: SignOffDemand | None, counted: Sequence[Piece], reached: str
) -> tuple[Signoff | None, tuple[Reason, str] | None]:
    """Checks g to i: the sign-off found, and what stands against mastery."""
    if demand is None:
        return None, None
    judges = {piece.assessor.id for piece in counted if piece.assessor is not None} if demand.is_independent else ()
    signoff = case.find_signoff(code, demand.roles, frozenset(judges))
    if signoff is None:  # g
        return None, (Reason.NO_SIGNOFF, reasons.no_signoff(code, reached, demand.roles))
    if not signoff.is_approval:  # h
        return signoff, (Reason.SIGNOFF_DECLINED, reasons.signoff_declined(code, signoff))
    newest = max(counted, key=lambda piece: piece.observed_on, default=None)
    if newest is not None and signoff.signed_on < newest.observed_on:  # i
        return signoff, (Reason.STALE_SIGNOFF, reasons.stale_signoff(code, reached, signoff, newest))
    return signoff, None
