"""`did:key` names for public keys: multicodec prefix and raw key in base58btc, after `did:key:z`.

Only Ed25519 and P-256 keys are named; every other codec is refused, as is a second spelling of the same key.
"""

from ledger.errors import MalformedError
from ledger.log.keys import Algorithm, PublicKey

_PREFIX = "did:key:z"
_MAX_LENGTH = 80
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
# multicodec numbers 0xed and 0x1200, as unsigned varints
_CODECS = {Algorithm.ED25519: b"\xed\x01", Algorithm.P256: b"\x80\x24"}


def encode_did_key(key: PublicKey) -> str:
    """Return the `did:key` of `key`, without a fragment."""
    return _PREFIX + _encode_base58(_CODECS[key.algorithm] + key.raw)


def parse_did_key(text: str) -> PublicKey:
    """Return the key that a `did:key` names.

    Raises:
        MalformedError: not a `did:key`, with a fragment, of a codec other than Ed25519 and P-256, or no valid key.
    """
    if not text.startswith(_PREFIX) or len(text) > _MAX_LENGTH:
        raise MalformedError(f"did:key: {text[:_MAX_LENGTH]!r} is not {_PREFIX} and a base58 key")
    data = _decode_base58(text.removeprefix(_PREFIX))
    for algorithm, codec in _CODECS.items():
        if data.startswith(codec):
            return PublicKey(algorithm, data[len(codec) :])
    raise MalformedError(f"did:key: codec {data[:2].hex()} is not ed25519 or p256")


def _encode_base58(data: bytes) -> str:
    number = int.from_bytes(data)
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    # each leading zero byte is one leading "1"
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def _decode_base58(text: str) -> bytes:
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise MalformedError(f"did:key: {character!r} is not a base58 character")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
