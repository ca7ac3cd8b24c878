"""Exact numbers: what is read, and how it is shown."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.mastery import exact


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Fraction(8, 3), "2.66"),
        (Fraction(29966, 10000), "2.99"),
        (Fraction(3075, 1000), "3.07"),
        (Fraction(3), "3.00"),
        (Fraction(0), "0.00"),
        (Fraction(-1, 3), "-0.34"),
        (Fraction(199999, 1000), "199.99"),
    ],
)
def test_values_are_cut_off(value: Fraction, shown: str) -> None:
    """Two decimals, never rounded up."""
    assert exact.show(value) == shown


@given(st.fractions())
def test_a_shown_value_never_looks_higher(value: Fraction) -> None:
    """What is shown is at most the value, and less than a hundredth below it."""
    assert 0 <= value - Fraction(exact.show(value)) < Fraction(1, 100)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9999, max_value=9999))
def test_decimals_are_read_exactly(value: object) -> None:
    """A decimal is the fraction it spells, and `show_plain` spells it again."""
    read = exact.parse_decimal(f"{value}")
    assert read == Fraction(f"{value}")
    assert exact.parse_decimal(exact.show_plain(read)) == read


@pytest.mark.parametrize("text", ["", "1e3", "1.", ".5", "+1", " 1", "1 ", "1,5", "NaN", "٣", "1" * 31, "1/3", "--1"])
def test_other_spellings_are_refused(text: str) -> None:
    """One spelling of decimals, without blanks, exponents or foreign digits."""
    with pytest.raises(MalformedError, match="is not a decimal number"):
        exact.parse_decimal(text)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "1" * 19])
def test_whole_numbers(text: str) -> None:
    """Whole numbers have digits only, and not too many."""
    with pytest.raises(MalformedError, match="is not a whole number"):
        exact.parse_whole(text)


def test_sums_have_no_binary_remainder() -> None:
    """0.10 and 0.20 are 0.30."""
    assert exact.parse_decimal("0.10") + exact.parse_decimal("0.20") == exact.parse_decimal("0.30")
