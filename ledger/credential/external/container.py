"""What a file carries: the text of a credential, alone or baked into an image."""

from dataclasses import dataclass

from ledger.credential.baking import is_png, unbake
from ledger.credential.external.kind import MAX_TEXT_BYTES
from ledger.errors import MalformedError

_XML_STARTS = (b"<?xml", b"<svg", b"<!DOCTYPE", b"<!--")
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Carried:
    """The text of a credential, and what it was found in: `file`, `PNG` or `SVG`.

    `unread` counts bytes of the file behind the end of the image, which are no part of it.
    """

    text: str
    container: str
    unread: int = 0


def is_image(data: bytes) -> bool:
    """Whether a file begins as a PNG or an SVG does."""
    return is_png(data) or data[:1024].removeprefix(_UTF8_MARK).lstrip().startswith(_XML_STARTS)


def open_container(data: bytes) -> Carried:
    """The text a file carries.

    Raises:
        MalformedError: over a limit, an image without a badge, or bytes that are no text.
    """
    if is_image(data):
        baked = unbake(data)
        if baked is None:
            raise MalformedError(
                "image: no badge inside",
                hint="ask for the image as it was issued: programs that copy or shrink images drop the badge",
            )
        carried = Carried(baked.text.removeprefix("\ufeff").strip(), "PNG" if is_png(data) else "SVG", baked.unread)
    else:
        try:
            carried = Carried(data.removeprefix(_UTF8_MARK).decode("utf-8").strip(), "file")
        except UnicodeDecodeError as error:
            raise MalformedError("file: neither text nor a PNG: no credential is known that looks so") from error
    if len(carried.text) > MAX_TEXT_BYTES:
        raise MalformedError(f"file: {len(carried.text)} characters of a credential, at most {MAX_TEXT_BYTES} are read")
    return carried
