"""Admissible evidence (README section 2): which rows count, and for the others the first reason why not.

The conditions that no rule changes are asked once per row, those of a rule once per rule and source.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fractions import Fraction

from ledger.mastery import days, status_events
from ledger.mastery.assessors import Assessor
from ledger.mastery.evidence import PRACTICE, Evidence
from ledger.mastery.rules import DirectRule, Source
from ledger.mastery.scales import Scales
from ledger.mastery.status_events import Standing


class Exclusion(StrEnum):
    """Why a row does not count, in words for people."""

    PRACTICE = "practice informs learning only"
    FUTURE = "seen or written down after this date"
    VOID = "voided"
    SUPERSEDED = "replaced by a correction"
    OWN_WORK = "judged by the learner"
    UNKNOWN_ASSESSOR = "the assessor is not listed"
    INACTIVE_ASSESSOR = "the assessor was not active on that day"
    NOT_ASKED = "the rule does not ask for this kind of evidence"
    TOO_OLD = "older than the rule allows"
    NOT_CALIBRATED = "the assessor was not calibrated on that day"
    NOT_CONVERTIBLE = "its value has no level on the rule's scale"


def exclusion_of(row: Evidence, as_of: date, standing: Standing, assessors: Mapping[str, Assessor]) -> Exclusion | None:
    """Conditions 2, 3, 4 and 6, which hold under every rule; None where the row passes them."""
    if row.purpose == PRACTICE:
        return Exclusion.PRACTICE
    if row.observed_on > as_of or row.recorded_on > as_of:
        return Exclusion.FUTURE
    if standing.is_void(status_events.EVIDENCE, row.id):
        return Exclusion.VOID
    if row.id in standing.superseded:
        return Exclusion.SUPERSEDED
    if row.assessor == row.learner:
        return Exclusion.OWN_WORK
    assessor = assessors.get(row.assessor)
    if assessor is None:
        return Exclusion.UNKNOWN_ASSESSOR
    return None if assessor.is_active(row.observed_on) else Exclusion.INACTIVE_ASSESSOR


def admit(
    row: Evidence, assessor: Assessor, rule: DirectRule, source: Source, as_of: date, scales: Scales
) -> Fraction | Exclusion:
    """Conditions 1, 5, 7 and 8, for a row that passed the others: its level on the rule's scale, or why it has none."""
    if row.source_type != source.type:
        return Exclusion.NOT_ASKED
    if not days.is_recent(row.observed_on, as_of, rule.max_age_days):
        return Exclusion.TOO_OLD
    if source.is_calibrated and not assessor.is_calibrated(row.observed_on):
        return Exclusion.NOT_CALIBRATED
    level = scales.convert(row.scale, row.value, rule.scale)
    return Exclusion.NOT_CONVERTIBLE if level is None else level
