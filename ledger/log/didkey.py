"""`did:key` names for public keys: multicodec prefix and raw key in base58btc, after `did:key:z`.

What stands after `did:key:` is a Multikey, the form of keys in documents about an issuer. Only Ed25519 and P-256 keys
are named; every other codec is refused, as is a second spelling of the same key.
"""

from ledger.errors import MalformedError
from ledger.log.keys import Algorithm, PublicKey
from ledger.log.multibase import decode_base58btc, encode_base58btc

_PREFIX = "did:key:"
_MAX_LENGTH = 80
# multicodec numbers 0xed and 0x1200, as unsigned varints
_CODECS = {Algorithm.ED25519: b"\xed\x01", Algorithm.P256: b"\x80\x24"}


def encode_did_key(key: PublicKey) -> str:
    """Return the `did:key` of `key`, without a fragment."""
    return _PREFIX + encode_multikey(key)


def parse_did_key(text: str) -> PublicKey:
    """Return the key that a `did:key` names.

    Raises:
        MalformedError: not a `did:key`, with a fragment, of a codec other than Ed25519 and P-256, or no valid key.
    """
    if not text.startswith(_PREFIX + "z") or len(text) > _MAX_LENGTH:
        raise MalformedError(f"did:key: {text[:_MAX_LENGTH]!r} is not {_PREFIX}z and a base58 key")
    return parse_multikey(text.removeprefix(_PREFIX), where="did:key")


def encode_multikey(key: PublicKey) -> str:
    """Return the Multikey of `key`: `z` and the base58btc of codec and raw key."""
    return encode_base58btc(_CODECS[key.algorithm] + key.raw)


def parse_multikey(text: str, *, where: str = "multikey") -> PublicKey:
    """Return the key that a Multikey spells; `where` names it in errors.

    Raises:
        MalformedError: not base58btc, of a codec other than Ed25519 and P-256, or no valid key.
    """
    if len(text) > _MAX_LENGTH:
        raise MalformedError(f"{where}: {len(text)} characters, at most {_MAX_LENGTH} are read")
    data = decode_base58btc(text, where=where)
    for algorithm, codec in _CODECS.items():
        if data.startswith(codec):
            return PublicKey(algorithm, data[len(codec) :])
    raise MalformedError(f"{where}: codec {data[:2].hex()} is not ed25519 or p256")
