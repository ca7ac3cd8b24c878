"""JSON definitions read strictly: no float, no duplicate name, no unknown member, and a line and column for each fault.

The text is parsed by the standard library; where a value stands is looked up only when something about it is wrong.
Readers report to a `ProblemCollector` and return a harmless value, so that one run finds every fault. A member that is
null counts as not there. Numbers with a point keep their spelling (`Decimal`), they never become binary fractions.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NoReturn, TypeVar

from ledger.errors import MalformedError
from ledger.mastery import days, exact
from ledger.mastery.problems import ProblemCollector
from ledger.mastery.table import decode_text

MAX_DEPTH = 24
"""Arrays and objects inside each other that are read."""
MAX_TEXT_CHARACTERS = 100_000

Path = tuple[str | int, ...]
Read = TypeVar("Read")

_SCANNER = json.JSONDecoder()
_BLANK = " \t\r\n"
_DOCUMENTARY = ("title", "description", "note", "label", "comment")
"""Members any definition may carry: they are for people and change nothing."""


class Node:
    """One object of a document, whose members are taken one by one; `finish` reports those nobody took."""

    __slots__ = ("_file", "_path", "_problems", "_taken", "_text", "value")

    def __init__(self, file: str, text: str, path: Path, value: dict[str, object], problems: ProblemCollector) -> None:
        """Wrap an object that stands at `path` in `text`."""
        self.value = value
        self._file, self._text, self._path, self._problems = file, text, path, problems
        self._taken = set[str]()

    def has(self, name: str) -> bool:
        """Whether the member is there and not null."""
        return self.value.get(name) is not None

    def complain(self, reason: str, *name: str | int) -> None:
        """Report a problem with this object, or with what stands at `name` inside it."""
        self._problems.add(self._file, *locate(self._text, self._path + name), ": ".join([*_words(name), reason]))

    def remark(self, reason: str, *name: str | int) -> None:
        """Report something that can be evaluated but is probably a mistake."""
        self._problems.remark(self._file, *locate(self._text, self._path + name), reason)

    def text(self, name: str) -> str:
        """A member that is text and says something."""
        value = self._take(name)
        if isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARACTERS:
            return value
        self._wrong(name, value, "a text that says something")
        return ""

    def optional_text(self, name: str) -> str:
        """As `text`; empty where it is not there."""
        return self.text(name) if self.has(name) else self._skip(name, "")

    def label(self, name: str, default: str = "") -> str:
        """Text, or a whole number as text: versions are written either way."""
        value = self.value.get(name)
        if type(value) is int:
            self._taken.add(name)
            return str(value)
        return self.text(name) if self.has(name) else self._skip(name, default)

    def whole(self, name: str, minimum: int = 0, default: int | None = None) -> int:
        """A whole number from `minimum` on; required unless there is a default."""
        if default is not None and not self.has(name):
            return self._skip(name, default)
        value = self._take(name)
        if type(value) is int and value >= minimum:
            return value
        self._wrong(name, value, f"a whole number from {minimum}")
        return minimum

    def optional_whole(self, name: str, minimum: int = 0) -> int | None:
        """As `whole`; None where it is not there."""
        return self.whole(name, minimum) if self.has(name) else self._skip(name, None)

    def decimal(self, name: str) -> exact.Written:
        """A decimal as text, or as a JSON number, which keeps its spelling; required."""
        value = self._take(name)
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            try:
                return exact.parse_written(str(value))
            except MalformedError:
                pass
        self._wrong(name, value, "a decimal")
        return exact.parse_written("0")

    def optional_decimal(self, name: str) -> exact.Written | None:
        """As `decimal`; None where it is not there."""
        return self.decimal(name) if self.has(name) else self._skip(name, None)

    def amount(self, name: str) -> exact.Written:
        """A decimal that is not below zero; required."""
        found = self.decimal(name)
        if found.value < 0:
            self.complain(f"{found.text} is below zero", name)
        return found

    def optional_amount(self, name: str) -> exact.Written | None:
        """As `amount`; None where it is not there."""
        return self.amount(name) if self.has(name) else self._skip(name, None)

    def flag(self, name: str, default: bool) -> bool:
        """True or false; `default` where it is not there."""
        if not self.has(name):
            return self._skip(name, default)
        value = self._take(name)
        if not isinstance(value, bool):
            self._wrong(name, value, "true or false")
            return default
        return value

    def day(self, name: str) -> date:
        """A day; required."""
        value = self._take(name)
        try:
            return days.parse_day(value if isinstance(value, str) else "")
        except MalformedError as error:
            if isinstance(value, str):
                self.complain(str(error), name)
            else:
                self._wrong(name, value, "a date (YYYY-MM-DD)")
        return date.min

    def optional_day(self, name: str) -> date | None:
        """As `day`; None where it is not there."""
        return self.day(name) if self.has(name) else self._skip(name, None)

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of a few words; the first of them where it is something else, which is reported."""
        value = self._take(name)
        if isinstance(value, str) and value in allowed:
            return value
        self._wrong(name, value, f"one of {', '.join(allowed)}")
        return allowed[0]

    def texts(self, name: str, *, minimum: int = 0) -> tuple[str, ...]:
        """An array of texts, each once; absent means empty, which is reported where `minimum` asks for more."""
        values = self._list(name, minimum)
        found: list[str] = []
        for position, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self.complain("is not a text that says something", name, position)
            elif value in found:
                self.complain(f"{value[:40]!r} stands twice", name, position)
            else:
                found.append(value)
        return tuple(found)

    def mapping(self, name: str, read: Callable[[str], Read]) -> dict[str, Read]:
        """An object whose members are texts, each turned into a value by `read`, which raises MalformedError."""
        value = self._take(name)
        found: dict[str, Read] = {}
        if not isinstance(value, dict):
            self._wrong(name, value, "an object")
            return found
        for key, member in value.items():
            try:
                found[key] = read(str(member) if isinstance(member, str | int | Decimal) else "")
            except MalformedError as error:
                self.complain(str(error), name, key)
        return found

    def node(self, name: str) -> "Node | None":
        """A member that is an object; None where it is something else, which is reported."""
        value = self._take(name)
        if isinstance(value, dict):
            return Node(self._file, self._text, (*self._path, name), value, self._problems)
        self._wrong(name, value, "an object")
        return None

    def optional_node(self, name: str) -> "Node | None":
        """As `node`; None where it is not there."""
        return self.node(name) if self.has(name) else self._skip(name, None)

    def nodes(self, name: str, *, minimum: int = 0) -> Iterator["Node"]:
        """The objects of an array; whatever else stands there is reported."""
        for position, value in enumerate(self._list(name, minimum)):
            if isinstance(value, dict):
                yield Node(self._file, self._text, (*self._path, name, position), value, self._problems)
            else:
                self.complain("is not an object", name, position)

    def finish(self, *ignored: str) -> None:
        """Report members that nobody took: a misspelt name would otherwise quietly loosen a rule."""
        for name in self.value:
            if name not in self._taken and name not in ignored and name not in _DOCUMENTARY:
                self.complain(f"unknown member {name[:40]!r}", name)

    def _list(self, name: str, minimum: int) -> list[object]:
        if not self.has(name) and not minimum:
            return self._skip(name, [])
        value = self._take(name)
        if not isinstance(value, list) or len(value) < minimum:
            self._wrong(name, value, f"an array of at least {minimum}" if minimum else "an array")
            return []
        return value

    def _take(self, name: str) -> object:
        self._taken.add(name)
        return self.value.get(name)

    def _skip(self, name: str, default: Read) -> Read:
        self._taken.add(name)
        return default

    def _wrong(self, name: str, value: object, wanted: str) -> None:
        if value is None:
            self.complain(f"{name} is missing")
        else:
            self.complain(f"is not {wanted}", name)


