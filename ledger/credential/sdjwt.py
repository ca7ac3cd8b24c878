"""SD-JWT VC: a signed credential whose holder chooses what to show (RFC 9901, draft-ietf-oauth-sd-jwt-vc).

    <issuer-signed JWT>~<disclosure>~ … ~<disclosure>~[<key-binding JWT>]

The issuer-signed JWT never changes and is what the ledger commits to; disclosures come and go between presentations.
`verify_sd_jwt` is the whole check at once. Its parts (`parse_sd_jwt`, `verify_issuer_signature`, `open_claims`,
`open_key_binding`, `validity.check_dates`) are public because a report answers each of them separately. Trust in the
issuer's key, status and the ledger are checked elsewhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ledger.credential.disclosure import MAX_TOKEN_CHARS
from ledger.credential.jose import JWS, parse_jwk, parse_jws, verify_jws
from ledger.credential.keybinding import BindingPolicy, KeyBinding, verify_key_binding
from ledger.credential.processing import Claims, Shown, find_digest, process_disclosures
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.credential.validity import check_dates
from ledger.errors import MalformedError, RuleError
from ledger.log.keys import PublicKey

SD_JWT_VC_TYPE = "dc+sd-jwt"
SD_JWT_VC_TYPES = (SD_JWT_VC_TYPE, "vc+sd-jwt")
"""Accepted header types: the present one, and the one used until November 2024."""
MAX_DISCLOSURES = 10_000


@dataclass(frozen=True, slots=True)
class SDJWT:
    """A token taken apart. Nothing about it is verified."""

    issuer_jwt: str
    """The issuer-signed JWT exactly as received."""
    jws: JWS
    """The same, parsed."""
    payload: JSONObject
    """Its payload with digests unresolved; not to be changed."""
    disclosures: tuple[str, ...]
    """base64url texts in the order received, unread."""
    presented: str
    """Everything up to and including the last tilde: what `sd_hash` covers."""
    key_binding: str | None
    """The key-binding JWT; None if the token ends in a tilde."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSDJWT:
    """What a token proves, given the issuer key it was checked with."""

    payload: JSONObject
    """Claims in clear and disclosed, digests gone."""
    header: Mapping[str, JSONValue]
    issuer_jwt: str
    shown: tuple[Shown, ...]
    """The disclosures, in the order of the token, with their places."""
    undisclosed: int
    """Digests without a disclosure, decoys included."""
    key_binding: KeyBinding | None
    """None where the policy did not ask for it, whatever the token holds."""


