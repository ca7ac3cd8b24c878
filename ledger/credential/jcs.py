"""JSON Canonicalization Scheme (RFC 8785), all of it: any member name, every number an IEEE 754 double can hold.

`ledger.canonical` writes the same form for the small part of JSON that the ledger itself uses. This module is for JSON
of others, whose signatures cover this form (`eddsa-jcs-2022`). Numbers are printed as ECMAScript prints them; members
are sorted by the UTF-16 code units of their names. What has no single canonical form is refused, never rounded:
integers beyond 2^53 - 1, NaN, infinities, lone surrogates. Duplicate names are refused by `strict_json` on the way in.
"""

import math
from collections.abc import Mapping, Sequence

import orjson

from ledger.credential.strict_json import JSONValue
from ledger.errors import MalformedError

MAX_DEPTH = 64
"""Arrays and objects inside each other; `strict_json` lets at most 32 of a file through."""
MAX_INTEGER = 2**53 - 1

_FIXED_UNTIL = 21
"""Numbers below 10^21 are written without exponent (ECMA-262, Number::toString, step 6)."""
_SMALLEST_FIXED = -6
"""And those from 10^-6 on (step 8)."""


def canonicalize(value: JSONValue) -> bytes:
    """The one RFC 8785 form of `value`, in UTF-8.

    Raises:
        MalformedError: an integer of magnitude 2^53 or more, a number that is not finite, text with a lone surrogate,
            a value that is no JSON, or nesting beyond `MAX_DEPTH`.
    """
    try:
        if _is_plain(value, MAX_DEPTH):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return orjson.dumps(_rewrite(value))
    except TypeError as error:  # orjson.JSONEncodeError is one
        raise MalformedError(f"canonical json: {error}") from error


def format_number(number: float) -> str:
    """A double as ECMAScript prints it (RFC 8785 §3.2.2.3).

    Raises:
        MalformedError: NaN or an infinity.
    """
    if not math.isfinite(number):
        raise MalformedError(f"canonical json: {number} is no JSON number")
    if number == 0:
        return "0"  # negative zero has no sign in ECMAScript
    sign = "-" if number < 0 else ""
    # `repr` finds the same shortest digits as ECMAScript; only the way they are laid out differs.
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return sign + _lay_out(stripped.rstrip("0"), point)


def _lay_out(digits: str, point: int) -> str:
    """Write `0.digits` times 10 to the power of `point` (ECMA-262, Number::toString)."""
    count = len(digits)
    if count <= point <= _FIXED_UNTIL:
        return digits + "0" * (point - count)
    if 0 < point <= _FIXED_UNTIL:
        return f"{digits[:point]}.{digits[point:]}"
    if _SMALLEST_FIXED < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _is_plain(value: object, depth: int) -> bool:
    """Whether orjson with sorted names already writes the canonical form; refuses what has none.

    It does unless there is a fraction, or a name beyond the Basic Multilingual Plane: orjson sorts by code point, and
    surrogate pairs sort before U+E000 to U+FFFF as UTF-16 units but after them as code points.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        _check_integer(value)  # type: ignore[arg-type]  # `kind is int` does not narrow
        return True
    if kind is float:
        return False
    if not depth:
        raise MalformedError(f"canonical json: nested deeper than {MAX_DEPTH} levels")
    if kind is list or kind is tuple:
        return all([_is_plain(item, depth - 1) for item in value])  # type: ignore[attr-defined]  # as above
    if kind is dict:
        plain = all([_is_plain(item, depth - 1) for item in value.values()])  # type: ignore[attr-defined]  # as above
        return plain and all(map(_sorts_by_code_point, value))  # type: ignore[call-overload]  # as above
    raise MalformedError(f"canonical json: a {kind.__name__} is no JSON value")


def _sorts_by_code_point(name: str) -> bool:
    return name.isascii() or max(name) <= "\uffff"


def _check_integer(number: int) -> None:
    if abs(number) > MAX_INTEGER:
        raise MalformedError(
            f"canonical json: the integer {str(number)[:24]} is beyond 2^53 - 1, where doubles skip numbers",
            hint="whoever wrote it should carry it as text",
        )


def _rewrite(value: JSONValue) -> object:
    """Bring names into UTF-16 order and numbers into their ECMAScript text, for orjson to write as they stand."""
    if isinstance(value, float):
        return orjson.Fragment(format_number(value))
    if isinstance(value, Mapping):
        return {name: _rewrite(value[name]) for name in sorted(value, key=_utf16_units)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rewrite(item) for item in value]
    return value


def _utf16_units(name: str) -> bytes:
    try:
        return name.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise MalformedError("canonical json: a member name holds a lone surrogate") from error
