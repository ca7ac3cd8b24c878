"""Exact numbers: decimals are read as text, computed as fractions, and shown cut off, never rounded up.

There is no binary fraction anywhere in this package: 0.10 + 0.20 is 0.30, and a learner at the threshold is at the
threshold on every computer.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ledger.errors import MalformedError

MAX_DIGITS = 30
"""Digits before, and digits after the point, that are read."""

_is_decimal = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(?:\.[0-9]{{1,{MAX_DIGITS}}})?", re.ASCII).fullmatch
_is_whole = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Written:
    """A decimal of a definition: its exact value, and how it was written there, which reason texts repeat."""

    text: str
    value: Fraction


@lru_cache(maxsize=1 << 14)
def parse_decimal(text: str) -> Fraction:
    """The exact value of a plain decimal such as `3`, `3.00` or `-0.5`.

    Raises:
        MalformedError: anything else, exponents and blanks included.
    """
    if _is_decimal(text) is None:
        raise MalformedError(f"{text[:40]!r} is not a decimal number")
    return Fraction(text)


def parse_written(text: str) -> Written:
    """A decimal that remembers its spelling; errors as `parse_decimal`."""
    return Written(text, parse_decimal(text))


def parse_whole(text: str) -> int:
    """A whole number from zero, at most 18 digits.

    Raises:
        MalformedError: anything else.
    """
    if _is_whole(text) is None:
        raise MalformedError(f"{text[:40]!r} is not a whole number")
    return int(text)


def show(value: Fraction) -> str:
    """Two decimals, cut off downwards, so that a shown value never looks higher than it is (2.9966 is `2.99`)."""
    hundredths = value.numerator * 100 // value.denominator
    sign, hundredths = ("-", -hundredths) if hundredths < 0 else ("", hundredths)
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d}"


def show_plain(value: Fraction) -> str:
    """All decimals a sum of decimals has, and no point where there are none: `60`, `7.5`."""
    places = 0
    while 10**places % value.denominator:
        places += 1
    if not places:
        return str(value.numerator)
    digits = value.numerator * 10**places // value.denominator
    sign, digits = ("-", -digits) if digits < 0 else ("", digits)
    return f"{sign}{digits // 10**places}.{digits % 10**places:0{places}d}"
