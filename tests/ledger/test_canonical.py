"""Ledger JSON: what is accepted is canonical, and agrees with RFC 8785 as others write it."""

import json
from enum import StrEnum

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.canonical import MAX_DEPTH, MAX_INTEGER, Fields, JSONValue
from ledger.errors import MalformedError
from tests.shared import shared_path

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
scalars = st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=8)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))
objects = st.dictionaries(names, values, max_size=5)


def nested(depth: int) -> dict[str, JSONValue]:
    value: dict[str, JSONValue] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@given(objects)
def test_objects_come_back(value: dict[str, JSONValue]) -> None:
    """`parse` inverts `encode`, and the bytes are those of an independent RFC 8785 encoder."""
    data = canonical.encode(value)
    assert rfc8785.dumps(value) == data
    assert canonical.parse(data, max_bytes=len(data)) == value


@given(st.binary(max_size=40) | st.text('{}[]":,a0-.e\\u1null', max_size=20).map(str.encode))
def test_accepted_bytes_are_canonical(data: bytes) -> None:
    """Whatever `parse` accepts, `encode` gives back."""
    try:
        value = canonical.parse(data, max_bytes=100)
    except MalformedError:
        return
    assert canonical.encode(value) == data


def test_every_character_is_written_as_rfc_8785_does() -> None:
    """orjson's escapes are RFC 8785's, for every character there is: the fast encoder may stand in for the slow one."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(characters), 4096):
        text = "".join(characters[start : start + 4096])
        assert canonical.encode({"a": text}) == rfc8785.dumps({"a": text})


@pytest.mark.parametrize("name", ["arrays", "structures", "unicode", "values"])
def test_published_vectors_agree_or_are_outside_ledger_json(name: str) -> None:
    """Of the RFC 8785 vectors, those within ledger JSON give the published bytes; the others are refused."""
    value = json.loads(shared_path(f"vectors/formats/jcs/input/{name}.json").read_text())
    wanted = bytes.fromhex(shared_path(f"vectors/formats/jcs/outhex/{name}.txt").read_text())
    try:
        data = canonical.encode({"value": value})
    except MalformedError:
        with pytest.raises(MalformedError):
            canonical.parse(b'{"value":' + wanted + b"}", max_bytes=10_000)
    else:
        assert data == b'{"value":' + wanted + b"}"


def test_published_strings_give_the_published_bytes() -> None:
    """The text values of the vectors, taken alone, are written as the vectors say."""
    for name in ("structures", "unicode", "values"):
        value = json.loads(shared_path(f"vectors/formats/jcs/input/{name}.json").read_text())
        wanted = shared_path(f"vectors/formats/jcs/output/{name}.json").read_text()
        for text in (*value.keys(), *value.values()):
            if isinstance(text, str):
                assert canonical.encode(text).decode() in wanted


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not json"),
        (b"{", "not json"),
        (b"[]", "not an object"),
        (b'"a"', "not an object"),
        (b"1", "not an object"),
        (b"null", "not an object"),
        (b'{"a":null}', "a null is not allowed"),
        (b'{"a":[null]}', "a null is not allowed"),
        (b'{"a":1.5}', "a fraction is not allowed"),
        (b'{"a":1.0}', "a fraction is not allowed"),
        (b'{"a":1e3}', "a fraction is not allowed"),
        (b'{"a":-0}', "not in canonical form|fraction"),
        (b'{"a":01}', "not json"),
        (b'{"a":9007199254740992}', "53"),
        (b'{"a":-9007199254740992}', "53"),
        (b'{"a":18446744073709551616}', "fraction"),
        (b'{"a":NaN}', "not json"),
        (b'{"a":1,"a":1}', "not in canonical form"),
        (b'{"a":1,"a":2}', "not in canonical form"),
        (b'{"b":1,"a":1}', "not in canonical form"),
        (b'{"a": 1}', "not in canonical form"),
        (b' {"a":1}', "not in canonical form"),
        (b'{"a":1}\n', "not in canonical form"),
        (b'{"a":1}{', "not json"),
        (b'{"a":"\\u0041"}', "not in canonical form"),
        (b'{"a":"\\/"}', "not in canonical form"),
        (b'{"a":"\\u001F"}', "not in canonical form"),
        (b'{"a":"\\u000a"}', "not in canonical form"),
        (b'{"\\u0061":1}', "not in canonical form"),
        (b'{"a":"\\ud800"}', "not json"),
        (b'{"a":"\xff"}', "not json"),
        (b'{"a":"\xed\xa0\x80"}', "not json"),
        (b'\xef\xbb\xbf{"a":1}', "not json"),
        (b'{"":1}', "member name"),
        (b'{"A":1}', "member name"),
        (b'{"_a":1}', "member name"),
        (b'{"1a":1}', "member name"),
        (b'{"a-b":1}', "member name"),
        (b'{"a\\n":1}', "member name"),
        (b'{"a":{"b":[{"C":1}]}}', "member name"),
        ('{"ä":1}'.encode(), "member name"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "not json"),
    ],
)
def test_other_bytes_are_refused(data: bytes, problem: str) -> None:
    """One row for every way to be JSON and not ledger JSON."""
    with pytest.raises(MalformedError, match=problem):
        canonical.parse(data, max_bytes=20_000)


def test_limits_hold_at_the_edge() -> None:
    """Depth, integers and bytes are accepted at the limit and refused one past it."""
    deepest = canonical.encode(nested(MAX_DEPTH))
    assert canonical.parse(deepest, max_bytes=len(deepest)) == nested(MAX_DEPTH)
    with pytest.raises(MalformedError, match="exceed the limit"):
        canonical.parse(deepest, max_bytes=len(deepest) - 1)
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.encode(nested(MAX_DEPTH + 1))
    with pytest.raises(MalformedError, match="nested deeper"):
        canonical.parse(orjson.dumps(nested(MAX_DEPTH + 1)), max_bytes=1000)
    for edge in (MAX_INTEGER, -MAX_INTEGER):
        assert canonical.parse(canonical.encode({"a": edge}), max_bytes=100) == {"a": edge}


@pytest.mark.parametrize(
    "value",
    [None, 1.0, {"a": None}, {"a": [1.5]}, {"A": 1}, {1: 1}, {"a": b"x"}, {"a": "\ud800"}, {"a": 2**53}, {"a": {1, 2}}],
)
def test_values_outside_ledger_json_are_not_encoded(value: JSONValue) -> None:
    with pytest.raises(MalformedError, match="ledger json: "):
        canonical.encode(value)


def test_enumeration_members_are_written_as_their_values() -> None:
    """A `StrEnum` member may stand where text does."""
    kind = StrEnum("kind", {"ISSUE": "issue"})
    assert canonical.encode({"kind": kind("issue"), "row": (1, 2)}) == b'{"kind":"issue","row":[1,2]}'


def test_fields_read_each_kind_of_member() -> None:
    fields = Fields(
        {"t": "x", "i": 3, "f": True, "d": "AAE", "o": {"a": 1}, "n": {}, "l": [1], "s": ["a", "b"]}, "thing"
    )
    assert fields.has("t")
    assert fields.text("t") == "x"
    assert not fields.has("t")
    assert fields.integer("i", 3, 3) == 3
    assert fields.flag("f") is True
    assert fields.data("d", 2) == b"\x00\x01"
    assert fields.object("o") == {"a": 1}
    fields.fields("n").finish()
    assert fields.array("l") == [1]
    assert fields.texts("s") == ("a", "b")
    fields.finish()


def test_optional_fields_are_read_or_none() -> None:
    there = Fields({"t": "x", "i": 3, "f": False, "d": "AA", "o": {}, "n": {}, "l": [], "s": []}, "thing")
    empty = Fields({}, "thing")
    assert (there.optional_text("t"), empty.optional_text("t")) == ("x", None)
    assert (there.optional_integer("i"), empty.optional_integer("i")) == (3, None)
    assert (there.optional_flag("f"), empty.optional_flag("f")) == (False, None)
    assert (there.optional_data("d", 1), empty.optional_data("d", 1)) == (b"\x00", None)
    assert (there.optional_object("o"), empty.optional_object("o")) == ({}, None)
    assert there.optional_fields("n") is not None
    assert empty.optional_fields("n") is None
    assert (there.optional_array("l"), empty.optional_array("l")) == ([], None)
    assert (there.optional_texts("s"), empty.optional_texts("s")) == ((), None)
    there.finish()
    empty.finish()


@pytest.mark.parametrize(
    ("value", "read", "problem"),
    [
        ([], lambda f: f.finish(), "thing: not an object"),
        ({"b": 1, "c": 2}, lambda f: f.finish(), "thing: unknown member 'b'"),
        ({}, lambda f: f.text("a"), "thing: a is missing"),
        ({"a": None}, lambda f: f.text("a"), "thing: a is missing"),
        ({"a": None}, lambda f: (f.optional_text("a"), f.finish()), "thing: unknown member 'a'"),
        ({"a": 1}, lambda f: f.text("a"), "thing: a is not text"),
        ({"a": "xy"}, lambda f: f.text("a", 1), "thing: a has 2 characters, more than 1"),
        ({"a": "1"}, lambda f: f.integer("a"), "thing: a is not an integer"),
        ({"a": True}, lambda f: f.integer("a"), "thing: a is not an integer"),
        ({"a": -1}, lambda f: f.integer("a"), "thing: a -1 is not within 0"),
        ({"a": 5}, lambda f: f.integer("a", 0, 4), "thing: a 5 is not within 0 and 4"),
        ({"a": 1}, lambda f: f.flag("a"), "thing: a is not true or false"),
        ({"a": 1}, lambda f: f.data("a"), "thing: a is not base64url text"),
        ({"a": "AAA"}, lambda f: f.data("a", 3), "thing: a: base64url: 3 characters"),
        ({"a": "AB"}, lambda f: f.data("a"), "thing: a: base64url: "),
        ({"a": []}, lambda f: f.object("a"), "thing: a is not an object"),
        ({"a": {"b": 1}}, lambda f: f.fields("a").finish(), "thing: a: unknown member 'b'"),
        ({"a": {}}, lambda f: f.array("a"), "thing: a is not an array"),
        ({"a": [1, 2]}, lambda f: f.array("a", 1), "thing: a has 2 items, more than 1"),
        ({"a": ["x", 1]}, lambda f: f.texts("a"), "thing: a holds something that is not text"),
    ],
)
def test_fields_refuse(value, read, problem: str) -> None:
    """Every reader names the object, the member and what is wrong."""
    with pytest.raises(MalformedError, match=problem):
        read(Fields(value, "thing"))


def test_names_of_large_files_are_not_remembered() -> None:
    """A night of hostile files of ten MiB each must not stay in memory."""
    known = canonical._check_known_names.cache_info().currsize
    canonical.parse(b'{"' + b"a" * 70_000 + b'":1}', max_bytes=100_000)
    assert canonical._check_known_names.cache_info().currsize == known