def parse_sd_jwt(text: str, *, types: Collection[str] | None = SD_JWT_VC_TYPES) -> SDJWT:
    """Take a compact SD-JWT or SD-JWT+KB apart within limits, verifying nothing.

    With `types` the token must be an SD-JWT VC: a header type among them and a `vct`.

    Args:
        text: at most 1 MiB and 10,000 disclosures.
        types: accepted header types; None accepts any RFC 9901 token.

    Raises:
        MalformedError: not of that form, beyond a limit, or of another type.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise MalformedError(f"sd-jwt: {len(text)} characters, at most {MAX_TOKEN_CHARS} are read")
    if not text.isascii():
        raise MalformedError("sd-jwt: holds characters beyond ASCII")
    issuer_jwt, *disclosures = text.split("~", MAX_DISCLOSURES + 2)
    if len(disclosures) - 1 > MAX_DISCLOSURES:
        raise MalformedError(f"sd-jwt: {text.count('~') - 1} disclosures, at most {MAX_DISCLOSURES} are read")
    if not disclosures:
        raise MalformedError("sd-jwt: expected tildes after the issuer-signed JWT, found none")
    last = disclosures.pop()
    if last and last.count(".") != 2:
        raise MalformedError("sd-jwt: ends neither in a tilde nor in a key-binding JWT: cut short?")
    if not all(disclosures):
        raise MalformedError("sd-jwt: two tildes with nothing between them")
    jws = parse_jws(issuer_jwt, where="sd-jwt")
    payload = parse_strict_object(jws.payload, max_bytes=MAX_TOKEN_CHARS, where="sd-jwt payload")
    if types is not None:
        _check_type(jws.header, payload, types)
    return SDJWT(issuer_jwt, jws, payload, tuple(disclosures), text[: len(text) - len(last)], last or None)


def verify_issuer_signature(token: SDJWT, issuer_key: PublicKey) -> None:
    """Check that this key signed the credential.

    Raises:
        SignatureError: another algorithm than the key's, a critical header, or a signature that does not verify.
    """
    verify_jws(token.jws, issuer_key, where="sd-jwt")


def open_claims(token: SDJWT) -> Claims:
    """Resolve the digests and return the claims; the issuer's signature is the caller's to check.

    Raises:
        MalformedError: a signed disclosure does not parse, or a limit is exceeded.
        RuleError: a disclosure is not signed, stands twice, collides or hides what must stand in clear.
    """
    return process_disclosures(token.payload, token.disclosures)


def open_key_binding(token: SDJWT, policy: BindingPolicy, now: int) -> KeyBinding:
    """Verify the key binding and return what the holder signed; see `keybinding.verify_key_binding`.

    Raises:
        MalformedError, SignatureError: as there.
        RuleError: as there, or the token has no key binding.
    """
    if token.key_binding is None:
        raise RuleError("key binding: required, but the token has none")
    return verify_key_binding(
        token.key_binding,
        presented=token.presented,
        payload=token.payload,
        digest=find_digest(token.payload),
        policy=policy,
        now=now,
    )


def verify_sd_jwt(
    text: str,
    issuer_key: PublicKey | JSONObject,
    *,
    now: int,
    binding: BindingPolicy | None = None,
    types: Collection[str] | None = SD_JWT_VC_TYPES,
) -> VerifiedSDJWT:
    """Check a whole SD-JWT VC (RFC 9901 §7.1, §7.3).

    1. it parses, within limits; 2. the issuer key signed it; 3. every disclosure is signed and in its place; 4. the key
    binding holds, if the policy asks for it; 5. it is neither too early nor expired, and meant for the policy's
    audience if it names one.

    Args:
        text: compact SD-JWT or SD-JWT+KB.
        issuer_key: the key the verifier trusts, or its JWK; keys inside the token are not used.
        now: Unix ms.
        binding: what the key binding must say; None does not look at it.
        types: see `parse_sd_jwt`.

    Raises:
        MalformedError: it, or the JWK, does not parse or exceeds a limit.
        SignatureError: the issuer's or the holder's signature does not verify.
        RuleError: any other step fails.
    """
    key = issuer_key if isinstance(issuer_key, PublicKey) else parse_jwk(issuer_key, where="issuer key")
    token = parse_sd_jwt(text, types=types)  # 1
    verify_issuer_signature(token, key)  # 2
    claims = open_claims(token)  # 3
    key_binding = None if binding is None else open_key_binding(token, binding, now)  # 4
    check_dates(claims.payload, now, where="sd-jwt")  # 5
    if binding is not None and binding.audience is not None:
        _check_audience(claims.payload, binding.audience)
    return VerifiedSDJWT(
        payload=claims.payload,
        header=token.jws.header,
        issuer_jwt=token.issuer_jwt,
        shown=claims.shown,
        undisclosed=claims.undisclosed,
        key_binding=key_binding,
    )


def verify_issued_sd_jwt(
    text: str, issuer_key: PublicKey | JSONObject, *, now: int, types: Collection[str] | None = SD_JWT_VC_TYPES
) -> VerifiedSDJWT:
    """Check a credential as its holder receives it: as `verify_sd_jwt`, and without a key binding (RFC 9901 §7.2).

    Raises:
        RuleError: also if it has a key-binding JWT: only the holder can make one, so the token has been shown before
            or the issuer keeps the holder's key.
        MalformedError, SignatureError: as `verify_sd_jwt`.
    """
    if not text.endswith("~"):
        parse_sd_jwt(text, types=types)
        raise RuleError("sd-jwt: an issuer sent it with a key binding, which only the holder can make")
    return verify_sd_jwt(text, issuer_key, now=now, types=types)


def _check_type(header: Mapping[str, JSONValue], payload: JSONObject, types: Collection[str]) -> None:
    if header.get("typ") not in types:
        raise MalformedError(f"sd-jwt: expected type {' or '.join(types)}, found {str(header.get('typ'))[:40]!r}")
    vct = payload.get("vct")
    if type(vct) is not str or not vct:
        raise MalformedError(f"sd-jwt: expected a text as vct, found {name_type(vct)}")


def _check_audience(payload: JSONObject, audience: str) -> None:
    """A credential that names its own audience counts for nobody else (RFC 7519 §4.1.3)."""
    named = payload.get("aud")
    if named is None:
        return
    if audience not in (named if type(named) is list else [named]):
        raise RuleError(f"sd-jwt: issued for audience {str(named)[:100]!r}, expected {audience!r}")
