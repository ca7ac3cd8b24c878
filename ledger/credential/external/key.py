"""Keys of other software: RSA (RS256) beside Ed25519 and P-256, from JWK or PEM, and JWS signatures under them.

As in `jose`, the algorithm follows from the key, never from the token: a header that says `none`, `HS256` or anything
else is refused, and a key inside a header is never used for itself.
"""

import hashlib
from dataclasses import dataclass

from ledger import base64url
from ledger.credential.jose import ALGORITHM_NAMES, JWS, parse_jwk, public_key_to_jwk, verify_jws
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import MalformedError, SignatureError
from ledger.log.keys import Algorithm, PublicKey

RS256 = "RS256"
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
_MAX_PEM_CHARS = 16_384


@dataclass(frozen=True, slots=True)
class RSAKey:
    """An RSA public key: modulus and exponent."""

    modulus: int
    exponent: int


ForeignKey = PublicKey | RSAKey


def parse_foreign_jwk(value: JSONValue, *, where: str = "jwk") -> ForeignKey:
    """The public key of a JWK: Ed25519, P-256 or RSA.

    Raises:
        MalformedError: of another kind, a private key, not meant for signatures, or RSA outside of 2,048 to 8,192 bits.
    """
    if type(value) is not dict or value.get("kty") != "RSA":
        return parse_jwk(value, where=where)
    if {"d", "p", "q", "dp", "dq", "qi"} & value.keys():
        raise MalformedError(f"{where}: holds a private key", hint="this key is burnt; its owner should make a new one")
    if value.get("use", "sig") != "sig" or value.get("alg", RS256) != RS256:
        raise MalformedError(
            f"{where}: expected use 'sig' and alg {RS256!r}, found {value.get('use')!r} and {value.get('alg')!r}"
        )
    return _check_rsa(RSAKey(_number(value, "n", where), _number(value, "e", where)), where)


def parse_pem(text: str, *, where: str = "key") -> ForeignKey:
    """The public key of a PEM text (`BEGIN PUBLIC KEY`), as Open Badges 2.0 publishes them.

    Raises:
        MalformedError: no such text, or a key of another kind.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if len(text) > _MAX_PEM_CHARS:
        raise MalformedError(f"{where}: a PEM text of {len(text)} characters, at most {_MAX_PEM_CHARS} are read")
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"{where}: no PEM text of a public key") from error
    return import_key(key, where=where)


def import_key(key: object, *, where: str = "key") -> ForeignKey:
    """A key as the library `cryptography` has it.

    Raises:
        MalformedError: neither Ed25519, P-256 nor RSA.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return _check_rsa(RSAKey(numbers.n, numbers.e), where)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(Algorithm.ED25519, key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey(Algorithm.P256, key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
    raise MalformedError(f"{where}: of a kind not understood here; Ed25519, P-256 and RSA are")


def thumbprint(key: ForeignKey) -> str:
    """SHA-256 over the JWK's required members (RFC 7638), base64url: a name for a key, also for people."""
    if isinstance(key, RSAKey):
        e, n = (base64url.encode(number.to_bytes((number.bit_length() + 7) // 8)) for number in _numbers(key))
        text = f'{{"e":"{e}","kty":"RSA","n":"{n}"}}'
    else:
        jwk = public_key_to_jwk(key)
        text = "{" + ",".join(f'"{name}":"{jwk[name]}"' for name in sorted(jwk)) + "}"
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest())


def verify_foreign_jws(jws: JWS, key: ForeignKey, *, where: str = "jws") -> None:
    """Check that a key signed a JWS with its own algorithm: EdDSA, ES256 or RS256.

    Raises:
        SignatureError: another algorithm, critical extensions, or the signature does not verify.
    """
    if not isinstance(key, RSAKey):
        verify_jws(jws, key, where=where)
        return
    if "crit" in jws.header:
        raise SignatureError(f"{where}: header asks for critical extensions, none is understood")
    if jws.header["alg"] != RS256:
        raise SignatureError(f"{where}: algorithm {str(jws.header['alg'])[:40]!r}, the key's is {RS256!r}")
    _verify_rs256(jws, key, where)


def algorithm_of(key: ForeignKey) -> str:
    """The JWS algorithm of a key."""
    return RS256 if isinstance(key, RSAKey) else ALGORITHM_NAMES[key.algorithm]


def _verify_rs256(jws: JWS, key: RSAKey, where: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    public = rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
    try:
        public.verify(jws.signature, jws.signing_input, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise SignatureError(f"{where}: the {RS256} signature does not verify under the expected key") from error


def _check_rsa(key: RSAKey, where: str) -> RSAKey:
    bits = key.modulus.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise MalformedError(f"{where}: an RSA key of {bits} bits, expected {MIN_RSA_BITS} to {MAX_RSA_BITS}")
    # Even moduli and exponents are no keys at all, and a huge exponent is an hour of work.
    if not key.modulus & 1 or not key.exponent & 1 or not 3 <= key.exponent < 1 << 33:
        raise MalformedError(f"{where}: not an RSA key: its modulus or exponent cannot be one")
    return key


def _numbers(key: RSAKey) -> tuple[int, int]:
    return key.exponent, key.modulus


def _number(jwk: JSONObject, name: str, where: str) -> int:
    text = jwk.get(name)
    if type(text) is not str or len(text) > 2 * MAX_RSA_BITS // 8:
        raise MalformedError(f"{where}: expected base64url of a number as {name!r}, found {name_type(text)}")
    try:
        return int.from_bytes(base64url.decode(text))
    except MalformedError as error:
        raise MalformedError(f"{where}: {name!r}: {error}") from error
