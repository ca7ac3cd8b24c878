"""Fields of a copy: the names people use for what can be shown or hidden, and what must stand in clear.

`present --disclose name awarded_on result.R1` means places deep inside the Open Badges object; this is the one table
between the two. Reports use the same names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from ledger.credential.disclosure import DIGESTS_NAME, ELEMENT_NAME, Path, format_path
from ledger.credential.openbadge import IDENTITY_TYPES, Achievement, result_code
from ledger.credential.processing import Shown
from ledger.credential.selection import list_disclosable, select_disclosures
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import RuleError

SUBJECT: Path = ("ld", "credentialSubject")
STATEMENT = "statement"
"""The field with the learner's own words beside an award."""

NEVER_HIDEABLE: tuple[Path, ...] = (
    ("vct",),
    ("iss",),
    ("status",),
    ("ld", "@context"),
    ("ld", "id"),
    ("ld", "type"),
    ("ld", "issuer"),
    ("ld", "validFrom"),
    (*SUBJECT, "id"),
    (*SUBJECT, "type"),
    (*SUBJECT, "achievement"),
)
"""What every copy says in clear. `exp`, `cnf` and `ld.validUntil` stand in clear too, where a copy has them."""

_CLEAR_WHERE_PRESENT: tuple[Path, ...] = (("exp",), ("cnf",), ("ld", "validUntil"))

_BY_IDENTITY_TYPE = {identity_type: name for name, identity_type in IDENTITY_TYPES.items()}
_BY_PATH: Mapping[Path, str] = {
    ("ld", "awardedDate"): "awarded_on",
    (*SUBJECT, "creditsEarned"): "credits",
    (*SUBJECT, "narrative"): STATEMENT,
    ("replaces",): "replaces",
    ("evaluation",): "evaluation",
}

_MARKS = (f'"{DIGESTS_NAME}"'.encode(), f'"{ELEMENT_NAME}"'.encode())


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a copy can show or hide."""

    name: str
    """As `present --disclose` takes it."""
    value: str
    """In words; of foreign origin, to be escaped before a terminal sees it."""
    shown: Shown
    """The disclosure, with its place in the credential."""


def field_names(sd_jwt: str) -> dict[str, Field]:
    """The fields this token discloses, by name; of the holder's own copy, all that can be shown.

    Raises:
        MalformedError, RuleError: the token is not a well-formed SD-JWT.
    """
    return name_fields(list_disclosable(sd_jwt))


def name_fields(shown: Sequence[Shown]) -> dict[str, Field]:
    """Name the disclosures of a token that is opened already; what has no name of its own is called by its path."""
    fields: dict[str, Field] = {}
    for one in shown:
        name = _name(one)
        if name is None or name in fields:
            name = format_path(one.path)
        fields[name] = Field(name, _describe(one.value), one)
    return fields


def select_fields(sd_jwt: str, names: Iterable[str]) -> str:
    """The token with these fields and those they need, without key binding, ending in a tilde.

    Raises:
        RuleError: a name is none of the token's fields; the hint lists them.
        MalformedError: the token does not parse.
    """
    fields = field_names(sd_jwt)
    paths = []
    for name in names:
        if name not in fields:
            known = ", ".join(sorted(fields)) or "nothing; it hides nothing"
            raise RuleError(f"disclose: this credential has no field {name[:100]!r}", hint=f"it can show {known}")
        paths.append(fields[name].shown.path)
    return select_disclosures(sd_jwt, paths)


def declared_fields(achievement: Achievement) -> tuple[str, ...]:
    """All fields a copy of this achievement may have. Which of them one copy has cannot be seen from outside."""
    codes = (f"result.{description.code}" for description in achievement.results)
    return (*IDENTITY_TYPES, "awarded_on", "credits", *codes, STATEMENT, "replaces", "evaluation")


def missing_in_clear(payload: JSONObject) -> tuple[str, ...]:
    """Never-hideable fields that the signed payload, digests unresolved, does not say in clear and whole.

    A field that was hidden and then disclosed counts as missing: what may be hidden may be left out next time.
    """
    needed = [(path, _at(payload, path)) for path in NEVER_HIDEABLE]
    present = [(path, value) for path in _CLEAR_WHERE_PRESENT if (value := _at(payload, path)) is not None]
    # Mostly nothing is missing: one look at all that has to stand in clear tells.
    if _is_clear([value for _, value in (*needed, *present)]) and all(value is not None for _, value in needed):
        return ()
    hidden = [path for path, value in needed if value is None or not _is_clear(value)]
    hidden += [path for path, value in present if not _is_clear(value)]
    return tuple(format_path(path) for path in hidden)


def _name(one: Shown) -> str | None:
    if one.path in _BY_PATH:
        return _BY_PATH[one.path]
    if len(one.path) == 4 and one.path[:2] == SUBJECT and isinstance(one.value, dict):
        if one.path[2] == "identifier":
            return _BY_IDENTITY_TYPE.get(str(one.value.get("identityType")))
        description = one.value.get("resultDescription")
        if one.path[2] == "result" and isinstance(description, str):
            return f"result.{result_code(description)}"
    return None


def _describe(value: JSONValue) -> str:
    """What a disclosure says, in words."""
    if isinstance(value, dict):
        for name in ("identityHash", "value", "achievedLevel", "status"):
            text = value.get(name)
            if isinstance(text, str):
                return text
        return ", ".join(f"{name}: {_describe(member)}" for name, member in value.items())
    if isinstance(value, list):
        return ", ".join(_describe(element) for element in value)
    if isinstance(value, str):
        return value.removesuffix("T00:00:00Z")
    return "yes" if value is True else "no" if value is False else "" if value is None else str(value)


def _at(payload: JSONObject, path: Path) -> JSONValue:
    value: JSONValue = payload
    for step in path:
        if not isinstance(value, dict) or not isinstance(step, str):
            return None
        value = value.get(step)
    return value


def _is_clear(value: JSONValue) -> bool:
    """Whether no digest stands anywhere inside."""
    if not isinstance(value, dict | list):
        return True
    # Where the written form holds neither name, nothing inside does; walking costs ten times as much.
    written = orjson.dumps(value)
    return not any(mark in written for mark in _MARKS) or _has_no_digest(value)


def _has_no_digest(value: JSONValue) -> bool:
    if isinstance(value, dict):
        return DIGESTS_NAME not in value and ELEMENT_NAME not in value and all(map(_has_no_digest, value.values()))
    if isinstance(value, list):
        return all(map(_has_no_digest, value))
    return True
