"""Base64url without padding (RFC 4648 §5), in the one spelling each byte string has.

Hashes, keys and signatures stand in ledger JSON in this form. `decode` refuses padding, other alphabets, whitespace and
unused low bits that are not zero, so that `encode(decode(text)) == text` for everything it accepts.
"""

import binascii

from ledger.errors import MalformedError

_TO_URL = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


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
    try:
        standard = text.encode("ascii").translate(_TO_STANDARD)
        data = binascii.a2b_base64(standard + b"=" * (-len(standard) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError("base64url: not base64url without padding") from error
    # The lenient decoder above skips stray bytes and low bits; encoding again finds every such difference at once.
    if encode(data) != text:
        raise MalformedError("base64url: padding, a stray character or stray low bits; each value has one spelling")
    return data
