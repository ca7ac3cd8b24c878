"""What a file carries: the text of a credential, alone or baked into an image."""

from dataclasses import dataclass

from ledger.credential.baking import MAX_CREDENTIAL_BYTES, PNG_SIGNATURE, extract_png, extract_svg
from ledger.errors import MalformedError

_XML_STARTS = (b"<?xml", b"<svg", b"<!DOCTYPE", b"<!--")
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Carried:
    """The text of a credential, and what it was found in: `file`, `PNG` or `SVG`."""

    text: str
    container: str


def is_image(data: bytes) -> bool:
    """Whether a file begins as a PNG or an SVG does."""
    return data.startswith(PNG_SIGNATURE) or data[:1024].removeprefix(_UTF8_MARK).lstrip().startswith(_XML_STARTS)


def open_container(data: bytes) -> Carried:
    """The text a file carries.

    Raises:
        MalformedError: over a limit, an image without a badge, or bytes that are no text.
    """
    if data.startswith(PNG_SIGNATURE):
        return Carried(extract_png(data), "PNG")
    if is_image(data):
        return Carried(extract_svg(data), "SVG")
    if len(data) > MAX_CREDENTIAL_BYTES:
        raise MalformedError(f"file: {len(data)} bytes, at most {MAX_CREDENTIAL_BYTES} are read of a credential")
    try:
        return Carried(data.removeprefix(_UTF8_MARK).decode("utf-8").strip(), "file")
    except UnicodeDecodeError as error:
        raise MalformedError("file: neither text nor a PNG: no credential is known that looks so") from error
