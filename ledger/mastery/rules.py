"""Mastery rules: how evidence becomes "mastered" (README sections 2 to 6).

A `direct` rule combines sources by weight; a `composite` rule asks for k of an item's children. Weights are relative. A
rule that could leave nothing to divide by is refused on import, so evaluation never has to ask.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from ledger.mastery.exact import Written
from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.scales import Scales

ROLLUP = "rollup"
"""Source type whose values are those of the item's children."""


class Method(StrEnum):
    """How the admissible rows of a source become one value."""

    MOST_RECENT = "most_recent"
    TRAILING_MEAN = "trailing_mean"
    MEAN = "mean"
    BEST = "best"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One kind of evidence a rule looks at."""

    type: str
    weight: Fraction
    method: Method
    window: int | None
    """Of `trailing_mean`: how many of the latest rows count."""
    min_items: int
    is_required: bool
    floor: Written | None
    is_calibrated: bool
    child_rule: str | None
    """Of a `rollup`: the direct rule that gives the children their values."""


@dataclass(frozen=True, slots=True)
class SignOffDemand:
    """Who must sign before mastery counts."""

    roles: tuple[str, ...]
    is_independent: bool
    """True: the signer judged none of the counted rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRule:
    """Mastered if the weighted value of the present sources reaches the threshold."""

    id: str
    version: str
    digest: str
    title: str
    scale: str
    threshold: Written
    max_age_days: int | None
    sources: tuple[Source, ...]
    min_sources: int
    min_assessors: int
    sign_off: SignOffDemand | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeRule:
    """Mastered if enough children are, the compulsory ones among them."""

    id: str
    version: str
    digest: str
    title: str
    child_rule: str
    at_least: int
    must_include: tuple[str, ...]
    sign_off: SignOffDemand | None


Rule: TypeAlias = DirectRule | CompositeRule


def digest_definition(value: Mapping[str, object]) -> str:
    """SHA-256, hexadecimal, of a definition's members in sorted order without blanks: spacing never matters."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(b"cairn/definition/v1\n" + text.encode("utf-8")).hexdigest()


def child_rules_of(rule: Rule) -> tuple[str, ...]:
    """The rules under which a rule looks at the children of an item; empty if it does not look at them."""
    if isinstance(rule, CompositeRule):
        return (rule.child_rule,)
    return tuple(dict.fromkeys(s.child_rule for s in rule.sources if s.child_rule is not None))


def parse_rules(file: str, data: bytes, scales: Scales | None, problems: ProblemCollector) -> dict[str, Rule]:
    """Read `rules.json`, by id, in its order. What is wrong in one is reported, and harmless in what is given."""
    root = parse_document(file, data, problems)
    if root is None:
        return {}
    rules: dict[str, Rule] = {}
    nodes: dict[str, Node] = {}
    for node in root.nodes("rules", minimum=1):
        rule = _read_rule(node, scales)
        if rule.id in rules:
            node.complain(f"rule {rule.id} stands twice", "id")
        rules.setdefault(rule.id, rule)
        nodes.setdefault(rule.id, node)
    root.finish()
    for rule in rules.values():
        _check_children(rule, rules, nodes[rule.id])
    return rules


def _read_rule(node: Node, scales: Scales | None) -> Rule:
    if node.choice("kind", ("direct", "composite")) == "composite":
        rule: Rule = CompositeRule(
            id=node.text("id"),
            version=node.label("version"),
            digest=digest_definition(node.value),
            title=node.optional_text("title"),
            child_rule=node.text("childRule"),
            at_least=node.whole("atLeast", 1),
            must_include=node.texts("mustInclude"),
            sign_off=_read_sign_off(node),
        )
    else:
        rule = DirectRule(
            id=node.text("id"),
            version=node.label("version"),
            digest=digest_definition(node.value),
            title=node.optional_text("title"),
            scale=node.text("scale"),
            threshold=node.decimal("threshold"),
            max_age_days=node.optional_whole("maxAgeDays"),
            sources=tuple(_read_source(source) for source in node.nodes("sources", minimum=1)),
            min_sources=node.whole("minSources", 1, default=1),
            min_assessors=node.whole("minAssessors", default=0),
            sign_off=_read_sign_off(node),
        )
        _check_weights(rule, node)
        if scales is not None and rule.scale and rule.scale not in scales.scales:
            node.complain(f"scale {rule.scale} is not among the scales", "scale")
    node.finish()
    return rule


def _read_source(node: Node) -> Source:
    kind = node.text("type")
    is_rollup = kind == ROLLUP
    method, window = Method.MEAN, None
    aggregate = node.optional_node("aggregate") if is_rollup else node.node("aggregate")
    if aggregate is not None:
        method = Method(aggregate.choice("method", tuple(Method)))
        # Only a trailing mean has a window; elsewhere `n` would say something that is not done.
        window = aggregate.whole("n", 1) if method is Method.TRAILING_MEAN else None
        aggregate.finish()
    source = Source(
        type=kind,
        weight=node.amount("weight").value,
        method=method,
        window=window,
        min_items=node.whole("minItems", 1, default=1),
        is_required=node.flag("required", False),
        floor=node.optional_decimal("floor"),
        is_calibrated=node.flag("calibrated", False),
        child_rule=node.text("childRule") if is_rollup else None,
    )
    node.finish()
    return source


def _read_sign_off(node: Node) -> SignOffDemand | None:
    demand = node.optional_node("signOff")
    if demand is None:
        return None
    found = SignOffDemand(demand.texts("roles", minimum=1), demand.flag("independent", False))
    demand.finish()
    return found


def _check_weights(rule: DirectRule, node: Node) -> None:
    """Refuse a rule whose present sources could all weigh nothing: there would be no value to compare."""
    weightless = sum(not source.weight for source in rule.sources)
    is_anchored = any(source.is_required and source.weight for source in rule.sources)
    if rule.sources and not is_anchored and weightless >= rule.min_sources:
        node.complain("sources that weigh nothing could be the only ones present", "sources")
    if rule.min_sources > len(rule.sources) > 0:
        node.complain(f"{rule.min_sources} sources are asked for, the rule has {len(rule.sources)}", "minSources")


def _check_children(rule: Rule, rules: Mapping[str, Rule], node: Node) -> None:
    for name in child_rules_of(rule):
        child = rules.get(name)
        if child is None and name:
            node.complain(f"child rule {name} is not among the rules")
        if isinstance(rule, DirectRule) and isinstance(child, CompositeRule):
            node.complain(f"a rollup needs values, and composite rule {name} gives none")
