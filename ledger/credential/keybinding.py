"""Key binding: the holder signs for whom, when and with which disclosures a credential is shown (RFC 9901 §4.3, §7.3).

The key-binding JWT stands at the end of the token. It is signed by the key the issuer wrote into `cnf.jwk` and by no
other, and covers the token before it through `sd_hash`, so that no disclosure can be added, removed or reordered.
Whether key binding is required is the verifier's policy, never the token's choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from ledger.credential.disclosure import Digest
from ledger.credential.jose import ALGORITHM_NAMES, Sign, parse_jwk, parse_jws, sign_jws, verify_jws
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.credential.validity import check_dates, format_instant, parse_seconds
from ledger.errors import MalformedError, RuleError
from ledger.log.keys import Algorithm, PublicKey

KEY_BINDING_TYPE = "kb+jwt"
MAX_KEY_BINDING_BYTES = 64 * 1024
DEFAULT_MAX_AGE_MS = 300_000
MAX_AHEAD_MS = 60_000
"""How far the holder's clock may run ahead of the verifier's."""

_OWN_CLAIMS = frozenset(("iat", "aud", "nonce", "sd_hash"))


@dataclass(frozen=True, slots=True)
class BindingPolicy:
    """What a verifier demands of a key binding."""

    audience: str | None
    """The verifier's own name, compared exactly; None accepts any and leaves the answer to the caller."""
    nonce: str | None
    """The value the verifier gave out for this presentation; None accepts any."""
    max_age_ms: int = DEFAULT_MAX_AGE_MS
    """How long ago the binding may have been signed."""


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A verified key binding."""

    key: PublicKey
    """The holder key, from `cnf.jwk`."""
    audience: str
    nonce: str
    issued_at: int
    """When the holder says it was signed, Unix ms."""
    claims: Mapping[str, JSONValue] = field(default_factory=dict)
    """Whatever else the holder signed, beyond `aud`, `nonce`, `iat` and `sd_hash`."""


def sign_key_binding(
    presented: str,
    *,
    audience: str,
    nonce: str,
    now: int,
    sign: Sign,
    digest: Digest,
    algorithm: Algorithm = Algorithm.ED25519,
    claims: Mapping[str, JSONValue] | None = None,
) -> str:
    """The whole SD-JWT+KB: `presented`, followed by a fresh key-binding JWT over it.

    Args:
        presented: issuer-signed JWT and chosen disclosures, ending in a tilde.
        audience: for whom it is shown.
        nonce: from the verifier, or random.
        now: Unix ms; the JWT holds whole seconds.
        sign: signs with the private key of `cnf.jwk`.
        digest: the token's hash, `processing.find_digest(payload)`.
        algorithm: of the holder key.
        claims: further claims to sign; none of the four own names.
    """
    if not presented.endswith("~"):
        raise ValueError("key binding covers a token that ends in a tilde")
    if claims and _OWN_CLAIMS & claims.keys():
        raise ValueError(f"key binding sets {sorted(_OWN_CLAIMS & claims.keys())} itself")
    payload = {
        **(claims or {}),
        "aud": audience,
        "iat": now // 1000,
        "nonce": nonce,
        "sd_hash": digest(presented),
    }
    header: JSONObject = {"alg": ALGORITHM_NAMES[algorithm], "typ": KEY_BINDING_TYPE}
    return presented + sign_jws(header, orjson.dumps(payload), sign)


def parse_holder_key(payload: Mapping[str, JSONValue]) -> PublicKey:
    """The holder key an issuer-signed payload names in `cnf.jwk`.

    Raises:
        MalformedError: `cnf` is no object, or its `jwk` is unreadable.
        RuleError: there is no `cnf`, or it confirms by other means than a `jwk`.
    """
    confirmation = payload.get("cnf")
    if confirmation is None:
        raise RuleError("key binding: the credential names no holder key (no cnf)")
    if type(confirmation) is not dict:
        raise MalformedError(f"key binding: expected an object as cnf, found {name_type(confirmation)}")
    if "jwk" not in confirmation:
        raise RuleError(f"key binding: expected cnf with a jwk, found {_show(sorted(confirmation))}")
    return parse_jwk(confirmation["jwk"], where="cnf.jwk")


def verify_key_binding(
    key_binding: str,
    *,
    presented: str,
    payload: Mapping[str, JSONValue],
    digest: Digest,
    policy: BindingPolicy,
    now: int,
) -> KeyBinding:
    """Check that the holder showed exactly this token, to whom the policy says, recently (RFC 9901 §7.3 step 5).

    1. the payload names a holder key; 2. the JWT parses and has type `kb+jwt`; 3. it is signed by that key; 4. it has
    `aud`, `nonce`, `iat` and `sd_hash` of the right types; 5. `aud` and 6. `nonce` are those expected; 7. `iat`
    lies in the window, and `nbf` and `exp` hold if it has them; 8. `sd_hash` is the hash of `presented`.

    Args:
        key_binding: the compact JWT at the end of the token.
        presented: everything before it, last tilde included.
        payload: of the issuer-signed JWT, whose signature the caller has verified.
        digest: the token's hash, `processing.find_digest(payload)`.
        policy: what is expected.
        now: Unix ms.

    Raises:
        MalformedError: it does not parse.
        SignatureError: it is not signed by the holder key.
        RuleError: any other step fails; the message says what was expected and found.
    """
    key = parse_holder_key(payload)  # 1
    jws = parse_jws(key_binding, where="key binding")  # 2
    if jws.header.get("typ") != KEY_BINDING_TYPE:
        raise RuleError(f"key binding: expected type {KEY_BINDING_TYPE!r}, found {_show(jws.header.get('typ'))}")
    verify_jws(jws, key, where="key binding")  # 3
    claims = parse_strict_object(jws.payload, max_bytes=MAX_KEY_BINDING_BYTES, where="key binding")  # 4
    audience, nonce, covered = _text(claims, "aud"), _text(claims, "nonce"), _text(claims, "sd_hash")
    issued_at = parse_seconds(claims, "iat", "key binding")
    if issued_at is None:
        raise MalformedError("key binding: expected seconds since 1970 in 'iat', found nothing")
    if policy.audience is not None and audience != policy.audience:  # 5
        raise RuleError(f"key binding: made for {_show(audience)}, expected {_show(policy.audience)}")
    if policy.nonce is not None and nonce != policy.nonce:  # 6
        raise RuleError(f"key binding: made with nonce {_show(nonce)}, expected {_show(policy.nonce)}")
    _check_window(issued_at, policy, now)  # 7
    check_dates(claims, now, where="key binding")
    if covered != digest(presented):  # 8
        raise RuleError("key binding: made for other disclosures: sd_hash is not the hash of what is shown")
    rest = {name: value for name, value in claims.items() if name not in _OWN_CLAIMS}
    return KeyBinding(key, audience, nonce, issued_at, rest)


def _text(claims: JSONObject, name: str) -> str:
    value = claims.get(name)
    if type(value) is not str:
        raise MalformedError(f"key binding: expected one text as {name!r}, found {name_type(value)}")
    return value


def _check_window(issued_at: int, policy: BindingPolicy, now: int) -> None:
    if issued_at > now + MAX_AHEAD_MS:
        raise RuleError(
            f"key binding: signed in the future, at {format_instant(issued_at)}, now is {format_instant(now)}"
        )
    if issued_at < now - policy.max_age_ms:
        raise RuleError(
            f"key binding: signed at {format_instant(issued_at)}, expected at most "
            f"{policy.max_age_ms // 1000} seconds before {format_instant(now)}"
        )


def _show(value: object) -> str:
    return repr(value)[:100]
