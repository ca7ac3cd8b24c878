"""Reason texts, exactly as README section 11 words them: people read these, and two evaluators are compared by them."""

from collections.abc import Sequence
from fractions import Fraction

from ledger.mastery.crosswalks import Match
from ledger.mastery.exact import show
from ledger.mastery.judgment import Piece, SourceValue
from ledger.mastery.requirements import CreditsTest
from ledger.mastery.signoffs import Signoff


def no_evidence(code: str) -> str:
    """NO_EVIDENCE."""
    return f"{code} not yet: no admissible evidence."


def missing_source(code: str, source: SourceValue) -> str:
    """MISSING_SOURCE."""
    return f"{code} not yet: {source.source.type} has {source.found} of {source.source.min_items} item(s)."


def too_few_sources(code: str, present: int, wanted: int) -> str:
    """TOO_FEW_SOURCES."""
    return f"{code} not yet: {present} of {wanted} source(s)."


def too_few_assessors(code: str, humans: int, wanted: int) -> str:
    """TOO_FEW_ASSESSORS."""
    return f"{code} not yet: {humans} of {wanted} human assessor(s)."


def below_floor(code: str, source_type: str, value: Fraction, floor: str) -> str:
    """BELOW_FLOOR."""
    return f"{code} not yet: {source_type} {show(value)} < floor {floor}."


def below_threshold(code: str, value: Fraction, threshold: str) -> str:
    """BELOW_THRESHOLD."""
    return f"{code} not yet: {show(value)} < {threshold}."


def reached_value(value: Fraction, threshold: str) -> str:
    """How far a direct rule has come, in the texts about its sign-off."""
    return f"{show(value)} >= {threshold}"


def reached_children(mastered: int, wanted: int) -> str:
    """The same for a composite rule."""
    return f"{mastered} of {wanted} needed indicators"


def no_signoff(code: str, reached: str, roles: Sequence[str]) -> str:
    """NO_SIGNOFF."""
    return f"{code} pending: {reached}, sign-off by {'/'.join(roles)} missing."


def stale_signoff(code: str, reached: str, signoff: Signoff, newest: Piece) -> str:
    """STALE_SIGNOFF."""
    signed, observed = signoff.signed_on, newest.observed_on
    return f"{code} pending: {reached}, sign-off of {signed} is older than evidence of {observed}."


def signoff_declined(code: str, signoff: Signoff) -> str:
    """SIGNOFF_DECLINED."""
    return f"{code} not yet: sign-off declined by {signoff.signer} on {signoff.signed_on}."


def mastered_direct(code: str, reached: str, counted: int, present: int, signoff: Signoff | None) -> str:
    """MASTERED under a direct rule."""
    return f"{code} mastered: {reached} from {counted} item(s) in {present} source(s){_signed(signoff)}."


def mastered_composite(code: str, mastered: int, children: int, wanted: int, signoff: Signoff | None) -> str:
    """MASTERED under a composite rule."""
    return f"{code} mastered: {mastered} of {children} indicators, {wanted} needed{_signed(signoff)}."


def mastered_by_transfer(code: str, match: Match) -> str:
    """MASTERED_BY_TRANSFER."""
    items = "+".join(match.crosswalk.from_items)
    return f"{code} mastered by transfer: {items} level {show(match.level)} via {match.crosswalk.id}."


def missing_child(code: str, child: str) -> str:
    """MISSING_CHILD."""
    return f"{code} not yet: required indicator {child} not mastered."


def too_few_children(code: str, mastered: Sequence[str], wanted: int) -> str:
    """TOO_FEW_CHILDREN."""
    return f"{code} not yet: {len(mastered)} of {wanted} needed indicators ({list_or_none(mastered)})."


def list_or_none(codes: Sequence[str]) -> str:
    """Codes as a list, or the word none."""
    return ", ".join(codes) or "none"


def tier_of(test: CreditsTest) -> str:
    """What texts call the tier of a credits test."""
    return test.tier or "any-tier"


def _signed(signoff: Signoff | None) -> str:
    return f"; signed by {signoff.signer} on {signoff.signed_on}" if signoff is not None else ""
