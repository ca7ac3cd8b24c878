"""Base64url without padding (RFC 4648 §5), in the one spelling each byte string has.

Hashes, keys and signatures stand in ledger JSON in this form. `decode` refuses padding, other alphabets, whitespace and
unused low bits that are not zero, so that `encode(decode(text)) == text` for everything it accepts.
"""

import binascii

from ledger.errors import MalformedError

_TO_URL = bytes.maketrans(b"+/", b"-_")
# What only the other spellings use becomes a character no alphabet has, so that the decoder refuses it.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_LAST_CHARACTERS = ("", "", "AQgw", "AEIMQUYcgkosw048")
"""By length modulo 4: characters whose unused low bits are zero, the only ones that may stand last."""

_PADDING = (b"", b"===", b"==", b"=")


def encode(data: bytes) -> str:
    """Return `data` in base64url without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode(text: str, length: int | None = None) -> bytes:
    """Return the bytes that `text` spells.

    Args:
        text: base64url without padding.
        length: how many bytes are expected; None for any number.

    Raises:
        MalformedError: not the one spelling of any bytes, or of another number of bytes than `length`.
    """
    if length is not None and len(text) != (length * 4 + 2) // 3:
        raise MalformedError(f"base64url: {len(text)} characters cannot hold exactly {length} bytes")
    beyond = len(text) & 3
    try:
        standard = text.encode("ascii").translate(_TO_STANDARD)
        data = binascii.a2b_base64(standard + _PADDING[beyond], strict_mode=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError("base64url: not base64url without padding") from error
    if beyond and text[-1] not in _LAST_CHARACTERS[beyond]:
        raise MalformedError("base64url: stray low bits at the end; each value has one spelling")
    return data
