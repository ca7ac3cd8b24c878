"""Each byte string has one base64url spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.errors import MalformedError


@given(st.binary(max_size=100))
def test_every_byte_string_comes_back(data: bytes) -> None:
    """`decode` inverts `encode`, with and without the expected length."""
    text = base64url.encode(data)
    assert data == base64url.decode(text)
    assert data == base64url.decode(text, len(data))


@given(st.text(max_size=12) | st.text("AQgw-_+/= \n", max_size=8))
def test_accepted_text_is_the_one_spelling(text: str) -> None:
    """Whatever `decode` accepts, `encode` gives back."""
    try:
        data = base64url.decode(text)
    except MalformedError:
        return
    assert text == base64url.encode(data)


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA==",
        "AB",
        "AAB",
        "+_8",
        "_/8",
        "AA\n",
        "A A",
        " AA",
        "AA=",
        "A=A",
        "ÄAA",
        "\ud800A",
        "AAAAA",
        "=",
        "AA\0",
    ],
)
def test_second_spellings_are_refused(text: str) -> None:
    """Padding, stray bits, other alphabets, white space and impossible lengths are refused."""
    with pytest.raises(MalformedError, match="base64url: "):
        base64url.decode(text)


def test_url_alphabet_is_used() -> None:
    assert base64url.encode(b"\xfb\xff") == "-_8"


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 31, 32, 33])
def test_another_length_is_refused(length: int) -> None:
    """The expected length is exact, one less and one more are refused."""
    text = base64url.encode(bytes(length))
    for wrong in (length - 1, length + 1):
        if wrong >= 0:
            with pytest.raises(MalformedError, match=f"exactly {wrong} bytes"):
                base64url.decode(text, wrong)
