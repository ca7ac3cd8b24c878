"""From a signed payload and some disclosures to the claims they say (RFC 9901 §7.1, steps 2 to 5).

The walk, in this order for every object and array:

1. nesting stays within the limit, over disclosures too;
2. reserved names occur only where they carry digests, `_sd_alg` only at the top;
3. nothing in a never-disclosable claim is a digest;
4. no digest occurs twice anywhere, disclosed or not;
5. a digest in `_sd` takes a disclosure with a name that is not reserved, not never-disclosable, and new at its level;
6. a digest in an array takes a disclosure without a name, and an element without a disclosure is dropped;
7. at the end every disclosure has been used, once.

A disclosure is parsed only when a signed digest led to it: text nobody signed is refused unread.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from ledger.credential.disclosure import (
    DEFAULT_HASH,
    DIGESTS,
    DIGESTS_NAME,
    ELEMENT_NAME,
    HASH_NAME,
    NEVER_DISCLOSABLE,
    RESERVED_NAMES,
    Digest,
    Path,
    format_path,
    parse_disclosure,
)
from ledger.credential.strict_json import MAX_DEPTH, JSONObject, JSONValue
from ledger.errors import MalformedError, RuleError

_MARKS = tuple(orjson.dumps(name) for name in sorted(RESERVED_NAMES))

SUBJECT_DEPTH = 2
"""Members this deep (in a badge those of `ld.credentialSubject`) are left unwalked where nothing inside is hidden: an
achievement is half of every copy, and looking at its written form costs a tenth of walking it. Nesting is bounded
before, when the payload is parsed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One disclosure that was shown, and where it belongs."""

    path: Path
    """Place in the payload; array positions count the signed array, undisclosed elements included."""
    value: JSONValue
    """What stands there after processing: digests inside it are resolved or gone."""
    text: str
    """The disclosure's base64url text."""
    parent: int | None
    """Index, among the disclosures of the same token, of the one whose value holds this one's digest."""


@dataclass(frozen=True, slots=True)
class Claims:
    """A payload with its digests resolved."""

    payload: JSONObject
    """May share unchanged parts with the signed payload; not to be changed."""
    shown: tuple[Shown, ...]
    """One for each disclosure, in the order of the token."""
    undisclosed: int
    """Digests without a disclosure; decoys count, and nobody can tell them apart."""


def find_digest(payload: JSONObject) -> Digest:
    """The hash a payload's `_sd_alg` names, SHA-256 if it names none.

    Raises:
        RuleError: the hash is not one of `disclosure.DIGESTS`.
    """
    name = payload.get(HASH_NAME, DEFAULT_HASH)
    digest = DIGESTS.get(name) if type(name) is str else None
    if digest is None:
        raise RuleError(f"sd-jwt: _sd_alg {str(name)[:40]!r} is not one of {', '.join(DIGESTS)}")
    return digest


def process_disclosures(payload: JSONObject, disclosures: Sequence[str]) -> Claims:
    """Put the disclosures where the signed digests say (the module's steps).

    Args:
        payload: of the issuer-signed JWT, parsed within `MAX_DEPTH`; it is left as it is.
        disclosures: texts in the order of the token.

    Raises:
        MalformedError: a disclosure that is signed does not parse, or a limit is exceeded.
        RuleError: any other step fails.
    """
    digest = find_digest(payload)
    by_digest = {digest(text): index for index, text in enumerate(disclosures)}
    if len(by_digest) != len(disclosures):
        raise RuleError("sd-jwt: a disclosure stands twice in the token")
    walk = _Walk(disclosures, by_digest)
    claims = walk.object(payload, (), None)
    if len(walk.shown) != len(disclosures):  # 7
        unused = next(index for index in range(len(disclosures)) if index not in walk.shown)
        raise RuleError(f"sd-jwt: disclosure {unused + 1} of {len(disclosures)} matches no digest the issuer signed")
    shown = tuple([walk.shown[index] for index in range(len(disclosures))])
    return Claims(claims, shown, len(walk.seen) - len(disclosures))


