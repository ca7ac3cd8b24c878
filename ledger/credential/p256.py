"""Signing with ES256: the credential keys of institutions whose receivers know no Ed25519 (RFC 7518 §3.4).

Such a key signs credentials alone, never entries or notes. Signatures are deterministic (RFC 6979), so that nothing
here draws randomness and no bad draw can give the key away.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger.log.keys import Algorithm, PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECRET_BYTES = 32
DRAWN_BYTES = 48
"""Random bytes a secret is made from: 128 bits more than it has, so that every secret is as likely as any other."""

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class P256SigningKey:
    """A P-256 key that can sign, from its 32-byte secret number. Its text form never shows the secret."""

    secret: bytes = field(repr=False)
    public: PublicKey = field(init=False, compare=False)
    _key: "EllipticCurvePrivateKey" = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the public key; a secret that is none is the caller's mistake, `ValueError`."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        number = int.from_bytes(self.secret, "big")
        if len(self.secret) != SECRET_BYTES or not 0 < number < _ORDER:
            raise ValueError("not the secret of a P-256 key")
        key = ec.derive_private_key(number, ec.SECP256R1())
        raw = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", PublicKey(Algorithm.P256, raw))

    @property
    def private(self) -> "EllipticCurvePrivateKey":
        """The key as `cryptography` has it, for certificates."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """The ES256 signature of `message`: r || s, 64 bytes."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        der = self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(SECRET_BYTES, "big") + s.to_bytes(SECRET_BYTES, "big")


def make_secret(drawn: bytes) -> bytes:
    """The secret that `DRAWN_BYTES` random bytes stand for (FIPS 186-5, A.2.1)."""
    if len(drawn) != DRAWN_BYTES:
        raise ValueError(f"{len(drawn)} random bytes, expected {DRAWN_BYTES}")
    return (int.from_bytes(drawn, "big") % (_ORDER - 1) + 1).to_bytes(SECRET_BYTES, "big")
