"""Reading requirement sets, and checking them against the framework and the rules they name."""

from collections.abc import Mapping

from ledger.mastery.framework import Framework
from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector
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
    Requirement,
    RequirementSet,
    SignOffTest,
    Test,
)
from ledger.mastery.rules import Rule, child_rules_of, digest_definition

_OPS = (
    "mastered", "localMastered", "credits", "experience", "credentials", "signOff", "approvals", "all", "any",
)  # fmt: skip


class Surroundings:
    """What a requirement set may name: items of the framework, and rules. Either may have failed to be read."""

    __slots__ = ("_framework", "_rules")

    def __init__(self, framework: Framework | None, rules: Mapping[str, Rule] | None) -> None:
        """None for what is not known: then nothing is said about it."""
        self._framework = framework
        self._rules = rules

    def check_item(self, node: Node, item: str, *name: str | int) -> None:
        """Report an item that is not in the framework."""
        if item and self._framework is not None and item not in self._framework.items:
            node.complain(f"item {item} is not in the framework", *name)

    def check_judged(self, node: Node, item: str, rule: str, *name: str | int) -> None:
        """Report an item or a rule that is not there, and items the rule would reach that must not be judged."""
        self.check_item(node, item, *name)
        if rule and self._rules is not None and rule not in self._rules:
            node.complain(f"rule {rule} is not among the rules", *name)
        if self._framework is None or self._rules is None or item not in self._framework.items:
            return
        for reached in sorted(self._reached(item, rule, self._framework, self._rules)):
            why = self._framework.items[reached].why_not_judged
            if why:
                node.complain(f"rule {rule} targets item {reached}, which {why}", *name)

    def _reached(self, item: str, rule: str, framework: Framework, rules: Mapping[str, Rule]) -> set[str]:
        found = {item}
        for child_rule in child_rules_of(rules[rule]) if rule in rules else ():
            for child in framework.children.get(item, ()):
                found |= self._reached(child, child_rule, framework, rules)
        return found


def parse_requirement_set(
    file: str, data: bytes, surroundings: Surroundings, problems: ProblemCollector
) -> RequirementSet | None:
    """Read one diploma definition; None where the file is no JSON object."""
    root = parse_document(file, data, problems)
    if root is None:
        return None
    awards = tuple(_read_award(node, surroundings) for node in root.nodes("awards"))
    if len({award.code for award in awards}) != len(awards):
        root.complain("two awards have one code", "awards")
    requirements: list[Requirement] = []
    for node in root.nodes("requirements", minimum=1):
        requirement = Requirement(
            id=node.text("id"),
            label=node.optional_text("label"),
            is_waivable=node.flag("waivable", False),
            test=_read_member(node, "test", surroundings),
        )
        if requirement.id in {known.id for known in requirements}:
            node.complain(f"requirement {requirement.id} stands twice", "id")
        node.finish()
        requirements.append(requirement)
    found = RequirementSet(
        id=root.text("id"),
        version=root.label("version"),
        digest=digest_definition(root.value),
        title=root.optional_text("title"),
        framework=root.optional_text("framework"),
        awards=awards,
        max_waivers=root.whole("maxWaivers", default=0),
        waiver_authorities=frozenset(root.texts("waiverAuthorities")),
        requirements=tuple(requirements),
        valid_from=root.optional_day("validFrom"),
        valid_until=root.optional_day("validUntil"),
    )
    root.finish("network", "achievementType")
    _check_local(root, found)
    return found


def _check_local(root: Node, found: RequirementSet) -> None:
    rules = found.rules_of_items()
    for test in found.tests():
        if isinstance(test, LocalMasteredTest):
            for item in test.items:
                if item not in rules:
                    root.complain(
                        f"localMastered names item {item}, which no mastered test of the diploma has a rule for"
                    )
        if isinstance(test, MasteredTest):
            for item, rule in zip(test.items, test.rules, strict=True):
                if rules[item] != rule:
                    root.remark(f"{found.id}: item {item} has two rules, {rules[item]} counts for localMastered")


def _read_award(node: Node, surroundings: Surroundings) -> AwardDefinition:
    award = AwardDefinition(
        code=node.text("code"),
        item=node.text("item"),
        rule=node.text("rule"),
        tier=node.optional_text("tier"),
        credits=node.amount("credits").value,
    )
    surroundings.check_judged(node, award.item, award.rule)
    node.finish()
    return award


def _read_member(node: Node, name: str, surroundings: Surroundings) -> Test:
    inner = node.node(name)
    return _read_test(inner, surroundings) if inner is not None else AllTest(())


def _read_test(node: Node, surroundings: Surroundings) -> Test:
    match node.choice("op", _OPS):
        case "mastered":
            test = _read_mastered(node, surroundings)
        case "localMastered":
            test = LocalMasteredTest(node.texts("items", minimum=1), node.whole("atLeast", 1))
        case "credits":
            test = _read_credits(node, surroundings)
        case "experience":
            test = ExperienceTest(node.text("type"), node.optional_whole("minCount"), node.optional_amount("minHours"))
            if test.min_count is None and test.min_hours is None:
                node.complain("an experience test asks for minCount, minHours or both")
        case "credentials":
            issuers = frozenset(node.texts("issuers", minimum=1))
            test = CredentialsTest(node.texts("from", minimum=1), issuers, node.whole("min", 1))
        case "signOff":
            test = SignOffTest(node.text("subject"), node.texts("roles", minimum=1))
        case "approvals":
            test = ApprovalsTest(
                subject=node.text("subject"),
                roles=node.texts("roles", minimum=1),
                minimum=node.whole("min", 1),
                min_external=node.whole("minExternal", default=0),
                max_declines=node.whole("maxDeclines", default=0),
            )
        case "all":
            test = AllTest(tuple(_read_test(member, surroundings) for member in node.nodes("of", minimum=1)))
        case _:
            test = AnyTest(tuple(_read_test(member, surroundings) for member in node.nodes("of", minimum=1)))
    node.finish()
    return test


def _read_mastered(node: Node, surroundings: Surroundings) -> Test:
    items = node.texts("items", minimum=1)
    must_include = node.texts("mustInclude")
    rules = node.mapping("rules", str)
    for item in items:
        if item not in rules:
            node.complain(f"item {item} has no rule", "rules")
        surroundings.check_judged(node, item, rules.get(item, ""), "rules", item)
    for position, item in enumerate(must_include):
        if item not in items:
            node.complain(f"item {item} is compulsory and not among the items", "mustInclude", position)
    at_least = node.whole("atLeast", default=len(items))
    if at_least > len(items) > 0:
        node.complain(f"{at_least} items are asked for, the test has {len(items)}", "atLeast")
    return MasteredTest(items, at_least, must_include, tuple(rules.get(item, "") for item in items))


def _read_credits(node: Node, surroundings: Surroundings) -> Test:
    test = CreditsTest(
        tier=node.optional_text("tier") or None,
        every_area=node.texts("everyArea"),
        min_count=node.optional_whole("minCount"),
        min_areas=node.optional_whole("minAreas"),
        min_total=node.optional_amount("minTotal"),
    )
    for position, area in enumerate(test.every_area):
        surroundings.check_item(node, area, "everyArea", position)
    return test
