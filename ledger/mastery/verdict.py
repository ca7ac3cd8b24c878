"""Three-valued results of tests, and how `all` and `any` combine them.

PENDING means that a human decision is awaited: it is neither met nor unmet, and is never folded into either.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from ledger.mastery.requirements import Test


class Status(StrEnum):
    """What a test says."""

    MET = "MET"
    PENDING = "PENDING"
    UNMET = "UNMET"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's answer, with its text and what it rests on."""

    __test__ = False  # the name is the domain's; pytest leaves it alone

    test: Test
    status: Status
    text: str
    progress: Fraction
    """How near a person is, from 0 to 1; orders pathways for `explain`, decides nothing."""
    members: "tuple[TestResult, ...]" = ()


def all_of(statuses: Iterable[Status]) -> Status:
    """UNMET if any is, else PENDING if any is, else MET."""
    found = set(statuses)
    if Status.UNMET in found:
        return Status.UNMET
    return Status.PENDING if Status.PENDING in found else Status.MET


def any_of(statuses: Iterable[Status]) -> Status:
    """MET if any is, else PENDING if any is, else UNMET."""
    found = set(statuses)
    if Status.MET in found:
        return Status.MET
    return Status.PENDING if Status.PENDING in found else Status.UNMET


def combine_all(test: Test, members: Sequence[TestResult]) -> TestResult:
    """`all`: the texts of the members that decide."""
    status = all_of(member.status for member in members)
    text = "; ".join(member.text for member in members if member.status is status)
    progress = sum((member.progress for member in members), Fraction(0)) / max(len(members), 1)
    return TestResult(test, status, text, progress, tuple(members))


def combine_any(test: Test, members: Sequence[TestResult]) -> TestResult:
    """`any`: the first member met; else the pending ones, else all."""
    status = any_of(member.status for member in members)
    deciding = [member.text for member in members if member.status is status]
    text = deciding[0] if status is Status.MET else " or ".join(deciding)
    progress = max((member.progress for member in members), default=Fraction(0))
    return TestResult(test, status, text, progress, tuple(members))


def ratio(reached: Fraction | int, wanted: Fraction | int) -> Fraction:
    """How much of what is wanted is there, at most 1."""
    return min(Fraction(reached) / Fraction(wanted), Fraction(1)) if wanted else Fraction(1)
