"""What a foreign credential says, in lines for people: its title, who it says issued it, and what it claims.

Everything is somebody else's text and is marked `external`; reports escape it. Long values are cut, not hidden: the
line ends in an ellipsis.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.credential.external.shape import subjects_of
from ledger.credential.report import ClaimClass, ShownLine
from ledger.credential.strict_json import JSONObject, JSONValue

MAX_LINES = 100
MAX_LINE_CHARS = 300
_MAX_DEPTH = 6
_SILENT = frozenset({"@context", "type", "proof", "image", "encodedList", "verifiableCredential", "criteria"})


@dataclass(frozen=True, slots=True)
class Contents:
    """Title, issuer and lines of a credential."""

    title: str
    issuer: str
    shown: tuple[ShownLine, ...]


def read_contents(document: JSONObject) -> Contents:
    """What a credential of either data model says."""
    subjects = subjects_of(document)
    achievement = _object(subjects[0].get("achievement")) if subjects else {}
    title = text_of(document.get("name")) or text_of(achievement.get("name")) or _last_type(document)
    return Contents(title, issuer_name(document.get("issuer")), lines_of(subjects))


def issuer_name(issuer: JSONValue) -> str:
    """How a credential names its issuer: a name, with its id."""
    value = _object(issuer)
    identifier = text_of(value.get("id")) or text_of(issuer)
    name = text_of(value.get("name"))
    return f"{name} ({identifier})" if name and identifier else name or identifier


def lines_of(values: Sequence[JSONValue] | JSONObject) -> tuple[ShownLine, ...]:
    """Every text and number in some objects as a line, by its path; at most `MAX_LINES`."""
    lines: list[ShownLine] = []
    items = [values] if isinstance(values, dict) else values
    for item in items:
        for label, value in _walk(item, "", _MAX_DEPTH):
            if len(lines) == MAX_LINES:
                lines.append(ShownLine("…", "more than is shown here", ClaimClass.EXTERNAL))
                return tuple(lines)
            lines.append(ShownLine(_cut(label), _cut(value), ClaimClass.EXTERNAL))
    return tuple(lines)


def text_of(value: JSONValue) -> str:
    """The text of a name: a text itself, or the first of those with a language each."""
    if type(value) is list:
        value = value[0] if value else None
    if type(value) is dict:
        value = value.get("@value")
    return _cut(value) if type(value) is str else ""


def _walk(value: JSONValue, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if type(value) is dict and depth:
        for name, member in value.items():
            if name not in _SILENT:
                yield from _walk(member, f"{path}.{name}" if path else name, depth - 1)
    elif type(value) is list and depth:
        for member in value:
            yield from _walk(member, path, depth - 1)
    elif type(value) is bool:
        yield path, "yes" if value else "no"
    elif type(value) in (str, int, float):
        yield path, str(value)


def _last_type(document: JSONObject) -> str:
    types = document.get("type")
    names = [item for item in (types if type(types) is list else [types]) if type(item) is str]
    return _cut(names[-1]) if names else ""


def _object(value: JSONValue) -> JSONObject:
    return value if type(value) is dict else {}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE_CHARS else text[: MAX_LINE_CHARS - 1] + "…"
