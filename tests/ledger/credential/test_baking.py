"""Tests of ledger.credential.baking: what goes in comes out, and hostile pictures end in words."""

import contextlib
import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.baking import MAX_BADGE_BYTES, BadgeVersion, bake, rebake, unbake
from ledger.errors import MalformedError
from tests.conformance import record
from tests.shared import shared_path

JWS = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"
JSON = json.dumps({"name": "Ünïcode ]]> <&\"'", "a": [1]}, ensure_ascii=False)
SVG = b"""<?xml version="1.0" encoding="UTF-8"?>
<svg:svg xmlns:svg="http://www.w3.org/2000/svg" data-a="x>y"><svg:g/></svg:svg>
"""


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*extra: bytes, data: bytes = chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + chunk(b"IEND", b"")


def text_chunk(text: bytes, keyword: bytes = b"openbadgecredential", *, packed: bool = False) -> bytes:
    return chunk(b"iTXt", keyword + b"\0" + bytes([packed]) + b"\0\0\0" + (zlib.compress(text) if packed else text))


@pytest.mark.parametrize("image", [png(), SVG, b"<svg/>", b"<svg xmlns='http://www.w3.org/2000/svg' a='/>'></svg>"])
@pytest.mark.parametrize("badge", [JWS, JSON])
def test_what_goes_in_comes_out(image: bytes, badge: str) -> None:
    """Exactly, in both kinds of pictures; and only once."""
    assert unbake(image) is None
    baked = bake(image, badge)
    found = unbake(baked)
    assert found is not None
    assert (found.version, found.text) == (BadgeVersion.OB3, badge)
    with pytest.raises(MalformedError, match="has a badge inside already"):
        bake(baked, badge)


def test_pictures_of_the_validator_are_read() -> None:
    """Those that 1EdTech tests its validator with."""
    count = 0
    for path in sorted(shared_path("vectors/formats/ob3/validator").iterdir()):
        if path.suffix in (".png", ".svg"):
            found = unbake(path.read_bytes())
            assert found is not None and found.version is BadgeVersion.OB3, path.name
            assert found.text[:1] == "{" or found.text.count(".") == 2
            count += 1
    assert count >= 2
    record("Open Badges 3.0", "pictures of the public validator, unbaked", count, accepted=count)


def test_the_first_of_several_counts() -> None:
    """And a badge of Open Badges 3.0 goes before one of 2.0, wherever it stands."""
    image = png(text_chunk(b"http://old", b"openbadges"), text_chunk(b"{1}"), text_chunk(b"{2}", packed=True))
    found = unbake(image)
    assert found is not None and (found.version, found.text) == (BadgeVersion.OB3, "{1}")
    packed = unbake(png(text_chunk(b"{2}", packed=True)))
    assert packed is not None and packed.text == "{2}"
    old = unbake(png(chunk(b"tEXt", b"openbadges\0https://old.example/1")))
    assert old is not None and (old.version, old.text) == (BadgeVersion.OB2, "https://old.example/1")


def test_bytes_behind_the_end_are_no_part_of_a_picture() -> None:
    """Some programs leave them there; a badge among them is none, and what is baked anew goes without."""
    behind = text_chunk(b"{2}") + chunk(b"IEND", b"")
    baked = bake(png(), JWS)
    found = unbake(baked + behind)
    assert found is not None and (found.text, found.unread) == (JWS, len(behind))
    assert unbake(png() + behind) is None
    assert bake(png() + behind, JWS) == baked
    assert rebake(baked + behind, JWS) == baked


OTHER_PREFIX = (
    b'<svg xmlns:ob="https://purl.imsglobal.org/ob/v3p0"><g/><ob:credential verify="a.b.c" a=">"/></svg>',
    b'<svg xmlns:ob="https://purl.imsglobal.org/ob/v3p0"><ob:credential><![CDATA[{"a":1}]]></ob:credential ><g/></svg>',
    b'<svg><credential xmlns="https://purl.imsglobal.org/ob/v3p0" verify="a.b.c"></credential><g/></svg>',
)


@pytest.mark.parametrize(
    "image",
    [bake(png(), JSON), bake(SVG, JWS), bake(SVG, JSON), png(text_chunk(b"{1}"), text_chunk(b"{2}")), *OTHER_PREFIX],
)
@pytest.mark.parametrize("badge", [JWS, JSON])
def test_a_badge_is_exchanged(image: bytes, badge: str) -> None:
    """The picture around it stays; the old badge is gone; and back again it is what it was."""
    before = unbake(image)
    assert before is not None
    changed = rebake(image, badge)
    found = unbake(changed)
    assert found is not None and found.text == badge
    for kept in (b"<g/>", b"svg:g/", b"IDAT"):
        assert (kept in changed) == (kept in image)
    again = rebake(changed, before.text)
    assert unbake(again) == before
    assert badge.encode() not in again or badge == before.text


def test_nothing_is_exchanged_where_there_is_no_badge() -> None:
    """A picture without one, with one of 2.0 alone, and a badge that is too long."""
    for image in (png(), SVG, png(text_chunk(b"http://old", b"openbadges"))):
        with pytest.raises(MalformedError, match=r"has no Open Badge 3\.0 inside"):
            rebake(image, JWS)
    with pytest.raises(MalformedError, match="at most"):
        rebake(bake(png(), JWS), "x" * (MAX_BADGE_BYTES + 1))


BOMB = b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>'


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"GIF89a", "neither a PNG nor"),
        (b"<html/>", "neither a PNG nor an SVG"),
        (BOMB, "document type"),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://x/svg11.dtd'><svg>&lol;</svg>", "entity 'lol'"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><svg/>", "expected UTF-8"),
        (b"<svg>" * 400 + b"</svg>" * 400, "nested deeper"),
        (png()[:-1], "longer than the file"),
        (png()[:-12], "ends before its last chunk"),
        (png()[:-12] + b"\0" * 12, "no chunk begins at byte"),
        (png(data=b""), "no image data"),
        (png()[:20] + b"\x07" + png()[21:], "wrong checksum"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "expected IHDR"),
        (png(chunk(b"iTXt", b"openbadgecredential\0\2\0\0\0x")), "not well formed"),
        (png(chunk(b"iTXt", b"openbadgecredential\0")), "not well formed"),
        (png(text_chunk(b"\xff")), "not UTF-8"),
        (png(text_chunk(b"a" * (MAX_BADGE_BYTES + 1), packed=True)), "when unpacked"),
        (png(chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0nonsense")), "is damaged"),
        (png(chunk(b"iTXt", b"openbadgecredential\0\1\0\0\0" + zlib.compress(b"abc")[:-2])), "is damaged"),
    ],
)
def test_pictures_that_are_refused(image: bytes, message: str) -> None:
    """Damaged, disguised or made to exhaust."""
    with pytest.raises(MalformedError, match=message):
        unbake(image)


@given(st.binary(max_size=64), st.integers(0, 200))
def test_noise_never_escapes(noise: bytes, position: int) -> None:
    """Whatever stands in a picture, the answer is a badge, none, or a refusal."""
    for image in (bake(png(), JSON), bake(SVG, JSON)):
        with contextlib.suppress(MalformedError):
            unbake(image[:position] + noise + image[position + len(noise) :])