def parse_document(file: str, data: bytes, problems: ProblemCollector) -> Node | None:
    """The object a JSON file holds; None, with the problem reported, where it holds none."""
    text = decode_text(file, data, problems)
    if text is None:
        return None
    doubled: list[str] = []

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            names = [name for name, _ in pairs]
            doubled.append(next(name for name in names if names.count(name) > 1))
        return members

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number")

    try:
        value = json.loads(text, object_pairs_hook=keep, parse_float=Decimal, parse_constant=refuse)
    except json.JSONDecodeError as error:
        problems.add(file, error.lineno, error.colno, f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}")
        return None
    except (ValueError, RecursionError):
        problems.add(file, 1, 1, "not JSON that can be read: nested too deeply, or a number of a kind that is not read")
        return None
    for name in doubled:
        problems.add(file, *_second(text, name), f"member {name[:40]!r} stands twice in one object")
    if _depth(value) > MAX_DEPTH:
        problems.add(file, 1, 1, f"nested deeper than {MAX_DEPTH} levels")
        return None
    if not isinstance(value, dict):
        problems.add(file, 1, 1, "not a JSON object")
        return None
    return Node(file, text, (), value, problems)


def locate(text: str, path: Path) -> tuple[int, int]:
    """Line and column, from 1, of what stands at `path`; of the innermost object that is there, where it is not."""
    at = _skip_blank(text, 0)
    for step in path:
        inner = _find(text, at, step)
        if inner is None:
            break
        at = inner
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _find(text: str, at: int, step: str | int) -> int | None:
    """Where the member or element `step` of the object or array at `at` starts."""
    position, end = 0, "}" if text[at] == "{" else "]"
    at = _skip_blank(text, at + 1)
    while text[at] != end:
        name: str | int = position
        if end == "}":
            name, at = _SCANNER.raw_decode(text, at)
            at = _skip_blank(text, _skip_blank(text, at) + 1)
        if name == step:
            return at
        _, at = _SCANNER.raw_decode(text, at)
        at = _skip_blank(text, at)
        at = _skip_blank(text, at + 1) if text[at] == "," else at
        position += 1
    return None


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _second(text: str, name: str) -> tuple[int, int]:
    """About where a doubled member stands: the second place its name does."""
    quoted = json.dumps(name, ensure_ascii=False)
    at = max(text.find(quoted, text.find(quoted) + 1), 0)
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _depth(value: object) -> int:
    """Arrays and objects inside each other, walked level by level, without recursion."""
    level, depth = [value], 0
    while True:
        level = [
            member
            for one in level
            if isinstance(one, dict | list)
            for member in (one.values() if isinstance(one, dict) else one)
        ] or ([None] if any(isinstance(one, dict | list) for one in level) else [])
        if not level:
            return depth
        depth += 1


def _words(path: Path) -> list[str]:
    """How a path inside an object reads in a message: `sources[2]`."""
    words = ""
    for step in path:
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else step
    return [words] if words else []
