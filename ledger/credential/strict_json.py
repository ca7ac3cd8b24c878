"""JSON of other people's credentials, read strictly.

Foreign credentials are not ledger JSON: they may hold nulls, floats, any member name and any spacing. What they may not
hold is anything two readers could understand differently: duplicate names, lone surrogates, NaN, bytes after the value,
integers no 64-bit reader can hold (RFC 8259 §4, §6; RFC 7519 §4). Size and nesting are bounded before a parser
that recurses sees the bytes.
"""

import json
import math
from collections import Counter
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

_MAX_WRITTEN_BYTES = 64 * 1024
"""Longest text whose depth is told by writing it with indents, which may take 250 times its size."""


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
    try:
        value: JSONValue = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        too_deep = "depth limit" in error.msg  # orjson's own, far beyond any of ours
        what = f"nested deeper than {max_depth} levels" if too_deep else f"not JSON: {error}"
        raise MalformedError(f"{where}: {what}") from error
    # Fewer brackets than levels allowed cannot nest too deep, whatever stands inside strings.
    if data.count(b"{") + data.count(b"[") > max_depth:
        is_too_deep = _is_written_deeper if len(data) <= _MAX_WRITTEN_BYTES else _is_deeper
        if is_too_deep(value, max_depth):
            raise MalformedError(f"{where}: nested deeper than {max_depth} levels")
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


def _is_written_deeper(value: JSONValue, max_depth: int) -> bool:
    """Whether a value is nested beyond `max_depth`, without recursion in Python.

    Written with indents, what stands inside `n` levels begins a line with `2 n` spaces, and line ends occur nowhere
    else: inside strings they are escaped. The writer stops at 254 levels by itself; the parser before does at 1,024.
    """
    try:
        return b"\n" + b"  " * (max_depth + 1) in orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:
        return True


def _is_deeper(value: JSONValue, max_depth: int) -> bool:
    """The same, one level after the other: slower, and in memory that does not grow with depth times size."""
    level = [value] if type(value) in (dict, list) else []
    for _ in range(max_depth):
        level = [
            member
            for items in level
            for member in (items.values() if type(items) is dict else items)  # type: ignore[union-attr]  # a list
            if type(member) is dict or type(member) is list
        ]
    return bool(level)


def _parse_reporting_pairs(data: bytes, where: str) -> JSONValue:
    """Parse text already known to be JSON in UTF-8 and not too deep, refusing what is ambiguous."""

    def keep_pairs(pairs: Sequence[tuple[str, JSONValue]]) -> JSONObject:
        members = dict(pairs)
        if len(members) != len(pairs):
            (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
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
