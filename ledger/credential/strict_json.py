"""JSON of other people's credentials, read strictly.

Foreign credentials are not ledger JSON: they may hold nulls, floats, any member name and any spacing. What they may not
hold is anything two readers could understand differently: duplicate names, lone surrogates, NaN, bytes after the value,
integers no 64-bit reader can hold (RFC 8259 §4, §6; RFC 7519 §4). Size and nesting are bounded before a parser
that recurses sees the bytes.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import NoReturn, TypeAlias

import orjson

from ledger.errors import MalformedError

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
"""Any JSON value, as the standard library would return it."""
JSONObject: TypeAlias = dict[str, JSONValue]
"""A JSON object; member order is that of the text."""

MAX_DEPTH = 32
"""Arrays and objects inside each other, the outermost counted as 1."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# The closing quote is optional so that an unclosed string is swallowed once: otherwise each later quote starts a scan
# of its own, and a hostile megabyte costs the square of its size.
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")


def parse_strict_json(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, where: str = "json") -> JSONValue:
    """The value that `data` says, if there is exactly one way to read it.

    Args:
        data: UTF-8 text, without byte order mark.
        max_bytes: longest text accepted.
        max_depth: deepest nesting accepted, at most 200.
        where: subject of error messages.

    Raises:
        MalformedError: too long, too deep, not JSON, or ambiguous (see the module's text).
    """
    if len(data) > max_bytes:
        raise MalformedError(f"{where}: {len(data)} bytes, at most {max_bytes} are read")
    # Fewer brackets than levels allowed cannot nest too deep, whatever stands inside strings.
    if data.count(b"{") + data.count(b"[") > max_depth:
        _check_depth(data, max_depth, where)
    try:
        value: JSONValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"{where}: not JSON: {error}") from error
    # An encoder writes no name twice, so text equal to its own encoding has none; ours always is. Any other text is
    # read again by a parser that reports every pair.
    if orjson.dumps(value) == data:
        return value
    return _parse_reporting_pairs(data, where)


def parse_strict_object(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, where: str = "json") -> JSONObject:
    """As `parse_strict_json`, for text that must be an object.

    Raises:
        MalformedError: also where the value is something else.
    """
    value = parse_strict_json(data, max_bytes=max_bytes, max_depth=max_depth, where=where)
    if type(value) is not dict:
        raise MalformedError(f"{where}: expected a JSON object, found {name_type(value)}")
    return value


def name_type(value: JSONValue) -> str:
    """What people call the type of a JSON value: `an object`, `a text`, `nothing` for a missing one."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "an array"
        case _:
            return "an object"


def _check_depth(data: bytes, max_depth: int, where: str) -> None:
    """Refuse nesting beyond `max_depth` by the brackets outside strings, without recursion.

    Text with unbalanced quotes or brackets may be counted wrongly; it is no JSON, and the parser that follows (which
    has a limit of its own) says so.
    """
    outside = _STRING.sub(b"", data) if b"\\" in data else b"".join(data.split(b'"')[::2])
    # Each round takes away what nests no further, so the number of rounds is the depth.
    brackets = outside.translate(_AS_SQUARE, _NOT_BRACKETS)
    for _ in range(max_depth):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets:
        raise MalformedError(f"{where}: nested deeper than {max_depth} levels")


def _parse_reporting_pairs(data: bytes, where: str) -> JSONValue:
    """Parse text already known to be JSON in UTF-8 and not too deep, refusing what is ambiguous."""

    def keep_pairs(pairs: Sequence[tuple[str, JSONValue]]) -> JSONObject:
        members = dict(pairs)
        if len(members) != len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add returns None on purpose
            raise MalformedError(f"{where}: member {twice[:100]!r} stands twice in one object")
        return members

    def parse_integer(text: str) -> int:
        # the length first: converting a megabyte of digits takes quadratic time
        number = int(text) if len(text) <= 20 else 1 << 64
        if not -(1 << 63) <= number < 1 << 64:
            raise MalformedError(f"{where}: an integer of {len(text)} digits, at most 64 bits are read")
        return number

    def parse_float(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise MalformedError(f"{where}: a number beyond the range of a double")
        return number

    def refuse(text: str) -> NoReturn:
        raise MalformedError(f"{where}: {text} is no JSON number")

    value: JSONValue = json.loads(
        data, object_pairs_hook=keep_pairs, parse_int=parse_integer, parse_float=parse_float, parse_constant=refuse
    )
    return value