class _Walk:
    """The state of one walk. Every value is visited once; a path has at most `MAX_DEPTH` steps, so recursion too."""

    __slots__ = ("by_digest", "disclosures", "seen", "shown")

    def __init__(self, disclosures: Sequence[str], by_digest: dict[str, int]) -> None:
        self.disclosures = disclosures
        self.by_digest = by_digest
        self.seen: set[str] = set()
        self.shown: dict[int, Shown] = {}

    def object(self, value: JSONObject, path: Path, parent: int | None) -> JSONObject:
        """A copy of an object with what is shown in its place and everything else about disclosures gone."""
        if len(path) >= MAX_DEPTH:  # 1
            raise MalformedError(f"sd-jwt: {_show(path)} is nested deeper than {MAX_DEPTH} levels")
        if ELEMENT_NAME in value or (HASH_NAME in value and path):  # 2
            raise RuleError(f"sd-jwt: a reserved name stands where it carries no digest, in {_show(path)}")
        result = value.copy()
        digests = result.pop(DIGESTS_NAME, None)
        # Existing members are replaced while iterating, which keeps the size and so the iteration valid.
        for name, member in result.items():
            if type(member) is dict:
                if not path and name in NEVER_DISCLOSABLE:
                    _check_clear(name, member)  # 3
                elif len(path) != SUBJECT_DEPTH or _has_marks(member):
                    result[name] = self.object(member, (*path, name), parent)
            elif type(member) is list and (len(path) != SUBJECT_DEPTH or _has_marks(member)):
                result[name] = self.array(member, (*path, name), parent)
        if not path:
            result.pop(HASH_NAME, None)
        if DIGESTS_NAME in value:
            for index in self.take(digests, path):
                found, member = self.read(index)
                name = _check_name(found, index, result, path)  # 5
                result[name] = self.place(index, member, (*path, name), parent)
        return result

    def array(self, value: list[JSONValue], path: Path, parent: int | None) -> list[JSONValue]:
        """A copy of an array with what is shown in its place and other placeholders gone."""
        if len(path) >= MAX_DEPTH:  # 1
            raise MalformedError(f"sd-jwt: {_show(path)} is nested deeper than {MAX_DEPTH} levels")
        if path[0] in NEVER_DISCLOSABLE and len(path) == 1:
            _check_clear(str(path[0]), value)  # 3
        result: list[JSONValue] = []
        for position, element in enumerate(value):
            if type(element) is dict:
                if len(element) == 1 and ELEMENT_NAME in element:
                    index = self.take_one(element[ELEMENT_NAME], path)
                    if index is None:  # 6
                        continue
                    found, element = self.read(index)
                    if found is not None:
                        raise RuleError(f"sd-jwt: disclosure {index + 1} has a name, its digest stands in an array")
                    element = self.place(index, element, (*path, position), parent)
                else:
                    element = self.object(element, (*path, position), parent)
            elif type(element) is list:
                element = self.array(element, (*path, position), parent)
            result.append(element)
        return result

    def take(self, digests: JSONValue, path: Path) -> list[int]:
        """Note the digests of one `_sd` and give the indexes of those that were shown, in the order of the token."""
        if type(digests) is not list:
            raise MalformedError(f"sd-jwt: expected an array as _sd in {_show(path)}")
        taken = [self.take_one(digest, path) for digest in digests]
        return sorted([index for index in taken if index is not None])

    def take_one(self, digest: JSONValue, path: Path) -> int | None:
        """Note a digest and find the index of its disclosure, if that was shown."""
        if type(digest) is not str:
            raise MalformedError(f"sd-jwt: expected a text as digest in {_show(path)}")
        if digest in self.seen:  # 4
            raise RuleError(f"sd-jwt: a digest occurs twice, the second time in {_show(path)}")
        self.seen.add(digest)
        return self.by_digest.get(digest)

    def read(self, index: int) -> tuple[str | None, JSONValue]:
        try:
            return parse_disclosure(self.disclosures[index])
        except MalformedError as error:
            raise MalformedError(f"sd-jwt: disclosure {index + 1}: {error}") from error

    def place(self, index: int, value: JSONValue, path: Path, parent: int | None) -> JSONValue:
        """The processed value of a disclosure, noted as shown."""
        if type(value) is dict:
            value = self.object(value, path, index)
        elif type(value) is list:
            value = self.array(value, path, index)
        self.shown[index] = Shown(path, value, self.disclosures[index], parent)
        return value


def _has_marks(value: JSONValue) -> bool:
    """Whether a digest or a reserved name can stand anywhere inside; a text that reads like one counts too."""
    written = orjson.dumps(value)
    return any(map(written.__contains__, _MARKS))


def _check_clear(name: str, value: JSONValue) -> None:
    """Refuse digests anywhere in a claim that must stand in clear, by its text: walking it costs five times as much."""
    if _has_marks(value):
        raise RuleError(f"sd-jwt: claim {name!r} holds a digest or a reserved name, but must stand in clear")


def _check_name(name: str | None, index: int, siblings: JSONObject, path: Path) -> str:
    """The name of a disclosed member, if it may have it at this place."""
    if name is None:
        raise RuleError(f"sd-jwt: disclosure {index + 1} has no claim name, its digest stands in an object")
    if name in RESERVED_NAMES:
        raise RuleError(f"sd-jwt: disclosure {index + 1} has the reserved name {name!r}")
    if not path and name in NEVER_DISCLOSABLE:
        raise RuleError(f"sd-jwt: disclosure {index + 1} hides the claim {name!r}, which must stand in clear")
    if name in siblings:
        raise RuleError(f"sd-jwt: disclosure {index + 1} names a claim that {_show(path)} already has")
    return name


def _show(path: Path) -> str:
    return repr(format_path(path)[:200]) if path else "the payload"
