"""The tests of diploma definitions (README section 8): each gives MET, PENDING or UNMET, and a text."""

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from ledger.mastery import reasons
from ledger.mastery.case import Case
from ledger.mastery.exact import show, show_plain
from ledger.mastery.judge import judge_item, judge_own
from ledger.mastery.judgment import Judgment, Outcome, Reason
from ledger.mastery.requirements import (
    AllTest,
    AnyTest,
    ApprovalsTest,
    AwardDefinition,
    CredentialsTest,
    CreditsTest,
    ExperienceTest,
    LocalMasteredTest,
    MasteredTest,
    RequirementSet,
    SignOffTest,
    Test,
)
from ledger.mastery.verdict import Status, TestResult, combine_all, combine_any, ratio


def judge_award(case: Case, award: AwardDefinition) -> Judgment:
    """Judge an award: its rule on its item, its own sign-off, and never a grant by transfer."""
    return judge_own(case, award.item, award.rule, award.code)


def answer(case: Case, definition: RequirementSet, test: Test) -> TestResult:
    """Answer one test of a diploma definition for a learner."""
    match test:
        case MasteredTest():
            return _answer_mastered(case, test)
        case LocalMasteredTest():
            return _answer_local(case, definition, test)
        case CreditsTest():
            return _answer_credits(case, definition, test)
        case ExperienceTest():
            return _answer_experience(case, test)
        case CredentialsTest():
            return _answer_credentials(case, test)
        case SignOffTest():
            return _answer_signoff(case, test)
        case ApprovalsTest():
            return _answer_approvals(case, test)
        case AllTest():
            return combine_all(test, [answer(case, definition, member) for member in test.members])
        case AnyTest():
            return combine_any(test, [answer(case, definition, member) for member in test.members])
        case _:
            assert_never(test)


def _answer_mastered(case: Case, test: MasteredTest) -> TestResult:
    judged = [judge_item(case, item, rule) for item, rule in zip(test.items, test.rules, strict=True)]
    mastered = [one.code for one in judged if one.is_mastered]
    pending = [one.code for one in judged if one.outcome is Outcome.PENDING]
    progress = ratio(len(mastered), test.at_least)
    head = f"{len(mastered)} of {test.at_least} mastered"
    if len(mastered) >= test.at_least and set(test.must_include) <= set(mastered):
        return TestResult(test, Status.MET, f"{head} ({', '.join(mastered)})", progress)
    if len(mastered) + len(pending) >= test.at_least and set(test.must_include) <= {*mastered, *pending}:
        return TestResult(test, Status.PENDING, f"{head}, awaiting {', '.join(pending)}", progress)
    missing = [one.code for one in judged if one.outcome is Outcome.NOT_YET]
    return TestResult(test, Status.UNMET, f"{head}, missing {', '.join(missing)}", progress)


def _answer_local(case: Case, definition: RequirementSet, test: LocalMasteredTest) -> TestResult:
    rules = definition.rules_of_items()
    judged = [judge_item(case, item, rules[item]) for item in test.items]
    local = sum(one.reason is Reason.MASTERED for one in judged)
    pending = sum(one.outcome is Outcome.PENDING for one in judged)
    text = f"{local} of {test.at_least} judged locally"
    return TestResult(
        test, _three(local >= test.at_least, local + pending >= test.at_least), text, ratio(local, test.at_least)
    )


def _answer_credits(case: Case, definition: RequirementSet, test: CreditsTest) -> TestResult:
    wanted = [award for award in definition.awards if test.tier in (None, award.tier)]
    judged = [(award, judge_award(case, award)) for award in wanted]
    pool = [award for award, one in judged if one.is_mastered]
    pending = [award for award, one in judged if one.outcome is Outcome.PENDING]
    unmet = _first_failing(case, test, pool)
    progress = _credits_progress(case, test, pool)
    if unmet is None:
        total, areas = sum((award.credits for award in pool), Fraction(0)), len(_areas(case, pool))
        text = f"{show(total)} {reasons.tier_of(test)} credits in {areas} area(s)"
        return TestResult(test, Status.MET, text, progress)
    together = [award for award, one in judged if one.outcome is not Outcome.NOT_YET]
    if _first_failing(case, test, together) is None:
        text = f"awaiting {', '.join(award.code for award in pending)}"
        return TestResult(test, Status.PENDING, text, progress)
    return TestResult(test, Status.UNMET, unmet, progress)


