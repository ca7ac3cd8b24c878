"""Bits in their two orders, compression in its two forms, and bounds."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.plainlist.packing import (
    MAX_LIST_BYTES,
    Compression,
    compress,
    expand,
    pack_left,
    pack_right,
    read_left,
    read_right,
)
from ledger.errors import MalformedError


def test_the_two_orders_differ() -> None:
    """Place 0 is the most significant bit of a bitstring, and the least significant one of a token list."""
    assert pack_left({0: 1}, 16, 1) == b"\x80\x00"
    assert pack_right({0: 1}, 16, 1) == b"\x01\x00"
    assert pack_left({1: 2}, 8, 2) == b"\x20\x00"
    assert pack_right({1: 2}, 8, 2) == b"\x08\x00"
    # the worked example of the token list's text
    assert pack_right(dict(enumerate((1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1))), 16, 1) == b"\xb9\xa3"


@given(st.integers(1, 16).flatmap(lambda bits: st.tuples(st.just(bits), st.lists(st.integers(0, (1 << bits) - 1)))))
def test_left_packing_round_trip(case: tuple[int, list[int]]) -> None:
    """Every value is read back from its place, for every size."""
    bits, values = case
    data = pack_left(dict(enumerate(values)), len(values), bits)
    assert len(data) == (len(values) * bits + 7) // 8
    assert [read_left(data, place, bits) for place in range(len(values))] == values


@given(
    st.sampled_from((1, 2, 4, 8)).flatmap(lambda bits: st.tuples(st.just(bits), st.lists(st.integers(0, 2**bits - 1))))
)
def test_right_packing_round_trip(case: tuple[int, list[int]]) -> None:
    """Every value is read back from its place."""
    bits, values = case
    data = pack_right(dict(enumerate(values)), len(values), bits)
    assert [read_right(data, place, bits) for place in range(len(values))] == values


@pytest.mark.parametrize(("values", "places", "bits"), [({4: 1}, 4, 1), ({0: 2}, 4, 1), ({-1: 0}, 4, 1), ({}, 4, 17)])
def test_values_that_do_not_fit_are_a_mistake_of_the_caller(values: dict[int, int], places: int, bits: int) -> None:
    """Never a list with another person's bit."""
    with pytest.raises(ValueError, match="bits"):
        pack_left(values, places, bits)


def test_others_read_what_is_compressed() -> None:
    """Standard gzip and zlib, the same bytes each time."""
    data = bytes(1000) + b"x"
    assert gzip.decompress(compress(data, Compression.GZIP)) == data
    assert zlib.decompress(compress(data, Compression.ZLIB)) == data
    assert compress(data, Compression.GZIP) == compress(data, Compression.GZIP)


@pytest.mark.parametrize("form", list(Compression))
def test_a_bomb_is_not_expanded(form: Compression) -> None:
    """The longest list is; one byte more is not, however small it was sent."""
    assert len(expand(compress(bytes(MAX_LIST_BYTES), form), form, where="list")) == MAX_LIST_BYTES
    bomb = compress(bytes(MAX_LIST_BYTES + 1), form)
    assert len(bomb) < 20_000
    with pytest.raises(MalformedError, match=f"list: expands to more than {MAX_LIST_BYTES} bytes"):
        expand(bomb, form, where="list")


@pytest.mark.parametrize("form", list(Compression))
def test_damage_is_refused(form: Compression) -> None:
    """Another form, data cut short, more data behind, a flipped byte of the checksum."""
    good = compress(b"status" * 100, form)
    other = Compression.GZIP if form is Compression.ZLIB else Compression.ZLIB
    with pytest.raises(MalformedError, match=f"not {form.name.lower()}"):
        expand(compress(b"status", other), form, where="list")
    with pytest.raises(MalformedError, match="cut short"):
        expand(good[:-1], form, where="list")
    with pytest.raises(MalformedError, match="1 bytes stand behind"):
        expand(good + b"!", form, where="list")
    with pytest.raises(MalformedError, match="list: "):
        expand(good[:-1] + bytes([good[-1] ^ 1]), form, where="list")


@given(st.binary(max_size=300), st.sampled_from(list(Compression)))
def test_any_bytes_are_expanded_or_refused(data: bytes, form: Compression) -> None:
    """Nothing else escapes."""
    try:
        expand(data, form, where="list")
    except MalformedError as error:
        assert str(error).startswith("list: ")
