"""Tests of ledger.credential.jcs: RFC 8785 with every vector, and a second opinion."""

import csv
import json
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.jcs import MAX_DEPTH, canonicalize, format_number
from ledger.credential.strict_json import parse_strict_json
from ledger.errors import MalformedError
from tests.conformance import record
from tests.shared import shared_path

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def test_every_number_of_the_vectors() -> None:
    """Each double prints as ECMAScript prints it."""
    wrong = []
    count = 0
    with shared_path("vectors/formats/jcs/numbers.csv").open() as file:
        for bits, text in csv.reader(file):
            (number,) = struct.unpack(">d", bytes.fromhex(bits.rjust(16, "0")))
            count += 1
            if format_number(number) != text:
                wrong.append((bits, text, format_number(number)))
    assert wrong == []
    record("JSON Canonicalization Scheme (RFC 8785)", "numbers", ["vectors/formats/jcs/numbers.csv"], accepted=count)


@pytest.mark.parametrize("name", ["arrays", "structures", "unicode", "values"])
def test_documents_of_the_vectors(name: str) -> None:
    """The canonical form of each document is that of the vectors, byte by byte."""
    folder = shared_path("vectors/formats/jcs")
    value = parse_strict_json((folder / "input" / f"{name}.json").read_bytes(), max_bytes=1 << 20)
    assert canonicalize(value).hex() == "".join((folder / "outhex" / f"{name}.txt").read_text().split())
    record(
        "JSON Canonicalization Scheme (RFC 8785)",
        f"document: {name}",
        [f"vectors/formats/jcs/input/{name}.json"],
        accepted=1,
    )


@given(VALUES)
def test_a_second_implementation_agrees(value: Any) -> None:
    """rfc8785 writes the same bytes, and writing what they say gives them again."""
    assert canonicalize(value) == rfc8785.dumps(value)
    assert canonicalize(json.loads(canonicalize(value), parse_int=float)) == canonicalize(value)


def test_names_are_sorted_by_utf16_units() -> None:
    """Trap 6: U+1F600 is a surrogate pair and sorts before U+FB33, although its code point is greater."""
    assert canonicalize({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**64])
def test_integers_that_doubles_skip_are_refused(number: int) -> None:
    """Trap 6: never rounded."""
    with pytest.raises(MalformedError, match=r"beyond 2\^53 - 1"):
        canonicalize({"n": number})
    assert canonicalize(2**53 - 1) == b"9007199254740991"


def test_duplicate_names_never_get_here() -> None:
    """Trap 6: the parser before refuses them."""
    with pytest.raises(MalformedError, match="stands twice"):
        parse_strict_json(b'{"a":1,"a":2}', max_bytes=100)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "no JSON number"),
        ([float("-inf")], "no JSON number"),
        ("\ud800", "canonical json"),
        ({"\ud800": 1.5}, "lone surrogate"),
        ({"a": b"bytes"}, "a bytes is no JSON value"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any, message: str) -> None:
    """An error names what it is."""
    with pytest.raises(MalformedError, match=message):
        canonicalize(value)


def test_depth_is_bounded() -> None:
    """At the limit and one past it."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    assert canonicalize(value) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    with pytest.raises(MalformedError, match="nested deeper"):
        canonicalize([value])
