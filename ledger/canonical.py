"""Ledger JSON: the part of RFC 8785 canonical JSON that entries, statements, receipts and trust roots use.

Values are objects, arrays, text, booleans and integers whose magnitude is below 2**53. There are no nulls and no
fractions, member names match `[a-z][a-z0-9_]*`, and nesting is at most `MAX_DEPTH`. Under these limits orjson with
sorted keys writes exactly the RFC 8785 form: names are ASCII, so sorting by code point equals sorting by UTF-16 unit,
and no number needs ECMAScript's rules. `parse` accepts only bytes that encode to themselves, which also refuses
duplicate names, whitespace and second spellings of a string.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import orjson

from ledger import base64url
from ledger.errors import MalformedError

JSONValue: TypeAlias = "str | int | bool | Sequence[JSONValue] | Mapping[str, JSONValue]"
JSONObject: TypeAlias = dict[str, JSONValue]

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1

_REMEMBERED_BYTES = 65_535
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_is_name = re.compile(r"[a-z][a-z0-9_]*").fullmatch


def encode(value: JSONValue) -> bytes:
    """Return the canonical bytes of `value`.

    Raises:
        MalformedError: `value` holds a null, a fraction, an integer of magnitude 2**53 or more, a member name outside
            `[a-z][a-z0-9_]*`, text that is not Unicode, or nests deeper than `MAX_DEPTH`.
    """
    try:
        _check(value, MAX_DEPTH, _check_names)
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:  # orjson.JSONEncodeError is one too
        raise MalformedError(f"ledger json: {error}") from error


def parse(data: bytes, *, max_bytes: int) -> JSONObject:
    """Return the object that `data` spells canonically.

    Raises:
        MalformedError: longer than `max_bytes`, not JSON, not an object, outside ledger JSON, or not its own canonical
            form.
    """
    if len(data) > max_bytes:
        raise MalformedError(f"ledger json: {len(data)} bytes exceed the limit of {max_bytes}")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"ledger json: not json, near byte {error.pos}") from error
    if type(value) is not dict:
        raise MalformedError("ledger json: the outermost value is not an object")
    # What is remembered of a stranger's file must stay small: only objects no larger than an entry are.
    _check(value, MAX_DEPTH, _check_known_names if len(data) <= _REMEMBERED_BYTES else _check_names)
    try:
        again = orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise MalformedError(f"ledger json: {error}") from error
    if again != data:
        raise MalformedError("ledger json: not in canonical form (RFC 8785)")
    return value


def _check(value: object, depth: int, check_names: Callable[[tuple[str, ...]], None]) -> None:
    # Runs once per container of every entry that is replayed: scalars are told apart inline, without a call each.
    # Sizes of integers and stray surrogates are left to orjson, which refuses them when it encodes.
    kind = type(value)
    if kind is dict:
        check_names(tuple(value))  # type: ignore[arg-type]  # `kind is dict` does not narrow
        members = value.values()  # type: ignore[attr-defined]  # as above
    elif kind is list or kind is tuple:
        members = value
    elif isinstance(value, str | int):  # members of StrEnum and IntEnum are encoded as their values
        return
    else:
        name = "null" if value is None else "fraction" if kind is float else f"value of type {kind.__name__}"
        raise MalformedError(f"ledger json: a {name} is not allowed")
    if not depth:
        raise MalformedError(f"ledger json: nested deeper than {MAX_DEPTH}")
    for member in members:
        kind = type(member)
        if kind is not str and kind is not int and kind is not bool:
            _check(member, depth - 1, check_names)


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if _is_name(name) is None:
            raise MalformedError(f"ledger json: member name {name[:40]!r} is not [a-z][a-z0-9_]*")


# Objects come in few shapes: remembering their rows of names makes the check of an entry a third faster.
_check_known_names = lru_cache(maxsize=128)(_check_names)


class Fields:
    """The members of one JSON object, taken one by one; what is left at `finish` is refused.

    Every reader raises `MalformedError` naming `where` and the member. Ledger JSON has no null; in other JSON one
    counts as a member that nobody takes.
    """

    __slots__ = ("_left", "where")

    def __init__(self, value: object, where: str) -> None:
        """Wrap `value`, which must be an object; `where` names it in errors."""
        if not isinstance(value, dict):
            raise MalformedError(f"{where}: not an object")
        self.where = where
        self._left: dict[str, object] = dict(value)

    def has(self, name: str) -> bool:
        """Tell whether the member is there and has not been taken."""
        return self._left.get(name) is not None

    def text(self, name: str, max_length: int | None = None) -> str:
        """Take a member that is text, of at most `max_length` characters."""
        value = self._left.pop(name, None)
        if not isinstance(value, str):
            raise _wrong(self.where, name, value, "text")
        if max_length is not None and len(value) > max_length:
            raise MalformedError(f"{self.where}: {name} has {len(value)} characters, more than {max_length}")
        return value

    def integer(self, name: str, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        """Take a member that is an integer in `[minimum, maximum]`, both included."""
        value = self._left.pop(name, None)
        if type(value) is not int:
            raise _wrong(self.where, name, value, "an integer")
        if not minimum <= value <= maximum:
            raise MalformedError(f"{self.where}: {name} {value} is not within {minimum} and {maximum}")
        return value

    def flag(self, name: str) -> bool:
        """Take a member that is true or false."""
        value = self._left.pop(name, None)
        if not isinstance(value, bool):
            raise _wrong(self.where, name, value, "true or false")
        return value

    def data(self, name: str, length: int | None = None) -> bytes:
        """Take a member that is base64url of exactly `length` bytes; of any number where `length` is None."""
        value = self._left.pop(name, None)
        if not isinstance(value, str):
            raise _wrong(self.where, name, value, "base64url text")
        try:
            return base64url.decode(value, length)
        except MalformedError as error:
            raise MalformedError(f"{self.where}: {name}: {error}") from error

    def object(self, name: str) -> JSONObject:
        """Take a member that is an object."""
        value = self._left.pop(name, None)
        if not isinstance(value, dict):
            raise _wrong(self.where, name, value, "an object")
        return value

    def fields(self, name: str) -> "Fields":
        """Take a member that is an object, wrapped, with its name added to `where`."""
        return Fields(self.object(name), f"{self.where}: {name}")

    def array(self, name: str, max_items: int | None = None) -> list[JSONValue]:
        """Take a member that is an array of at most `max_items`."""
        value = self._left.pop(name, None)
        if not isinstance(value, list):
            raise _wrong(self.where, name, value, "an array")
        if max_items is not None and len(value) > max_items:
            raise MalformedError(f"{self.where}: {name} has {len(value)} items, more than {max_items}")
        return value

    def texts(self, name: str, max_items: int | None = None) -> tuple[str, ...]:
        """Take a member that is an array of text."""
        values = self.array(name, max_items)
        if not all(isinstance(value, str) for value in values):
            raise MalformedError(f"{self.where}: {name} holds something that is not text")
        return tuple(str(value) for value in values)

    def optional_text(self, name: str, max_length: int | None = None) -> str | None:
        """Take a member as `text` does, or None where it is not there."""
        return self.text(name, max_length) if self.has(name) else None

    def optional_integer(self, name: str, minimum: int = 0, maximum: int = MAX_INTEGER) -> int | None:
        """Take a member as `integer` does, or None where it is not there."""
        return self.integer(name, minimum, maximum) if self.has(name) else None

    def optional_flag(self, name: str) -> bool | None:
        """Take a member as `flag` does, or None where it is not there."""
        return self.flag(name) if self.has(name) else None

    def optional_data(self, name: str, length: int | None = None) -> bytes | None:
        """Take a member as `data` does, or None where it is not there."""
        return self.data(name, length) if self.has(name) else None

    def optional_object(self, name: str) -> JSONObject | None:
        """Take a member as `object` does, or None where it is not there."""
        return self.object(name) if self.has(name) else None

    def optional_fields(self, name: str) -> "Fields | None":
        """Take a member as `fields` does, or None where it is not there."""
        return self.fields(name) if self.has(name) else None

    def optional_array(self, name: str, max_items: int | None = None) -> list[JSONValue] | None:
        """Take a member as `array` does, or None where it is not there."""
        return self.array(name, max_items) if self.has(name) else None

    def optional_texts(self, name: str, max_items: int | None = None) -> tuple[str, ...] | None:
        """Take a member as `texts` does, or None where it is not there."""
        return self.texts(name, max_items) if self.has(name) else None

    def finish(self) -> None:
        """Refuse members that nobody took.

        Raises:
            MalformedError: naming the first of them.
        """
        if self._left:
            raise MalformedError(f"{self.where}: unknown member {min(self._left)[:40]!r}")


def _wrong(where: str, name: str, value: object, wanted: str) -> MalformedError:
    if value is None:
        return MalformedError(f"{where}: {name} is missing")
    return MalformedError(f"{where}: {name} is not {wanted}")
