"""Three-valued logic, as whole tables."""

from fractions import Fraction
from itertools import product

import pytest

from ledger.mastery.requirements import AllTest, AnyTest, SignOffTest
from ledger.mastery.verdict import Status, TestResult, all_of, any_of, combine_all, combine_any, ratio

MET, PENDING, UNMET = Status.MET, Status.PENDING, Status.UNMET
ALL = {
    (MET, MET): MET, (MET, PENDING): PENDING, (MET, UNMET): UNMET,
    (PENDING, MET): PENDING, (PENDING, PENDING): PENDING, (PENDING, UNMET): UNMET,
    (UNMET, MET): UNMET, (UNMET, PENDING): UNMET, (UNMET, UNMET): UNMET,
}  # fmt: skip
ANY = {
    (MET, MET): MET, (MET, PENDING): MET, (MET, UNMET): MET,
    (PENDING, MET): MET, (PENDING, PENDING): PENDING, (PENDING, UNMET): PENDING,
    (UNMET, MET): MET, (UNMET, PENDING): PENDING, (UNMET, UNMET): UNMET,
}  # fmt: skip
LEAF = SignOffTest("PLAN", ("lead",))


def member(status: Status, text: str) -> TestResult:
    return TestResult(LEAF, status, text, Fraction(status is MET))


@pytest.mark.parametrize(("pair", "expected"), ALL.items(), ids=str)
def test_all(pair: tuple[Status, Status], expected: Status) -> None:
    """UNMET dominates, then PENDING."""
    assert all_of(pair) is expected


@pytest.mark.parametrize(("pair", "expected"), ANY.items(), ids=str)
def test_any(pair: tuple[Status, Status], expected: Status) -> None:
    """MET dominates, then PENDING."""
    assert any_of(pair) is expected


@pytest.mark.parametrize("statuses", list(product(Status, repeat=3)))
def test_three_members_are_two_and_one(statuses: tuple[Status, ...]) -> None:
    """Both are associative and do not look at order."""
    first, second, third = statuses
    for combine in (all_of, any_of):
        assert combine(statuses) is combine([combine([first, second]), third]) is combine([third, second, first])


def test_texts_are_those_of_the_deciding_members() -> None:
    """`all` joins what decides; `any` takes the first that is met, or joins with or."""
    members = [member(MET, "a"), member(UNMET, "b"), member(PENDING, "c"), member(UNMET, "d")]
    assert combine_all(AllTest(()), members).text == "b; d"
    assert combine_all(AllTest(()), members[::2]).text == "c"
    assert combine_any(AnyTest(()), members).text == "a"
    assert combine_any(AnyTest(()), [*members[1:], member(PENDING, "e")]).text == "c or e"
    assert combine_any(AnyTest(()), [members[1], members[3]]).text == "b or d"


def test_progress_is_at_most_whole() -> None:
    """More than is asked for is no more than enough; nothing asked for is enough."""
    assert [ratio(3, 2), ratio(1, 4), ratio(0, 0)] == [Fraction(1), Fraction(1, 4), Fraction(1)]
