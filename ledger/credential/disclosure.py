"""One disclosure of an SD-JWT: a salted name and value that the signed text holds only as a digest (RFC 9901 §4.2).

A disclosure is the base64url text of a JSON array, `[salt, name, value]` for an object member, `[salt, value]` for an
array element. Its digest covers that text exactly as received, so it is never written again in order to be hashed.
Names here are also the reserved ones, and those that must stay in clear.
"""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import orjson

from ledger import base64url
from ledger.credential.strict_json import MAX_DEPTH, JSONValue, name_type, parse_strict_json
from ledger.errors import MalformedError

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a payload: member names and array positions from the top. Positions count the elements of
the signed array, undisclosed ones included."""

Digest = Callable[[str], str]
"""From the ASCII text of a disclosure to its base64url digest."""

SALT_BYTES = 16
MAX_TOKEN_CHARS = 1 << 20
"""Longest SD-JWT, disclosures and key binding included."""

DIGESTS_NAME = "_sd"
ELEMENT_NAME = "..."
HASH_NAME = "_sd_alg"
RESERVED_NAMES = frozenset((DIGESTS_NAME, ELEMENT_NAME, HASH_NAME))
"""Names no claim may have: they carry the digests and say how to hash."""

NEVER_DISCLOSABLE = frozenset(("iss", "exp", "nbf", "cnf", "vct", "vct#integrity", "aka_vcts", "status"))
"""Top-level claims that stand in clear, whole, in every credential: what a verifier decides by (SD-JWT VC §2.2.2.2)."""

DEFAULT_HASH = "sha-256"


def _hasher(name: str) -> Digest:
    new = getattr(hashlib, name.replace("-", ""))
    encode = base64url.encode

    def digest(text: str) -> str:
        return encode(new(text.encode("ascii")).digest())

    return digest


DIGESTS: Mapping[str, Digest] = MappingProxyType({name: _hasher(name) for name in ("sha-256", "sha-384", "sha-512")})
"""The accepted `_sd_alg` values; what Cairn issues uses `DEFAULT_HASH`."""


def parse_disclosure(text: str) -> tuple[str | None, JSONValue]:
    """The name and value one disclosure holds (RFC 9901 §4.2.1, §4.2.2); the name is None for an array element.

    The value may itself hold digests. The salt is only checked to be a text: its length is the issuer's concern.

    Raises:
        MalformedError: not base64url, not JSON, not an array of two or three elements, or a salt or name that is no
            text.
    """
    # one level deeper than a payload: the disclosure's own array is not part of it
    parts = parse_strict_json(
        base64url.decode(text), max_bytes=MAX_TOKEN_CHARS, max_depth=MAX_DEPTH + 1, where="content"
    )
    if type(parts) is not list:
        raise MalformedError(f"expected a JSON array, found {name_type(parts)}")
    if not 2 <= len(parts) <= 3:
        raise MalformedError(f"expected two or three elements, found {len(parts)}")
    if type(parts[0]) is not str:
        raise MalformedError(f"expected a text as salt, found {name_type(parts[0])}")
    if len(parts) == 2:
        return None, parts[1]
    name = parts[1]
    if type(name) is not str:
        raise MalformedError(f"expected a text as claim name, found {name_type(name)}")
    return name, parts[2]


def encode_disclosure(salt: bytes, name: str | None, value: JSONValue) -> str:
    """The text of a disclosure: of a member if it has a name, of an array element if `name` is None.

    Args:
        salt: `SALT_BYTES` random bytes, used once.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt of {len(salt)} bytes, expected {SALT_BYTES}")
    parts = [base64url.encode(salt), value] if name is None else [base64url.encode(salt), name, value]
    return base64url.encode(orjson.dumps(parts))


def format_path(path: Path) -> str:
    """A path as people write it: names and positions joined by dots."""
    return ".".join(map(str, path))
