"""Key proofs: a wallet shows that it holds the key a copy shall be bound to (OpenID4VCI 1.0 §8.2.1.1, Appendix F).

1. it is a JWT of type `openid4vci-proof+jwt`; 2. it names exactly one key, as `jwk` or as a did:key in `kid`; 3. that
key signed it, with the key's own algorithm; 4. `aud` is this issuer; 5. `iat` is fresh; 6. it carries a nonce.
Whether the nonce counts is for the caller, who uses it up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.credential.jose import JWS, parse_jwk, parse_jws, verify_jws
from ledger.credential.strict_json import parse_strict_object
from ledger.credential.validity import parse_seconds
from ledger.errors import CairnError
from ledger.log.didkey import parse_did_key
from ledger.log.keys import PublicKey
from node.registrar.claiming import ClaimError, ClaimFault

PROOF_TYPE = "openid4vci-proof+jwt"
MAX_PROOFS = 4
MAX_PROOF_CHARS = 8 * 1024
MAX_AGE_MS = 300_000
MAX_AHEAD_MS = 60_000


@dataclass(frozen=True, slots=True)
class Proven:
    """The keys of one request, in its order, and the one nonce all its proofs carry."""

    keys: tuple[PublicKey, ...]
    nonce: str


def open_proofs(proofs: Sequence[str], *, audience: str, now: int) -> Proven:
    """Verify the proofs of one request.

    Args:
        proofs: 1 to `MAX_PROOFS` JWTs.
        audience: identifier of this issuer, compared exactly.
        now: Unix ms.

    Raises:
        ClaimError: one of them fails a step, two name the same key, or their nonces differ (`invalid_proof`).
    """
    if not 1 <= len(proofs) <= MAX_PROOFS:
        raise _refusal(f"{len(proofs)} given, expected 1 to {MAX_PROOFS}")
    opened = [_open_proof(proof, audience, now) for proof in proofs]
    keys = tuple(key for key, _ in opened)
    if len({key.id for key in keys}) != len(keys):
        raise _refusal("two name the same key; copies with one key can be linked")
    if len({nonce for _, nonce in opened}) != 1:
        raise _refusal("their nonces differ")
    return Proven(keys, opened[0][1])


def _open_proof(text: str, audience: str, now: int) -> tuple[PublicKey, str]:
    if len(text) > MAX_PROOF_CHARS:
        raise _refusal(f"{len(text)} characters, at most {MAX_PROOF_CHARS} are read")
    try:
        jws = parse_jws(text, where="proof")
        if jws.header.get("typ") != PROOF_TYPE:  # 1
            raise _refusal(f"typ is not {PROOF_TYPE}")
        key = _find_key(jws)  # 2
        verify_jws(jws, key, where="proof")  # 3
        claims = parse_strict_object(jws.payload, max_bytes=MAX_PROOF_CHARS, where="proof")
        issued_at = parse_seconds(claims, "iat", "proof")
    except ClaimError:
        raise
    except CairnError as error:
        raise ClaimError(ClaimFault.INVALID_PROOF, str(error)) from error
    if claims.get("aud") != audience:  # 4
        raise _refusal(f"aud is not {audience}")
    if issued_at is None or not now - MAX_AGE_MS <= issued_at <= now + MAX_AHEAD_MS:  # 5
        raise _refusal("iat is not within five minutes of now; is the clock right?")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str):  # 6
        raise ClaimError(ClaimFault.INVALID_NONCE, "proof: carries no nonce")
    return key, nonce


def _find_key(jws: JWS) -> PublicKey:
    named = [name for name in ("jwk", "kid", "x5c") if name in jws.header]
    if len(named) != 1 or named[0] == "x5c":
        raise _refusal("expected exactly one of jwk and kid")
    if named[0] == "jwk":
        return parse_jwk(jws.header["jwk"], where="proof: jwk")
    kid = jws.header["kid"]
    if not isinstance(kid, str) or not kid.startswith("did:key:"):
        raise _refusal("kid is no did:key")
    return parse_did_key(kid.partition("#")[0])


def _refusal(reason: str) -> ClaimError:
    return ClaimError(ClaimFault.INVALID_PROOF, f"proof: {reason}")
