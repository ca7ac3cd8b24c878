"""One learner's story in plain words: what counted, what did not and why, what is missing, which pathway is nearest.

For the learner and whoever helps: it says "not yet", names no other learner, and holds no name or date of birth. It is
a report, not an award, and cannot be presented as one. Lines are at most `WIDTH` characters, one fact each.
"""

import textwrap
from collections.abc import Iterator, Sequence
from fractions import Fraction

from ledger.mastery.admission import Exclusion, admit, exclusion_of
from ledger.mastery.case import Case
from ledger.mastery.evaluate import Evaluation, RequirementResult
from ledger.mastery.evidence import Evidence
from ledger.mastery.exact import show
from ledger.mastery.judge import judge_item
from ledger.mastery.judgment import Judgment, Outcome, Piece, SourceValue
from ledger.mastery.requirements import AllTest, AnyTest, CredentialsTest, CreditsTest, MasteredTest
from ledger.mastery.rules import CompositeRule, DirectRule, Method
from ledger.mastery.testing import judge_award
from ledger.mastery.verdict import Status, TestResult

WIDTH = 72
_WORDS = {"MET": "met", "WAIVED": "waived", "PENDING": "waiting for a person", "UNMET": "not yet"}
_OUTCOMES = {Outcome.MASTERED: "mastered", Outcome.PENDING: "waiting for a person", Outcome.NOT_YET: "not yet"}


def explain(evaluation: Evaluation) -> tuple[str, ...]:
    """The story of an evaluation, as lines of at most `WIDTH` characters."""
    definition, case = evaluation.definition, evaluation.case
    lines = [f"{evaluation.learner}: {definition.title or definition.id}, as of {case.as_of}", evaluation.text]
    told = set[str]()
    for found in evaluation.requirements:
        lines += ["", *_tell_requirement(evaluation, found, told)]
    lines += ["", *_tell_missing(evaluation)]
    return tuple(part for line in lines for part in _wrap(line))


def nearest_pathway(result: TestResult) -> TestResult | None:
    """The member of an unmet or pending choice that is nearest; None where nothing is left to choose.

    A pathway that only waits for a person is nearer than any other; then the one with most progress, then the first.
    """
    if result.status is Status.MET or not isinstance(result.test, AnyTest):
        return None
    return max(result.members, key=lambda member: (member.status is Status.PENDING, member.progress), default=None)


def nearness(judgment: Judgment) -> Fraction:
    """How far an item is on its way, from 0 to 1; orders what to work on, decides nothing."""
    if judgment.outcome is not Outcome.NOT_YET:
        return Fraction(1)
    wanted, _, _ = judgment.threshold.partition(" ")
    reached = judgment.value or Fraction(sum(child.is_mastered for child in judgment.children))
    return min(reached / Fraction(wanted), Fraction(1)) if Fraction(wanted) > 0 else Fraction(0)


def _tell_requirement(evaluation: Evaluation, found: RequirementResult, told: set[str]) -> Iterator[str]:
    requirement = found.requirement
    yield f"{requirement.id} {requirement.label}: {_WORDS[found.outcome]}".replace(" :", ":")
    yield f"  {found.text}"
    for judgment in _judgments(evaluation, found.result):
        if judgment.text in told:
            yield f"  {judgment.code}: {_OUTCOMES[judgment.outcome]}, told above"
        else:
            told.add(judgment.text)
            yield from _tell_judgment(evaluation.case, judgment, "  ")


def _judgments(evaluation: Evaluation, result: TestResult) -> Iterator[Judgment]:
    """Judgments a test rests on, those about which there is anything to say."""
    case, test = evaluation.case, result.test
    if isinstance(test, MasteredTest):
        yield from (judge_item(case, item, rule) for item, rule in zip(test.items, test.rules, strict=True))
    if isinstance(test, CreditsTest) and result.status is not Status.MET:
        shown = {one.code for one in evaluation.awards}
        for award in evaluation.definition.awards:
            if test.tier in (None, award.tier) and award.code in shown:
                yield judge_award(case, award)
    for member in result.members:
        yield from _judgments(evaluation, member)


