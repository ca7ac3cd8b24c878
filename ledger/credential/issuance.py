"""Making an SD-JWT VC: which claims can be hidden is the issuer's choice, named by paths (RFC 9901 §4, §5).

A path may name an object member or an array element, at any level; where one path lies below another the disclosures
nest, and showing the inner one takes the outer one too. Everything not named stands in clear. Digests are sorted, so
that their order says nothing, and decoys fill each object or array up to a fixed count, so that their number says
nothing. All randomness comes from `draw`.
"""

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from ledger import base64url
from ledger.credential.disclosure import (
    DEFAULT_HASH,
    DIGESTS,
    DIGESTS_NAME,
    ELEMENT_NAME,
    HASH_NAME,
    MAX_TOKEN_CHARS,
    NEVER_DISCLOSABLE,
    RESERVED_NAMES,
    SALT_BYTES,
    Path,
    encode_disclosure,
    format_path,
)
from ledger.credential.jose import ALGORITHM_NAMES, Sign, sign_jws
from ledger.credential.sdjwt import MAX_DISCLOSURES, SD_JWT_VC_TYPE
from ledger.credential.strict_json import MAX_DEPTH, JSONObject, JSONValue
from ledger.errors import RuleError
from ledger.log.keys import Algorithm

Draw = Callable[[int], bytes]
"""As many random bytes as asked for, unpredictable and never the same."""

_DECOY_BYTES = 32


def issue_sd_jwt(
    claims: Mapping[str, JSONValue],
    disclosable: Iterable[Path],
    *,
    sign: Sign,
    draw: Draw,
    key_id: str | None = None,
    algorithm: Algorithm = Algorithm.ED25519,
    certificates: Sequence[bytes] = (),
    decoys: Mapping[Path, int] | None = None,
) -> str:
    """A signed SD-JWT VC with all its disclosures, ending in a tilde.

    Args:
        claims: the whole payload as the holder of all disclosures will read it, `vct` included.
        disclosable: paths of the values that can be hidden; each must exist in `claims`.
        sign: signs with the issuer's key.
        draw: source of salts (16 bytes each) and decoys.
        key_id: `kid` of the header, a public name of the issuer's key.
        algorithm: of the issuer's key.
        certificates: DER of its chain for the header's `x5c`, its own certificate first (RFC 7515 §4.1.6).
        decoys: for paths of objects and arrays (`()` is the payload), how many digests shall stand there in the end;
            in arrays the missing ones follow the elements, so that positions stay what they are.

    Raises:
        RuleError: a claim has a reserved name, one that must stand in clear shall be hidden, `vct` is missing, there
            are more digests than a fixed count allows, or the result exceeds a limit of `parse_sd_jwt`.
        ValueError: a path leads nowhere.
    """
    if not isinstance(claims.get("vct"), str):
        raise RuleError("sd-jwt: expected a text as vct among the claims")
    maker = _Maker(draw)
    payload = maker.object(dict(claims), _plan(disclosable, decoys or {}), (), 1)
    if maker.has_digests:
        payload[HASH_NAME] = DEFAULT_HASH
    header: JSONObject = {"alg": ALGORITHM_NAMES[algorithm], "typ": SD_JWT_VC_TYPE}
    if key_id is not None:
        header["kid"] = key_id
    if certificates:
        header["x5c"] = [base64.b64encode(certificate).decode("ascii") for certificate in certificates]
    token = "~".join((sign_jws(header, orjson.dumps(payload), sign), *maker.disclosures, ""))
    if len(token) > MAX_TOKEN_CHARS or len(maker.disclosures) > MAX_DISCLOSURES:
        raise RuleError(
            f"sd-jwt: {len(token)} characters and {len(maker.disclosures)} disclosures, "
            f"at most {MAX_TOKEN_CHARS} and {MAX_DISCLOSURES} would be read"
        )
    return token


@dataclass(slots=True)
class _Plan:
    """What shall happen to one place of the payload and to those below it."""

    path: Path = ()
    is_disclosable: bool = False
    digest_count: int = 0
    below: dict[str | int, "_Plan"] = field(default_factory=dict)

    def at(self, path: Path) -> "_Plan":
        """The plan for a place, made on first use."""
        plan = self
        for position, step in enumerate(path):
            plan = plan.below.setdefault(step, _Plan(path[: position + 1]))
        return plan


