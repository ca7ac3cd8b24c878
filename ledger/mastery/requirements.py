"""Requirement sets: what a diploma asks for (README sections 8 and 9).

An ordered list of requirements, each with one test. Tests nest by `all` and `any`: `any` is how several pathways lead to
one requirement. Awards are decisions worth credits, each one item under one rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from ledger.mastery.exact import Written


@dataclass(frozen=True, slots=True)
class AwardDefinition:
    """A credit or micro-credit: one item, mastered under one rule."""

    code: str
    item: str
    rule: str
    tier: str
    """Empty for an award without one."""
    credits: Fraction


@dataclass(frozen=True, slots=True)
class MasteredTest:
    """Enough of these items are mastered, the compulsory ones among them."""

    items: tuple[str, ...]
    at_least: int
    must_include: tuple[str, ...]
    rules: tuple[str, ...]
    """The rule of each item, in the order of `items`."""
    op = "mastered"


@dataclass(frozen=True, slots=True)
class LocalMasteredTest:
    """Enough of these items are mastered by this network's own judgment, not by transfer."""

    items: tuple[str, ...]
    at_least: int
    op = "localMastered"


@dataclass(frozen=True, slots=True)
class CreditsTest:
    """Conditions on the awards a learner has, checked in the order of the fields."""

    tier: str | None
    every_area: tuple[str, ...]
    min_count: int | None
    min_areas: int | None
    min_total: Written | None
    op = "credits"


@dataclass(frozen=True, slots=True)
class ExperienceTest:
    """Confirmed experiences of one type: how many, how many hours."""

    type: str
    min_count: int | None
    min_hours: Written | None
    op = "experience"


@dataclass(frozen=True, slots=True)
class CredentialsTest:
    """Distinct credentials out of a list, from issuers that are recognised."""

    codes: tuple[str, ...]
    issuers: frozenset[str]
    minimum: int
    op = "credentials"


@dataclass(frozen=True, slots=True)
class SignOffTest:
    """Somebody with one of the roles signed the subject."""

    subject: str
    roles: tuple[str, ...]
    op = "signOff"


@dataclass(frozen=True, slots=True)
class ApprovalsTest:
    """A panel: enough approvals, enough of them from outside, not too many declines."""

    subject: str
    roles: tuple[str, ...]
    minimum: int
    min_external: int
    max_declines: int
    op = "approvals"


@dataclass(frozen=True, slots=True)
class AllTest:
    """Every member is met."""

    members: "tuple[Test, ...]"
    op = "all"


@dataclass(frozen=True, slots=True)
class AnyTest:
    """One member is met: a choice of pathways."""

    members: "tuple[Test, ...]"
    op = "any"


Test: TypeAlias = (
    MasteredTest
    | LocalMasteredTest
    | CreditsTest
    | ExperienceTest
    | CredentialsTest
    | SignOffTest
    | ApprovalsTest
    | AllTest
    | AnyTest
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a diploma asks for."""

    id: str
    label: str
    is_waivable: bool
    test: Test


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementSet:
    """The definition of a diploma; a published version never changes."""

    id: str
    version: str
    digest: str
    title: str
    framework: str
    awards: tuple[AwardDefinition, ...]
    max_waivers: int
    waiver_authorities: frozenset[str]
    requirements: tuple[Requirement, ...]
    valid_from: date | None
    valid_until: date | None

    def tests(self) -> Iterator[Test]:
        """Every test, members of `all` and `any` after the test that holds them."""
        for requirement in self.requirements:
            yield from walk(requirement.test)

    def rules_of_items(self) -> dict[str, str]:
        """The rule of each item of the `mastered` tests; the first counts where an item has two."""
        found: dict[str, str] = {}
        for test in self.tests():
            if isinstance(test, MasteredTest):
                for item, rule in zip(test.items, test.rules, strict=True):
                    found.setdefault(item, rule)
        return found


def walk(test: Test) -> Iterator[Test]:
    """A test and all it holds."""
    yield test
    if isinstance(test, AllTest | AnyTest):
        for member in test.members:
            yield from walk(member)