def _first_failing(case: Case, test: CreditsTest, pool: Sequence[AwardDefinition]) -> str | None:
    """The text of the first condition the pool does not meet; None if it meets them all."""
    tier, areas = reasons.tier_of(test), _areas(case, pool)
    lacking = [area for area in test.every_area if area not in _every_layer(case, pool)]
    if lacking:
        return f"no {tier} credit in {', '.join(lacking)}"
    if test.min_count is not None and len(pool) < test.min_count:
        return f"{len(pool)} of {test.min_count} {tier} credits"
    if test.min_areas is not None and len(areas) < test.min_areas:
        return f"{tier} credits in {len(areas)} of {test.min_areas} areas"
    total = sum((award.credits for award in pool), Fraction(0))
    if test.min_total is not None and total < test.min_total.value:
        return f"{show(total)} of {test.min_total.text} credits"
    return None


def _areas(case: Case, pool: Sequence[AwardDefinition]) -> set[str]:
    return {case.dataset.framework.area_of(award.item) for award in pool}


def _every_layer(case: Case, pool: Sequence[AwardDefinition]) -> set[str]:
    """The items of the pool and all above them: an area that is asked for is one of these."""
    return {code for award in pool for code in case.dataset.framework.path_of(award.item)}


def _credits_progress(case: Case, test: CreditsTest, pool: Sequence[AwardDefinition]) -> Fraction:
    """The mean over the conditions."""
    layers = _every_layer(case, pool)
    parts = [ratio(sum(area in layers for area in test.every_area), len(test.every_area))] if test.every_area else []
    if test.min_count is not None:
        parts.append(ratio(len(pool), test.min_count))
    if test.min_areas is not None:
        parts.append(ratio(len(_areas(case, pool)), test.min_areas))
    if test.min_total is not None:
        parts.append(ratio(sum((award.credits for award in pool), Fraction(0)), test.min_total.value))
    return sum(parts, Fraction(0)) / len(parts) if parts else Fraction(1)


def _answer_experience(case: Case, test: ExperienceTest) -> TestResult:
    rows = case.experiences_of(test.type)
    hours = sum((row.hours for row in rows), Fraction(0))
    parts: list[str] = []
    progress: list[Fraction] = []
    is_met = True
    if test.min_count is not None:
        parts.append(f"{len(rows)} of {test.min_count}")
        progress.append(ratio(len(rows), test.min_count))
        is_met = len(rows) >= test.min_count
    if test.min_hours is not None:
        parts.append(f"{show_plain(hours)} h of {test.min_hours.text} h")
        progress.append(ratio(hours, test.min_hours.value))
        is_met = is_met and hours >= test.min_hours.value
    status = Status.MET if is_met else Status.UNMET
    return TestResult(test, status, f"{test.type} {', '.join(parts)}", min(progress))


def _answer_credentials(case: Case, test: CredentialsTest) -> TestResult:
    held = {one.code for one in case.holdings() if one.issuer in test.issuers}
    codes = [code for code in test.codes if code in held]
    text = f"{len(codes)} of {test.minimum} credentials ({reasons.list_or_none(codes)})"
    status = Status.MET if len(codes) >= test.minimum else Status.UNMET
    return TestResult(test, status, text, ratio(len(codes), test.minimum))


def _answer_signoff(case: Case, test: SignOffTest) -> TestResult:
    signoff = case.find_signoff(test.subject, test.roles)
    if signoff is None:
        return TestResult(test, Status.PENDING, f"{test.subject} not signed", Fraction(0))
    word, status = ("signed", Status.MET) if signoff.is_approval else ("declined", Status.UNMET)
    text = f"{test.subject} {word} by {signoff.signer} on {signoff.signed_on}"
    return TestResult(test, status, text, Fraction(signoff.is_approval))


def _answer_approvals(case: Case, test: ApprovalsTest) -> TestResult:
    assessors = case.dataset.assessors
    # In rising order, so that each signer's latest one stays.
    latest = {
        one.signer: one
        for one in case.signoffs_of(test.subject)
        if not assessors[one.signer].roles.isdisjoint(test.roles)
    }
    approving = [one.signer for one in latest.values() if one.is_approval]
    external = sum(assessors[signer].is_external for signer in approving)
    declined = len(latest) - len(approving)
    text = (
        f"{test.subject} {len(approving)} of {test.minimum} approvals, "
        f"{external} of {test.min_external} external, {declined} declined"
    )
    progress = min(ratio(len(approving), test.minimum), ratio(external, test.min_external))
    if declined > test.max_declines:
        return TestResult(test, Status.UNMET, text, progress)
    is_met = len(approving) >= test.minimum and external >= test.min_external
    return TestResult(test, Status.MET if is_met else Status.PENDING, text, progress)


def _three(is_met: bool, is_within_reach: bool) -> Status:
    if is_met:
        return Status.MET
    return Status.PENDING if is_within_reach else Status.UNMET
