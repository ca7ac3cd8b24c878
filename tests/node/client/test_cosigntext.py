"""The text of `add-checkpoint`: one spelling, bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from node.client.cosigntext import (
    MAX_REQUEST_BYTES,
    encode_cosign_request,
    encode_size,
    parse_cosign_request,
    parse_size,
)
from node.client.exchange import MAX_NOTE_BYTES, CosignRequest

HASH = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@given(
    st.integers(0, 2**53 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(min_size=1, max_size=50),
)
def test_requests_come_back(old: int, proof: list[bytes], note: bytes) -> None:
    request = CosignRequest(old_size=old, proof=tuple(proof), note=note)
    assert parse_cosign_request(encode_cosign_request(request)) == request


def test_the_address_of_the_caller_does_not_cross() -> None:
    request = CosignRequest(old_size=3, proof=(bytes(32),), note=b"note", address="a:1")
    assert encode_cosign_request(request) == b"old 3\n" + HASH + b"\nnote"


@given(st.binary(max_size=120) | st.lists(st.sampled_from([b"old 3\n", HASH, b"\n", b"old 03\n", b"x"])).map(b"".join))
def test_what_is_read_has_one_spelling(data: bytes) -> None:
    try:
        request = parse_cosign_request(data)
    except MalformedError:
        return
    assert encode_cosign_request(request) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no empty line"),
        (b"old 1\n", "no empty line"),
        (b"old 1\n\n", "no empty line"),
        (b"old 1\n\n" + bytes(MAX_NOTE_BYTES + 1), "no empty line followed by a checkpoint of at most"),
        (b"new 1\n\nnote", "does not begin with"),
        (b"old\n\nnote", "does not begin with"),
        (b"old 01\n\nnote", "leading zeros"),
        (b"old -1\n\nnote", "old size '-1' is not a number"),
        (b"old  1\n\nnote", "old size ' 1' is not a number"),
        (b"old 9007199254740992\n\nnote", "is not a number up to"),
        (b"old 1\r\n\nnote", "is not a number"),
        (b"old 1\n\xff\n\nnote", "byte 6 is not ASCII"),
        (b"old 1\nAAAA\n\nnote", "hash 1 has 3 bytes"),
        (b"old 1\n" + HASH[:-3] + b"B=\n\nnote", "hash 1 is not in its one base64 spelling"),
        (b"old 1\n" + HASH * 64 + b"\nnote", "64 hashes are more than 63"),
        (bytes(MAX_REQUEST_BYTES + 1), "at most"),
    ],
)
def test_what_is_no_request(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_cosign_request(data)


def test_63_hashes_and_the_longest_note_are_taken() -> None:
    data = b"old 9007199254740991\n" + HASH * 63 + b"\n" + bytes(MAX_NOTE_BYTES)
    assert len(parse_cosign_request(data).proof) == 63


def test_a_conflict_is_one_number() -> None:
    assert parse_size(encode_size(57)) == 57
    for data in (b"", b"57", b"57\n\n", b"057\n", b" 57\n", b"57 \n", b"\xff\n", b"9007199254740992\n"):
        with pytest.raises(MalformedError, match="conflict: "):
            parse_size(data)
