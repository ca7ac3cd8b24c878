"""Tests of ledger.credential.jsonld.nquads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jsonld.nquads import Quad, encode_iri, encode_literal, encode_nquads, parse_nquads
from ledger.errors import MalformedError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.sampled_from(["", "en", "de-ch"]))
def test_a_literal_survives_writing_and_reading(text: str, language: str) -> None:
    """Whatever the text holds, one line comes out and the same term comes back."""
    quad = Quad("<urn:s>", "<urn:p>", encode_literal(text, language=language), "")
    assert encode_nquads([quad]).count("\n") == 1
    assert parse_nquads(encode_nquads([quad])) == (quad,)


@given(st.text(max_size=60) | st.text(alphabet='<>_:"\\@^. \turnp#b0', max_size=60))
def test_hostile_text_is_refused_or_read(text: str) -> None:
    """Nothing but MalformedError escapes, and what is read is written canonically."""
    try:
        quads = parse_nquads(text)
    except MalformedError:
        return
    assert set(parse_nquads(encode_nquads(quads))) == set(quads)


@pytest.mark.parametrize(
    ("character", "escape"),
    [
        ("\b", r"\b"), ("\t", r"\t"), ("\n", r"\n"), ("\f", r"\f"), ("\r", r"\r"), ('"', r"\""), ("\\", r"\\"),
        ("\0", r"\u0000"), ("\x0b", r"\u000B"), ("\x1f", r"\u001F"), ("\x7f", r"\u007F"), ("\uffff", r"\uFFFF"),
        ("\x80", "\x80"), ("\u2028", "\u2028"), ("é", "é"), ("'", "'"),
    ],
)  # fmt: skip
def test_control_characters_are_escaped_as_the_recommendation_says(character: str, escape: str) -> None:
    """Trap 3: libraries differ here, and a signature over the wrong spelling fails elsewhere."""
    assert encode_literal(f"a{character}b") == f'"a{escape}b"'


@pytest.mark.parametrize(
    "iri", ["", "name", "/path", "urn", "urn:a b", "urn:a>", 'urn:"', "urn:\n", "urn:a\\u0041", "1:a"]
)
def test_what_could_end_an_iri_is_refused(iri: str) -> None:
    """`urn:x> <urn:y> "z` would be three terms."""
    with pytest.raises(MalformedError, match="no absolute IRI"):
        encode_iri(iri)


@pytest.mark.parametrize(
    "line",
    [
        "<urn:a> <urn:b> .", "<urn:a> _:b <urn:c> .", '<urn:a> <urn:b> "x', '<urn:a> <urn:b> "x"@ .', "<urn:a> <urn:b> <c> .",
        '"x" <urn:b> <urn:c> .', "<urn:a> <urn:b> <urn:c>", r'<urn:a> <urn:b> "\uD800" .', r'<urn:a> <urn:b> "\x" .',
        r'<urn:a> <urn:b> "\UFFFFFFFF" .',
    ],
)  # fmt: skip
def test_what_is_no_quad_is_refused(line: str) -> None:
    """The error names the line."""
    with pytest.raises(MalformedError):
        parse_nquads(f"<urn:a> <urn:b> <urn:c> .\n{line}\n")
