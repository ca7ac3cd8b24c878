"""Lint: definitions and rows that can be evaluated, but probably do not say what was meant. Remarks, never errors."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from ledger.mastery.assessors import HUMAN
from ledger.mastery.crosswalks import Crosswalk
from ledger.mastery.dataset import Dataset
from ledger.mastery.rules import CompositeRule, DirectRule, Method, Rule

HUNDRED = 100


def lint(dataset: Dataset) -> tuple[str, ...]:
    """Every remark about a data set, in a fixed order; each names what it is about."""
    return (*_lint_rules(dataset), *_lint_sets(dataset), *_lint_framework(dataset), *_lint_rows(dataset))


def lint_rule(rule: Rule, dataset: Dataset) -> Iterator[str]:
    """Remarks about one rule."""
    subject = f"rule {rule.id}"
    if rule.sign_off is not None:
        held = {role for assessor in dataset.assessors.values() for role in assessor.roles}
        for role in rule.sign_off.roles:
            if role not in held:
                yield f"{subject}: nobody holds the sign-off role {role}"
    if is_machine_enough(rule, dataset):
        yield f"{subject}: a machine alone can satisfy it"
    if isinstance(rule, DirectRule):
        yield from (f"{subject}: {remark}" for remark in _lint_direct(rule, dataset))


def is_machine_enough(rule: Rule, dataset: Dataset) -> bool:
    """Whether no person is needed anywhere: neither as a judge nor to sign."""
    passed = set[str]()
    while isinstance(rule, CompositeRule) and rule.sign_off is None and rule.id not in passed:
        passed.add(rule.id)
        rule = dataset.rules[rule.child_rule]
    return isinstance(rule, DirectRule) and rule.sign_off is None and rule.min_assessors == 0


def _lint_direct(rule: DirectRule, dataset: Dataset) -> Iterator[str]:
    total = sum((source.weight for source in rule.sources), Fraction(0))
    if len(rule.sources) > 1 and total != HUNDRED:
        yield f"weights add up to {total}, not {HUNDRED}"
    low, high = dataset.scales.scales[rule.scale].bounds
    if (low is not None and rule.threshold.value < low) or (high is not None and rule.threshold.value > high):
        yield f"threshold {rule.threshold.text} is outside the scale {rule.scale}"
    for source in rule.sources:
        if source.is_required and not source.weight:
            yield f"required source {source.type} has weight 0"
        if source.method is Method.TRAILING_MEAN and source.window is not None and source.window < source.min_items:
            yield f"source {source.type} looks at the last {source.window} and asks for at least {source.min_items}"
    for kind, times in Counter(source.type for source in rule.sources).items():
        if times > 1:
            yield f"source type {kind} stands {times} times"


def _lint_rules(dataset: Dataset) -> Iterator[str]:
    for rule in dataset.rules.values():
        yield from lint_rule(rule, dataset)


def _lint_sets(dataset: Dataset) -> Iterator[str]:
    held = {role for assessor in dataset.assessors.values() for role in assessor.roles}
    for one in dataset.requirement_sets.values():
        for role in sorted(one.waiver_authorities - held):
            yield f"diploma {one.id}: nobody holds the waiver authority {role}"
        if one.max_waivers and not any(requirement.is_waivable for requirement in one.requirements):
            yield f"diploma {one.id}: {one.max_waivers} waiver(s) are allowed and no requirement is waivable"
        if one.valid_until is not None and one.valid_until < dataset.as_of:
            yield f"diploma {one.id}: closed for new enrolments since {one.valid_until}"
        for item, rule in one.rules_of_items().items():
            yield from _lint_composite(item, dataset.rules[rule], dataset)


def _lint_composite(item: str, rule: Rule, dataset: Dataset) -> Iterator[str]:
    """What a composite rule asks of an item that its children cannot give."""
    if not isinstance(rule, CompositeRule):
        return
    children = dataset.framework.children.get(item, ())
    if rule.at_least > len(children):
        yield f"rule {rule.id}: asks for {rule.at_least} indicators of item {item}, which has {len(children)}"
    for child in rule.must_include:
        if child not in children:
            yield f"rule {rule.id}: compulsory indicator {child} is not a child of item {item}"


def _lint_framework(dataset: Dataset) -> Iterator[str]:
    framework = dataset.framework
    for item in framework.items.values():
        if item.is_aspirational and item.code in framework.children:
            yield f"framework: item {item.code} is aspirational and has children"


def _lint_rows(dataset: Dataset) -> Iterator[str]:
    roster = {learner.id for learner in dataset.learners}
    counts: Counter[str] = Counter()
    for learner, rows in dataset.rows.items():
        if learner not in roster:
            counts["name a learner who is not on the roster"] += len(rows.evidence)
        for row in rows.evidence:
            counts["name an item that is not in the framework"] += row.item not in dataset.framework.items
            counts["name an assessor who is not listed"] += row.assessor not in dataset.assessors
            counts["are on a scale that is not listed"] += row.scale not in dataset.scales.scales
    for what, number in counts.items():
        if number:
            yield f"evidence: {number} row(s) {what} and do not count"
    if not any(assessor.kind == HUMAN for assessor in dataset.assessors.values()):
        yield f"assessors: nobody is of kind {HUMAN}"
    for crosswalks in dataset.crosswalks.values():
        for crosswalk in crosswalks:
            yield from _lint_crosswalk(crosswalk, dataset)


def _lint_crosswalk(crosswalk: Crosswalk, dataset: Dataset) -> Iterator[str]:
    scale = dataset.scales.scales[crosswalk.scale]
    for level in (*crosswalk.level_map, *filter(None, (crosswalk.min_level,))):
        if not scale.has(level):
            yield f"crosswalk {crosswalk.id}: level {level} is not on the scale {scale.id}"
