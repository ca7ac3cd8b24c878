"""Badges inside pictures: Open Badges 3.0 §5.3 for PNG and SVG, written and read; Open Badges 2.0 read.

PNG     one uncompressed `iTXt` chunk, keyword `openbadgecredential`, before the first `IDAT`
SVG     `<openbadges:credential>` as first child of `<svg>`: a JWS in its attribute `verify`, JSON as its text

What is inside is either the JSON of a credential or a compact JWS, and is given back exactly as it was put in. Pictures
are hostile input: a PNG's chunks must have the right lengths, order and checksums, and what is compressed grows to
`MAX_BADGE_BYTES` at most; an SVG that declares entities is refused. The first badge counts
where there are several. Nothing is said about the picture itself.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ledger.errors import MalformedError

MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_BADGE_BYTES = 4 * 1024 * 1024
"""Longest text of a badge inside a picture."""
MAX_CHUNKS = 100_000
MAX_ELEMENT_DEPTH = 256

PNG_KEYWORD = b"openbadgecredential"
SVG_NAMESPACE = "https://purl.imsglobal.org/ob/v3p0"
OLD_PNG_KEYWORD = b"openbadges"
OLD_SVG_NAMESPACE = "http://openbadges.org"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_TYPE = re.compile(rb"[A-Za-z]{4}")
_SEPARATOR = "\n"


class BadgeVersion(StrEnum):
    """Which Open Badges a picture was baked by."""

    OB3 = "3.0"
    OB2 = "2.0"


@dataclass(frozen=True, slots=True)
class BakedBadge:
    """What is inside a picture: JSON or a compact JWS; in old pictures it may be a URL.

    `unread` counts bytes behind the end of a PNG, which some programs leave there: pictures are shown without them.
    """

    version: BadgeVersion
    text: str
    unread: int = 0


def bake(image: bytes, badge: str) -> bytes:
    """The picture, PNG or SVG, with a badge inside.

    Args:
        image: a picture without a badge.
        badge: JSON or a compact JWS.

    Raises:
        MalformedError: not such a picture, it has a badge already, or one of the two is too long.
    """
    if len(badge.encode()) > MAX_BADGE_BYTES:
        raise MalformedError(f"badge: {len(badge.encode())} bytes, at most {MAX_BADGE_BYTES} fit into a picture")
    if unbake(image) is not None:
        raise MalformedError("picture: has a badge inside already", hint="bake into the original picture")
    return _bake_png(image, badge) if is_png(image) else _bake_svg(image, badge)


def rebake(image: bytes, badge: str) -> bytes:
    """The picture with a badge in the place of the one inside.

    Args:
        image: a picture with an Open Badge 3.0 inside.
        badge: JSON or a compact JWS.

    Raises:
        MalformedError: as `bake`, or there is no such badge inside.
    """
    baked = unbake(image)
    if baked is None or baked.version is not BadgeVersion.OB3:
        raise MalformedError("picture: has no Open Badge 3.0 inside", hint="bake into it")
    if len(badge.encode()) > MAX_BADGE_BYTES:
        raise MalformedError(f"badge: {len(badge.encode())} bytes, at most {MAX_BADGE_BYTES} fit into a picture")
    if is_png(image):
        kept = (image[chunk.start : chunk.end] for chunk in _chunks(image) if not _is_badge(chunk))
        made = _bake_png(_PNG_SIGNATURE + b"".join(kept), badge)
    else:
        start, end = _find_badge(image)
        made = image[:start] + _svg_element(badge, declares=True).encode() + image[end:]
    if unbake(made) != BakedBadge(BadgeVersion.OB3, badge.strip()):
        raise MalformedError(
            "picture: its badge stands where it cannot be exchanged", hint="bake into the original one"
        )
    return made


def unbake(image: bytes) -> BakedBadge | None:
    """The badge inside a picture, PNG or SVG; None where there is none.

    Raises:
        MalformedError: not such a picture, or damaged.
    """
    if len(image) > MAX_IMAGE_BYTES:
        raise MalformedError(f"picture: {len(image)} bytes, at most {MAX_IMAGE_BYTES} are read")
    return _unbake_png(image) if is_png(image) else _unbake_svg(image)


def is_png(data: bytes) -> bool:
    """Whether bytes begin as a PNG does."""
    return data.startswith(_PNG_SIGNATURE)


def _bake_png(image: bytes, badge: str) -> bytes:
    # keyword, end of it, not compressed, no method, no language, no translated keyword (PNG, third edition, §11.3.3.4)
    content = PNG_KEYWORD + b"\0\0\0\0\0" + badge.encode()
    chunks = list(_chunks(image))
    before = next(chunk.start for chunk in chunks if chunk.type == b"IDAT")
    return image[:before] + _encode_chunk(b"iTXt", content) + image[before : chunks[-1].end]


def _encode_chunk(type_name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + type_name + content + struct.pack(">I", zlib.crc32(type_name + content))


@dataclass(frozen=True, slots=True)
class _Chunk:
    start: int
    type: bytes
    content: bytes

    @property
    def end(self) -> int:
        """Where the next one begins: behind length, type, content and checksum."""
        return self.start + 12 + len(self.content)


def _chunks(image: bytes) -> Iterator[_Chunk]:
    """Every chunk of a PNG: IHDR first, IDAT somewhere, IEND last; what is behind that is no part of it."""
    position, seen = len(_PNG_SIGNATURE), set[bytes]()
    for _ in range(MAX_CHUNKS):
        chunk = _read_chunk(image, position)
        if not seen and chunk.type != b"IHDR":
            raise MalformedError(f"png: begins with the chunk {chunk.type!r}, expected IHDR")
        seen.add(chunk.type)
        yield chunk
        position = chunk.end
        if chunk.type == b"IEND":
            if b"IDAT" not in seen:
                raise MalformedError("png: has no image data")
            return
    raise MalformedError(f"png: more than {MAX_CHUNKS} chunks")


def _is_badge(chunk: _Chunk) -> bool:
    return chunk.type == b"iTXt" and chunk.content.partition(b"\0")[0] == PNG_KEYWORD


def _read_chunk(image: bytes, position: int) -> _Chunk:
    head = image[position : position + 8]
    if len(head) < 8:
        raise MalformedError("png: ends before its last chunk")
    length, type_name = struct.unpack(">I4s", head)
    content = image[position + 8 : position + 8 + length]
    checksum = image[position + 8 + length : position + 12 + length]
    if not _CHUNK_TYPE.fullmatch(type_name):
        raise MalformedError(f"png: no chunk begins at byte {position}")
    if len(checksum) != 4:
        raise MalformedError(f"png: its chunk {type_name.decode()} is longer than the file")
    if struct.unpack(">I", checksum)[0] != zlib.crc32(type_name + content):
        raise MalformedError(f"png: its chunk {type_name.decode()} has a wrong checksum; the file is damaged")
    return _Chunk(position, type_name, content)


def _unbake_png(image: bytes) -> BakedBadge | None:
    found: dict[BadgeVersion, str] = {}
    end = 0
    for chunk in _chunks(image):
        end = chunk.end
        keyword, _, rest = chunk.content.partition(b"\0")
        if _is_badge(chunk):
            found.setdefault(BadgeVersion.OB3, _read_international_text(rest))
        elif chunk.type == b"iTXt" and keyword == OLD_PNG_KEYWORD:
            found.setdefault(BadgeVersion.OB2, _read_international_text(rest))
        elif chunk.type == b"tEXt" and keyword == OLD_PNG_KEYWORD:
            found.setdefault(BadgeVersion.OB2, rest.decode("latin-1"))
    return _preferred(found, len(image) - end)


def _read_international_text(rest: bytes) -> str:
    """The text of an iTXt chunk, from what follows its keyword."""
    flags, (language, translated, text) = rest[:2], (*rest[2:].split(b"\0", 2), b"", b"")[:3]
    if len(flags) < 2 or flags[0] > 1 or flags[1] or rest[2:].count(b"\0") < 2:
        raise MalformedError("png: the chunk with the badge is not well formed")
    del language, translated
    if flags[0]:
        text = _inflate(text)
    if len(text) > MAX_BADGE_BYTES:
        raise MalformedError(f"badge: {len(text)} bytes, at most {MAX_BADGE_BYTES} are read")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("png: the badge is not UTF-8 text") from error


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_BADGE_BYTES)
    except zlib.error as error:
        raise MalformedError("png: the compressed badge is damaged") from error
    if inflater.unconsumed_tail:
        raise MalformedError(f"badge: more than {MAX_BADGE_BYTES} bytes when unpacked")
    if not inflater.eof or inflater.unused_data:
        raise MalformedError("png: the compressed badge is damaged")
    return text


def _bake_svg(image: bytes, badge: str) -> bytes:
    reading = _read_svg(image)
    if any(name == "xmlns:openbadges" for name in reading.root_attributes):
        raise MalformedError("svg: declares the prefix openbadges already", hint="bake into the original picture")
    end = _end_of_tag(image, reading.root_start)
    is_empty = image[end - 1 : end] == b"/"
    name = reading.root_name.encode()
    declaration = f' xmlns:openbadges="{SVG_NAMESPACE}"'.encode()
    opening = image[: end - 1] + declaration + b">" if is_empty else image[:end] + declaration + b">"
    closing = b"</" + name + b">" if is_empty else b""
    return opening + _svg_element(badge).encode() + closing + image[end + 1 :]


def _svg_element(badge: str, *, declares: bool = False) -> str:
    name = "openbadges:credential" + (f' xmlns:openbadges="{SVG_NAMESPACE}"' if declares else "")
    if badge.lstrip()[:1] != "{":
        return f"<{name} verify={quoteattr(badge)}/>"
    # A text with the end of a CDATA section in it is cut in two sections.
    text = badge.replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{text}]]></openbadges:credential>"


def _end_of_tag(image: bytes, start: int) -> int:
    """Position of the `>` of the tag that begins at `start`; quoted ones do not count."""
    quote = 0
    for position in range(start, len(image)):
        byte = image[position]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte in b"\"'":
            quote = byte
        elif byte == ord(">"):
            return position
    raise MalformedError("svg: its first tag does not end")


def _unbake_svg(image: bytes) -> BakedBadge | None:
    return _preferred(_read_svg(image).found)


def _preferred(found: dict[BadgeVersion, str], unread: int = 0) -> BakedBadge | None:
    version = next((version for version in BadgeVersion if version in found), None)
    return None if version is None else BakedBadge(version, found[version].strip(), unread)


_ELEMENTS = {
    f"{SVG_NAMESPACE}{_SEPARATOR}credential": BadgeVersion.OB3,
    f"{OLD_SVG_NAMESPACE}{_SEPARATOR}assertion": BadgeVersion.OB2,
}


@dataclass(slots=True)
class _SVG:
    """One reading of an SVG."""

    depth: int = 0
    root_start: int = -1
    root_name: str = ""
    root_attributes: tuple[str, ...] = ()
    inside: BadgeVersion | None = None
    inside_depth: int = 0
    length: int = 0
    pieces: list[str] = field(default_factory=list)
    found: dict[BadgeVersion, str] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_ELEMENT_DEPTH:
            raise MalformedError(f"svg: elements nested deeper than {MAX_ELEMENT_DEPTH}")
        version = _ELEMENTS.get(name)
        if self.depth == 1 and name.rpartition(_SEPARATOR)[2] != "svg":
            raise MalformedError("picture: is neither a PNG nor an SVG")
        if version is None or version in self.found or self.inside is not None:
            return
        if attributes.get("verify", "").strip():
            self.found[version] = attributes["verify"]
        else:
            self.inside, self.inside_depth, self.pieces, self.length = version, self.depth, [], 0

    def end(self, _: str) -> None:
        if self.inside is not None and self.depth == self.inside_depth:
            self.found[self.inside] = "".join(self.pieces)
            self.inside = None
        self.depth -= 1

    def text(self, piece: str) -> None:
        if self.inside is not None and self.depth == self.inside_depth:
            self.length += len(piece)
            if self.length > MAX_BADGE_BYTES:
                raise MalformedError(f"badge: more than {MAX_BADGE_BYTES} characters")
            self.pieces.append(piece)


def _read_svg(image: bytes) -> _SVG:
    reading = _SVG()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _check_doctype
    parser.SkippedEntityHandler = _refuse_entity
    parser.XmlDeclHandler = _check_declaration
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(image, True)
    except expat.ExpatError as error:
        raise MalformedError(
            f"picture: is neither a PNG nor a well-formed SVG ({expat.ErrorString(error.code)})"
        ) from error
    _find_root(image, reading)
    return reading


def _find_root(image: bytes, reading: _SVG) -> None:
    """Where the first tag stands, its name and attributes as they are spelled: a reader of namespaces drops these."""
    parser = expat.ParserCreate()

    def on_start(name: str, attributes: dict[str, str]) -> None:
        if reading.root_start < 0:
            reading.root_start, reading.root_name = parser.CurrentByteIndex, name
            reading.root_attributes = tuple(attributes)

    parser.StartElementHandler = on_start
    parser.Parse(image, True)


def _find_badge(image: bytes) -> tuple[int, int]:
    """Where the first element with a badge begins and ends in a picture that has one."""
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    places: list[int] = []
    names: list[bool] = []

    def on_start(name: str, _: dict[str, str]) -> None:
        is_first = not places and _ELEMENTS.get(name) is BadgeVersion.OB3
        names.append(is_first)
        if is_first:
            places.append(parser.CurrentByteIndex)

    def on_end(_: str) -> None:
        if names.pop():
            places.append(parser.CurrentByteIndex)

    parser.StartElementHandler, parser.EndElementHandler = on_start, on_end
    parser.Parse(image, True)
    start, closing = places
    end = _end_of_tag(image, start)
    # Of a tag without content the parser tells no other place for its end.
    return start, (end if image[end - 1 : end] == b"/" else _end_of_tag(image, closing)) + 1


def _check_doctype(_: str, __: str | None, ___: str | None, has_subset: int) -> None:
    # The public name of SVG 1.1 stands in many pictures and is never looked up; entities begin in what stands inside.
    if has_subset:
        raise MalformedError(
            "svg: its document type holds declarations, which may be entities", hint="save it as plain SVG without them"
        )


def _refuse_entity(name: str, _: bool) -> None:
    raise MalformedError(f"svg: uses the entity {name[:40]!r}, which only a document type could declare")


def _check_declaration(_: str, encoding: str | None, __: int) -> None:
    if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII"):
        raise MalformedError(f"svg: its encoding is {encoding[:40]!r}, expected UTF-8")