def _tell_judgment(case: Case, judgment: Judgment, indent: str) -> Iterator[str]:
    yield f"{indent}{judgment.text}"
    inner = indent + "  "
    rule = case.dataset.rules[judgment.rule]
    if isinstance(rule, CompositeRule):
        for child in judgment.children:
            yield from _tell_judgment(case, child, inner)
        return
    for source in judgment.sources:
        yield f"{inner}{_tell_source(source)}"
        for child in source.children:
            yield from _tell_judgment(case, child, f"{inner}  ")
        if not source.children:
            yield from (f"{inner}  counted: {_tell_piece(piece)}" for piece in source.counted)
    for row in case.rows.evidence:
        if row.item == judgment.item:
            why = why_not(case, row, rule, judgment.sources)
            if why:
                yield f"{inner}did not count: {row.id}, {row.source_type} {row.value}, {row.observed_on}: {why}"


def _tell_source(source: SourceValue) -> str:
    wanted = source.source
    need = "required" if wanted.is_required else "optional"
    if source.value is None:
        return f"{wanted.type} ({need}): {source.found} of {wanted.min_items} item(s), not enough yet"
    return f"{wanted.type} ({need}, weight {wanted.weight}): {show(source.value)}"


def _tell_piece(piece: Piece) -> str:
    if piece.evidence is None:
        return f"transfer level {show(piece.level)}, {piece.observed_on}"
    row = piece.evidence
    level = "" if row.value == str(piece.level) else f" (level {show(piece.level)})"
    return f"{row.id}, {row.value}{level}, {row.observed_on}, by {row.assessor}"


def why_not(case: Case, row: Evidence, rule: DirectRule, sources: Sequence[SourceValue]) -> str:
    """Why a row of the item was not counted under a rule; empty if it was."""
    general = exclusion_of(row, case.as_of, case.dataset.standing, case.dataset.assessors)
    if general is Exclusion.SUPERSEDED:
        return f"{general.value} ({case.dataset.standing.superseded[row.id]})"
    if general is not None:
        return general.value
    reason = Exclusion.NOT_ASKED.value
    for source in sources:
        admitted = admit(row, case.assessor_of(row), rule, source.source, case.as_of, case.dataset.scales)
        if isinstance(admitted, Fraction):
            if any(piece.evidence is row for piece in source.counted):
                return ""
            reason = _why_not_chosen(source)
        elif admitted is not Exclusion.NOT_ASKED:
            reason = admitted.value
    return reason


def _why_not_chosen(source: SourceValue) -> str:
    if not source.is_present:
        return f"{source.found} of {source.source.min_items} item(s) of its kind, not enough yet"
    match source.source.method:
        case Method.TRAILING_MEAN:
            return f"earlier than the last {source.source.window}"
        case Method.BEST:
            return "another one is higher, or as high and later"
        case _:
            return "a later one counts"


def _tell_missing(evaluation: Evaluation) -> Iterator[str]:
    open_ones = [found for found in evaluation.requirements if found.outcome in ("PENDING", "UNMET")]
    if not open_ones:
        yield "Nothing is missing."
        return
    yield "What is missing:"
    for found in open_ones:
        for line in _missing_of(evaluation, found.result):
            yield f"  {found.requirement.id}: {line}"


def _missing_of(evaluation: Evaluation, result: TestResult) -> Iterator[str]:
    """What would meet a test, the nearest first."""
    test = result.test
    if result.status is Status.MET:
        return
    nearest = nearest_pathway(result)
    if nearest is not None:
        yield f"the nearest pathway: {nearest.text} ({_percent(nearest.progress)} there)"
        yield from (line for line in _missing_of(evaluation, nearest) if line != nearest.text)
    elif isinstance(test, AllTest):
        for member in result.members:
            yield from _missing_of(evaluation, member)
    elif isinstance(test, MasteredTest | CreditsTest):
        if isinstance(test, CreditsTest):
            yield result.text
        # Where people are awaited and that would be enough, nothing else is asked of the learner.
        is_enough = result.status is Status.PENDING
        waiting = [
            one
            for one in _judgments(evaluation, result)
            if one.outcome is Outcome.PENDING or (one.outcome is Outcome.NOT_YET and not is_enough)
        ]
        for one in sorted(waiting, key=nearness, reverse=True):
            yield one.text
    elif isinstance(test, CredentialsTest):
        held = {one.code for one in evaluation.case.holdings() if one.issuer in test.issuers}
        yield f"{result.text}; not held yet: {', '.join(code for code in test.codes if code not in held)}"
    else:
        yield result.text


def _percent(progress: Fraction) -> str:
    return f"{progress.numerator * 100 // progress.denominator} %"


def _wrap(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH, subsequent_indent=f"{indent}  ", break_long_words=False) or [""]
