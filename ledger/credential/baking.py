"""Badges inside images: a credential carried by a PNG or an SVG (Open Badges 3.0 §5.3; Open Badges 2.0 baking 2.0).

PNG: an `iTXt` chunk with the keyword `openbadgecredential` (2.0: `openbadges`; the eldest have it in `tEXt`). SVG: an
element `credential` (2.0: `assertion`) of the Open Badges namespace, the JSON inside it, or a compact JWS or a URL in
its attribute `verify`. Of several the first counts, as the formats say, so that all readers see the same one.

Nothing is fetched: an SVG may name a DTD, which stays unread, and may neither declare nor use an entity.
"""

import zlib
from collections.abc import Iterator
from xml.parsers import expat

from ledger.errors import MalformedError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_KEYWORDS = (b"openbadgecredential", b"openbadges")
SVG_ELEMENTS = ("https://purl.imsglobal.org/ob/v3p0 credential", "http://openbadges.org assertion")
"""Namespace and name of the element, by the version of the format."""

MAX_IMAGE_BYTES = 10 * 1024 * 1024
MAX_CREDENTIAL_BYTES = 1 << 20
MAX_SVG_DEPTH = 64
_MAX_CHUNKS = 10_000


def extract_png(data: bytes) -> str:
    """The text of the badge in a PNG: JSON, a compact JWS, or in 2.0 possibly a URL.

    Raises:
        MalformedError: no PNG, damaged, over a limit, or without a badge.
    """
    if not data.startswith(PNG_SIGNATURE):
        raise MalformedError("image: not a PNG")
    _check_size(data)
    for kind, content in _read_chunks(data):
        keyword, found, rest = content.partition(b"\0")
        if found and keyword in PNG_KEYWORDS and kind in (b"iTXt", b"tEXt"):
            text = _read_international(rest) if kind == b"iTXt" else rest
            return _decode(text, "image")
    raise MalformedError("image: the PNG carries no badge", hint="ask for the image as it was issued: copies lose it")


def extract_svg(data: bytes) -> str:
    """The text of the badge in an SVG: JSON, a compact JWS, or in 2.0 possibly a URL.

    Raises:
        MalformedError: no XML, over a limit, with entities, or without a badge.
    """
    _check_size(data)
    reader = _SVGReader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedError(
            f"image: not an SVG: {expat.errors.messages[error.code]} in line {error.lineno}"
        ) from error
    except (LookupError, ValueError) as error:
        raise MalformedError("image: an SVG in an encoding that is not read") from error
    text = reader.text
    if text is None:
        raise MalformedError("image: the SVG carries no badge", hint="ask for the image as it was issued")
    return text


def _check_size(data: bytes) -> None:
    if len(data) > MAX_IMAGE_BYTES:
        raise MalformedError(f"image: {len(data)} bytes, at most {MAX_IMAGE_BYTES} are read")


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each chunk up to `IEND`, checksums of text chunks checked."""
    position = len(PNG_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        length, kind = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        end = position + 8 + length
        if len(data) < end + 4:
            raise MalformedError("image: the PNG is cut short")
        if kind == b"IEND":
            return
        content = data[position + 8 : end]
        if kind in (b"iTXt", b"tEXt"):
            if zlib.crc32(kind + content) != int.from_bytes(data[end : end + 4]):
                raise MalformedError("image: a text chunk of the PNG is damaged: its checksum does not match")
            yield kind, content
        position = end + 4
    raise MalformedError(f"image: a PNG of more than {_MAX_CHUNKS} chunks")


def _read_international(rest: bytes) -> bytes:
    """The text of an `iTXt` chunk after its keyword (PNG §11.3.4.5)."""
    if len(rest) < 2 or rest[0] > 1 or rest[1] != 0:
        raise MalformedError("image: the badge's iTXt chunk is compressed in a way that is not known")
    parts = rest[2:].split(b"\0", 2)
    if len(parts) != 3:
        raise MalformedError("image: the badge's iTXt chunk has no text")
    return _inflate(parts[2]) if rest[0] else parts[2]


def _inflate(data: bytes) -> bytes:
    """Decompress, stopping at the limit: a few kilobytes can say a gigabyte."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_CREDENTIAL_BYTES + 1)
    except zlib.error as error:
        raise MalformedError("image: the badge's iTXt chunk does not decompress") from error
    if not inflater.eof and len(text) <= MAX_CREDENTIAL_BYTES:
        raise MalformedError("image: the badge's iTXt chunk is cut short")
    return text


def _decode(text: bytes, where: str) -> str:
    if len(text) > MAX_CREDENTIAL_BYTES:
        raise MalformedError(f"{where}: a badge of over {MAX_CREDENTIAL_BYTES} bytes, that many are read")
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: the badge is no UTF-8 text") from error


class _SVGReader:
    """Collects the first badge element while expat walks the document."""

    def __init__(self) -> None:
        self.text: str | None = None
        self._parts: list[str] | None = None
        self._size = 0
        self._depth = 0
        self._attribute = ""
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.EntityDeclHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_SVG_DEPTH:
            raise MalformedError(f"image: an SVG nested deeper than {MAX_SVG_DEPTH} levels")
        if self._depth == 1 and name.rpartition(" ")[2] != "svg":
            raise MalformedError("image: not an SVG: its first element is another")
        if self._parts is not None:
            raise MalformedError("image: the SVG's badge holds elements instead of a text")
        if name in SVG_ELEMENTS and self.text is None:
            self._parts, self._attribute = [], attributes.get("verify", "")

    def _characters(self, text: str) -> None:
        if self._parts is not None:
            self._size += len(text)
            if self._size > MAX_CREDENTIAL_BYTES:
                raise MalformedError(f"image: a badge of over {MAX_CREDENTIAL_BYTES} bytes, that many are read")
            self._parts.append(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._parts is not None:
            body, attribute = "".join(self._parts).strip(), self._attribute.strip()
            # A JWS is what was signed; the JSON beside one is a copy for show.
            self.text = attribute if attribute.count(".") == 2 and "/" not in attribute else body or attribute
            self._parts = None

    def _refuse(self, *_: object) -> int:
        raise MalformedError("image: the SVG declares or uses an entity, which no badge needs")
