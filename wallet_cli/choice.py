"""What to show, as it is typed: `--credential c1 --disclose name credits --credential c2:name,result.R1`.

Every `--disclose` belongs to the `--credential` before it. Option parsers forget the order of different options, so
these two are taken out of the command line here, before click sees the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import MalformedError

ALL = "all"
"""A field name that stands for every field that can be shown."""

_HINT = "for example: --credential c1 --disclose name credits"


@dataclass(frozen=True, slots=True)
class Choice:
    """One credential to show and the names of its fields, in the order they were typed, each once."""

    credential: str
    fields: tuple[str, ...]


def take_choices(arguments: Sequence[str]) -> tuple[tuple[Choice, ...], list[str]]:
    """Split a command line into the choices and everything else, in order.

    Accepts `--credential ID`, `--credential ID:NAME,NAME`, `--disclose NAME…` up to the next option, commas inside,
    and the spellings with `=`. What follows `--` is left alone.

    Raises:
        MalformedError: a value is missing, a `--disclose` has no credential before it, or a credential stands twice.
    """
    chosen: list[tuple[str, list[str]]] = []
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            rest += [word, *words]
            break
        option, joined, value = word.partition("=")
        if option == "--credential":
            name, _, fields = (value if joined else _take(words, option)).partition(":")
            chosen.append((name, _names([fields])))
        elif option == "--disclose":
            if not chosen:
                raise MalformedError("--disclose stands before any --credential", hint=_HINT)
            chosen[-1][1].extend(_names([value] if joined else _take_names(words)))
        else:
            rest.append(word)
    _check_once([name for name, _ in chosen])
    return tuple(Choice(name, tuple(dict.fromkeys(fields))) for name, fields in chosen), rest


def _take(words: list[str], option: str) -> str:
    if not words or words[0].startswith("--"):
        raise MalformedError(f"{option} needs the id of a credential", hint=f"{_HINT}; ids are in `cairn list`")
    return words.pop(0)


def _take_names(words: list[str]) -> list[str]:
    names: list[str] = []
    while words and not words[0].startswith("-"):
        names.append(words.pop(0))
    if not names:
        raise MalformedError("--disclose needs the name of a field", hint=f"{_HINT}; names are in `cairn show ID`")
    return names


def _names(texts: Sequence[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _check_once(names: Sequence[str]) -> None:
    for name in names:
        if not name:
            raise MalformedError("--credential needs the id of a credential", hint=f"{_HINT}; ids are in `cairn list`")
        if names.count(name) > 1:
            raise MalformedError(f"credential {name} is named twice", hint="name it once, with all its fields")
