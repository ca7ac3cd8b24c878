"""Keys and hand-made SD-JWTs for tests, also such as no honest issuer would sign."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ledger import base64url
from ledger.credential.disclosure import DIGESTS
from ledger.credential.jose import public_key_to_jwk, sign_jws
from ledger.credential.keybinding import sign_key_binding
from ledger.log.keys import Algorithm, PublicKey, SigningKey
from tests.shared import SHARED

NOW = 1_767_225_600_000
ISSUER = SigningKey(b"i" * 32)
HOLDER = SigningKey(b"h" * 32)
STRANGER = SigningKey(b"s" * 32)
AUDIENCE = "https://univ.example"
NONCE = "n-123"
BASE: dict[str, Any] = {
    "iss": "https://school.example",
    "vct": "https://school.example/transcript",
    "iat": NOW // 1000 - 1000,
    "exp": NOW // 1000 + 1000,
}
SHA_256 = DIGESTS["sha-256"]


class P256Key:
    """A P-256 key that signs as ES256 does."""

    def __init__(self, secret: int) -> None:
        self._private = ec.derive_private_key(secret, ec.SECP256R1())
        point = self._private.public_key().public_numbers()
        self.public = PublicKey(Algorithm.P256, bytes((2 + point.y % 2,)) + point.x.to_bytes(32, "big"))

    def sign(self, message: bytes) -> bytes:
        r, s = utils.decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def counter() -> Any:
    """A `draw` that never repeats and is the same in every run."""
    state = iter(range(1 << 30))
    return lambda length: sha256(next(state).to_bytes(8, "big")).digest()[:length]


def disclosure(*parts: Any) -> str:
    return base64url.encode(json.dumps(list(parts)).encode())


def placeholder(text: str) -> dict[str, str]:
    return {"...": SHA_256(text)}


def token(
    payload: Mapping[str, Any],
    disclosures: Sequence[str] = (),
    *,
    key: Any = ISSUER,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Signs what it is given, right or wrong; ends in a tilde."""
    head = {"alg": "EdDSA", "typ": "dc+sd-jwt"} if header is None else dict(header)
    return "~".join((sign_jws(head, json.dumps(dict(payload)).encode(), key.sign), *disclosures, ""))


def bound(**claims: Any) -> dict[str, Any]:
    """The base payload with the holder's key in `cnf`."""
    return {**BASE, "cnf": {"jwk": public_key_to_jwk(HOLDER.public)}, **claims}


def present(presented: str, **changes: Any) -> str:
    """Adds the holder's key binding, with the right values where none are given."""
    arguments: dict[str, Any] = {
        "audience": AUDIENCE,
        "nonce": NONCE,
        "now": NOW,
        "sign": HOLDER.sign,
        "digest": SHA_256,
    }
    return sign_key_binding(presented, **(arguments | changes))


def bind_claims(presented: str, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    """Adds a key binding with any claims and header at all, signed by the holder."""
    head = {"alg": "EdDSA", "typ": "kb+jwt"} if header is None else dict(header)
    return presented + sign_jws(head, json.dumps(dict(claims)).encode(), HOLDER.sign)


def _examples() -> list[str]:
    roots = [SHARED / "vectors/formats" / name for name in ("sd-jwt", "sd-jwt-vc")]
    found = sorted(path.parent for root in roots for path in root.rglob("sd_jwt_presentation.txt"))
    return [folder.relative_to(SHARED).as_posix() for folder in found]


EXAMPLES = _examples() or ["vectors/formats/sd-jwt"]
"""Folders of the published examples, below `../shared`; where that is absent, one name for `shared_path` to skip."""
