"""Compact JWS (RFC 7515) and JWK (RFC 7517) as credentials use them: EdDSA over Ed25519 and ES256 over P-256.

Which algorithm counts is decided by the key the verifier already has, never by the token: a header that says `none`,
`HS256` or anything but the key's own algorithm is refused. Keys inside a header (`jwk`, `x5c`, `jku`) are never used.
Extensions marked critical are refused, because none is understood here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import orjson

from ledger import base64url
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import Algorithm, PublicKey, verify_signature

Sign = Callable[[bytes], bytes]
"""Signs a message with a key the caller keeps: 64 bytes, R || S for Ed25519, r || s for P-256."""

MAX_JWS_CHARS = 1 << 20
MAX_HEADER_BYTES = 64 * 1024
"""Room for a certificate chain in `x5c`, which is carried along and not trusted."""

ALGORITHM_NAMES: Mapping[Algorithm, str] = MappingProxyType({Algorithm.ED25519: "EdDSA", Algorithm.P256: "ES256"})
"""The one JWS algorithm for each kind of key; there is no other way to be accepted."""
_NEW_NAME = "Ed25519"
"""What RFC 9864 calls EdDSA over Ed25519: the same signatures. Read, and not written while older readers know it not."""

_SIGNATURE_BYTES = 64
_COORDINATE_BYTES = 32
_CACHED_HEADER_CHARS = 1024


@dataclass(frozen=True, slots=True)
class JWS:
    """A parsed compact JWS. Nothing about it is verified before `verify_jws`."""

    header: Mapping[str, JSONValue]
    """Protected header, read-only; there is no other header in compact form."""
    payload: bytes
    signing_input: bytes
    """ASCII of `header.payload` exactly as received: what the signature covers."""
    signature: bytes


def sign_jws(header: Mapping[str, JSONValue], payload: bytes, sign: Sign) -> str:
    """A compact JWS over `payload` (RFC 7515 §7.1).

    Args:
        header: must name in `alg` the algorithm of the key behind `sign`.
        payload: bytes to sign, usually JSON.
        sign: see `Sign`.
    """
    signing_input = f"{base64url.encode(orjson.dumps(dict(header)))}.{base64url.encode(payload)}"
    return f"{signing_input}.{base64url.encode(sign(signing_input.encode('ascii')))}"


def parse_jws(text: str, *, where: str = "jws") -> JWS:
    """Take a compact JWS apart, verifying nothing.

    Args:
        text: three base64url parts joined by dots, at most `MAX_JWS_CHARS`.
        where: subject of error messages.

    Raises:
        MalformedError: another number of parts, not base64url, or a header that is no JSON object with a text `alg`.
    """
    if len(text) > MAX_JWS_CHARS:
        raise MalformedError(f"{where}: {len(text)} characters, at most {MAX_JWS_CHARS} are read")
    parts = text.split(".")
    if len(parts) != 3:
        raise MalformedError(f"{where}: expected three parts joined by dots, found {len(parts)}")
    try:
        payload, signature = base64url.decode(parts[1]), base64url.decode(parts[2])
        header = _cached_header(parts[0]) if len(parts[0]) <= _CACHED_HEADER_CHARS else _parse_header(parts[0])
    except MalformedError as error:
        raise MalformedError(f"{where}: {error}") from error
    return JWS(header, payload, text[: len(parts[0]) + 1 + len(parts[1])].encode("ascii"), signature)


def verify_jws(jws: JWS, key: PublicKey, *, where: str = "jws") -> None:
    """Check that this key signed this JWS.

    1. the header marks no extension as critical; 2. its `alg` is the one algorithm of the key; 3. the signature over
    the received text verifies.

    Raises:
        SignatureError: a step fails; the message names it.
    """
    if "crit" in jws.header:  # 1
        raise SignatureError(f"{where}: header asks for critical extensions, none is understood")
    expected = ALGORITHM_NAMES[key.algorithm]
    if not is_name_of(jws.header["alg"], expected):  # 2
        raise SignatureError(f"{where}: algorithm {str(jws.header['alg'])[:40]!r}, the key's is {expected!r}")
    if len(jws.signature) != _SIGNATURE_BYTES:
        raise SignatureError(f"{where}: signature of {len(jws.signature)} bytes, expected {_SIGNATURE_BYTES}")
    try:
        if key.algorithm is Algorithm.ED25519:  # 3
            verify_signature(key, jws.signing_input, jws.signature)
        else:
            _verify_es256(key, jws.signing_input, jws.signature)
    except SignatureError as error:
        raise SignatureError(f"{where}: the {expected} signature does not verify under the expected key") from error


def is_name_of(name: JSONValue, algorithm: str) -> bool:
    """Whether a header or key names an algorithm of `ALGORITHM_NAMES`, by either of its names."""
    return name == algorithm or (name == _NEW_NAME and algorithm == ALGORITHM_NAMES[Algorithm.ED25519])


def public_key_to_jwk(key: PublicKey) -> JSONObject:
    """The public key as a JWK with the required members only (RFC 7518 §6.2, RFC 8037 §2)."""
    if key.algorithm is Algorithm.ED25519:
        return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(key.raw)}
    from cryptography.hazmat.primitives.asymmetric import ec  # loaded for P-256 alone: it costs a cold command 20 ms

    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw).public_numbers()
    x, y = (base64url.encode(n.to_bytes(_COORDINATE_BYTES, "big")) for n in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def parse_jwk(value: JSONValue, *, where: str = "jwk") -> PublicKey:
    """The public key a JWK holds: OKP with Ed25519, or EC with P-256.

    Members that only describe the key (`kid`, `x5c`, …) are passed over. `use`, `key_ops` and `alg` are obeyed where
    they stand.

    Raises:
        MalformedError: another type or curve, wrong lengths, a point off the curve, a key not meant for verifying
            signatures, or one with a private part: whoever sends `d` has given the key away.
    """
    if type(value) is not dict:
        raise MalformedError(f"{where}: expected a JSON object, found {name_type(value)}")
    if "d" in value:
        raise MalformedError(f"{where}: holds a private key (member 'd')", hint="this key is burnt; make a new one")
    kind = (value.get("kty"), value.get("crv"))
    if kind == ("OKP", "Ed25519"):
        key = PublicKey(Algorithm.ED25519, _coordinate(value, "x", where))
    elif kind == ("EC", "P-256"):
        x, y = _coordinate(value, "x", where), _coordinate(value, "y", where)
        key = PublicKey(Algorithm.P256, _compress(x, y, where))
    else:
        raise MalformedError(f"{where}: expected kty OKP with Ed25519 or EC with P-256, found {_show(kind)}")
    if len(value) > 4:
        _check_purpose(value, ALGORITHM_NAMES[key.algorithm], where)
    return key


def _parse_header(encoded: str) -> Mapping[str, JSONValue]:
    header = parse_strict_object(base64url.decode(encoded), max_bytes=MAX_HEADER_BYTES, where="header")
    if not isinstance(header.get("alg"), str):
        raise MalformedError(f"header: expected a text 'alg', found {name_type(header.get('alg'))}")
    key = header.get("jwk")
    if type(key) is dict and "d" in key:
        raise MalformedError("header: its jwk holds a private key (member 'd')")
    return MappingProxyType(header)


# One issuer writes the same header on every credential and all wallets the same one on every key binding. Keyed by
# the exact text, so a cached answer is the answer parsing would give.
_cached_header = lru_cache(maxsize=256)(_parse_header)


def _verify_es256(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Check an ES256 signature, r || s (RFC 7518 §3.4); raises SignatureError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    r, s = int.from_bytes(signature[:_COORDINATE_BYTES], "big"), int.from_bytes(signature[_COORDINATE_BYTES:], "big")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw)
    try:
        point.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise SignatureError("signature: not by this P-256 key") from error


def _coordinate(jwk: JSONObject, name: str, where: str) -> bytes:
    text = jwk.get(name)
    if type(text) is not str:
        raise MalformedError(f"{where}: expected a text {name!r}, found {name_type(text)}")
    try:
        return base64url.decode(text, _COORDINATE_BYTES)
    except MalformedError as error:
        raise MalformedError(f"{where}: {name!r}: {error}") from error


def _compress(x: bytes, y: bytes, where: str) -> bytes:
    """SEC1 compressed form (33 bytes) of a P-256 point, checked to be on the curve."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError as error:
        raise MalformedError(f"{where}: the point is not on curve P-256") from error
    return bytes((2 + (y[-1] & 1),)) + x


def _check_purpose(jwk: JSONObject, algorithm: str, where: str) -> None:
    if jwk.get("use", "sig") != "sig":
        raise MalformedError(f"{where}: expected use 'sig', found {_show(jwk['use'])}")
    if not is_name_of(jwk.get("alg", algorithm), algorithm):
        raise MalformedError(f"{where}: expected alg {algorithm!r}, found {_show(jwk['alg'])}")
    operations = jwk.get("key_ops", ["verify"])
    if type(operations) is not list or "verify" not in operations:
        raise MalformedError(f"{where}: key_ops do not allow to verify, found {_show(operations)}")


def _show(value: object) -> str:
    return repr(value)[:80]