_NOTHING = _Plan()
"""The plan of every place that is neither disclosable nor above one that is."""


def _plan(disclosable: Iterable[Path], decoys: Mapping[Path, int]) -> _Plan:
    root = _Plan()
    for path in disclosable:
        if not path:
            raise ValueError("the payload itself cannot be disclosable")
        root.at(path).is_disclosable = True
    for path, count in decoys.items():
        root.at(path).digest_count = count
    if hidden := sorted(NEVER_DISCLOSABLE & root.below.keys()):
        raise RuleError(f"sd-jwt: {', '.join(hidden)} must stand in clear, whole")
    return root


class _Maker:
    """One issuance: replaces values by digests, inner ones first, and collects the disclosures."""

    __slots__ = ("disclosures", "draw", "has_digests")

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.disclosures: list[str] = []
        self.has_digests = False

    def value(self, value: JSONValue, plan: _Plan, path: Path, depth: int) -> JSONValue:
        if isinstance(value, dict):
            return self.object(value, plan, path, depth)
        if isinstance(value, list):
            return self.array(value, plan, path, depth)
        if plan.below or plan.digest_count:
            raise ValueError(f"claims: {format_path(path)} is neither an object nor an array")
        if isinstance(value, float) and not math.isfinite(value):
            raise RuleError(f"claims: {format_path(path)} is not a finite number")
        return value

    def object(self, value: JSONObject, plan: _Plan, path: Path, depth: int) -> JSONObject:
        _check_place(plan, path, depth, value.keys())
        result: JSONObject = {}
        digests: list[str] = []
        for name, member in value.items():
            if name in RESERVED_NAMES:
                raise RuleError(f"claims: {format_path((*path, name))}: the name {name!r} is reserved")
            inner = plan.below.get(name, _NOTHING)
            done = self.value(member, inner, (*path, name), depth + 1)
            if inner.is_disclosable:
                digests.append(self.hide(name, done))
            else:
                result[name] = done
        digests += self.make_decoys(len(digests), plan, path)
        if digests:
            result[DIGESTS_NAME] = list[JSONValue](sorted(digests))
        return result

    def array(self, value: list[JSONValue], plan: _Plan, path: Path, depth: int) -> list[JSONValue]:
        _check_place(plan, path, depth, range(len(value)))
        result: list[JSONValue] = []
        hidden = 0
        for position, element in enumerate(value):
            inner = plan.below.get(position, _NOTHING)
            done = self.value(element, inner, (*path, position), depth + 1)
            if inner.is_disclosable:
                hidden += 1
                done = {ELEMENT_NAME: self.hide(None, done)}
            result.append(done)
        result += [{ELEMENT_NAME: decoy} for decoy in self.make_decoys(hidden, plan, path)]
        return result

    def hide(self, name: str | None, value: JSONValue) -> str:
        """The digest of a new disclosure."""
        text = encode_disclosure(self.draw(SALT_BYTES), name, value)
        self.disclosures.append(text)
        self.has_digests = True
        return DIGESTS[DEFAULT_HASH](text)

    def make_decoys(self, present: int, plan: _Plan, path: Path) -> list[str]:
        if not plan.digest_count:
            return []
        if present > plan.digest_count:
            raise RuleError(
                f"claims: {present} disclosable values in {format_path(path) or 'the payload'}, "
                f"more than its fixed count of {plan.digest_count}"
            )
        self.has_digests = True
        return [self.make_decoy() for _ in range(plan.digest_count - present)]

    def make_decoy(self) -> str:
        return base64url.encode(hashlib.sha256(self.draw(_DECOY_BYTES)).digest())


def _check_place(plan: _Plan, path: Path, depth: int, steps: Iterable[str | int]) -> None:
    """Refuse nesting no verifier would read, and plans for places that are not there."""
    if depth >= MAX_DEPTH:  # the array of digests needs a level of its own
        raise RuleError(f"claims: {format_path(path)[:200]}: nested deeper than {MAX_DEPTH - 1} levels")
    if plan.below and (missing := plan.below.keys() - set(steps)):
        raise ValueError(
            f"claims: {', '.join(sorted(format_path(plan.below[s].path) for s in missing))} does not exist"
        )
