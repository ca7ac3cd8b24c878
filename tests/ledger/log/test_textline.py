"""Numbers and bytes on a line: one spelling each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from ledger.log.textline import MAX_NUMBER, encode_base64, parse_base64, parse_hash, parse_number


@given(st.integers(0, MAX_NUMBER))
def test_numbers_come_back(number: int) -> None:
    assert parse_number(str(number), "size") == number


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "01", "00", "1 ", " 1", "1_0", "0x1", "٣", "1.0", str(MAX_NUMBER + 1)]
)
def test_other_spellings_of_numbers_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match=r"^size "):
        parse_number(text, "size")


def test_the_largest_number_is_read() -> None:
    assert parse_number(str(MAX_NUMBER), "size") == MAX_NUMBER


@given(st.binary(max_size=100))
def test_bytes_come_back(data: bytes) -> None:
    assert parse_base64(encode_base64(data), "hash") == data


@pytest.mark.parametrize(
    "text", ["A", "AA", "AAA", "AA=", "AA==\n", " AA==", "AB==", "A-==", "AA==AA==", "ÀA==", "=AA="]
)
def test_other_spellings_of_bytes_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match=r"^hash "):
        parse_base64(text, "hash")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_hashes_have_32_bytes(length: int) -> None:
    with pytest.raises(MalformedError, match=f"hash has {length} bytes"):
        parse_hash(encode_base64(bytes(length)), "hash")
