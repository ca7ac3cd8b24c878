"""Bytes as base58btc multibase text: `z`, then digits of base 58 without the ones that look alike.

Keys and signatures of Data Integrity proofs are written so. One text for each bytes: every leading zero byte is one
leading `1`. Decoding takes quadratic time, so whoever calls bounds the length first.
"""

from ledger.errors import MalformedError

_PREFIX = "z"
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}


def encode_base58btc(data: bytes) -> str:
    """Return `data` as `z` and base58btc digits."""
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return _PREFIX + "1" * zeros + "".join(reversed(digits))


def decode_base58btc(text: str, *, where: str = "multibase") -> bytes:
    """Return the bytes that `z` and base58btc digits spell; `where` names them in errors.

    Raises:
        MalformedError: another prefix, which would be another base, or another character.
    """
    if not text.startswith(_PREFIX):
        raise MalformedError(f"{where}: {text[:1]!r} is not the prefix of base58btc, {_PREFIX!r}")
    number = 0
    digits = text.removeprefix(_PREFIX)
    for character in digits:
        value = _VALUES.get(character)
        if value is None:
            raise MalformedError(f"{where}: {character!r} is not a base58 character")
        number = number * 58 + value
    zeros = len(digits) - len(digits.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
