"""Tests of ledger.log.multibase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log.multibase import decode_base58btc, encode_base58btc


@given(st.binary(max_size=70))
def test_bytes_survive_writing_and_reading(data: bytes) -> None:
    """Leading zeros included, and there is one text for them."""
    assert decode_base58btc(encode_base58btc(data)) == data


@given(st.text(alphabet="z123456789ABCabc0OIl+ ", max_size=30))
def test_a_text_that_is_read_is_the_one_that_is_written(text: str) -> None:
    """No second spelling of the same bytes."""
    try:
        data = decode_base58btc(text)
    except MalformedError:
        return
    assert encode_base58btc(data) == text


@pytest.mark.parametrize(("data", "text"), [(b"", "z"), (b"\0\0", "z11"), (b"Hello World!", "z2NEpo7TZRRrLZSi2U")])
def test_known_texts(data: bytes, text: str) -> None:
    """Those of the Internet-Draft on base58."""
    assert encode_base58btc(data) == text


@pytest.mark.parametrize("text", ["", "uAQ", "m", "Z11", "z0", "zO", "z1 ", "zé"])
def test_other_bases_and_characters_are_refused(text: str) -> None:
    """The error is ours."""
    with pytest.raises(MalformedError, match="multibase"):
        decode_base58btc(text)
