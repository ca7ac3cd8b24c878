"""Tests of ledger.credential.strict_json."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.strict_json import name_type, parse_strict_json, parse_strict_object
from ledger.errors import MalformedError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def parse(text: str | bytes, **limits: int) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return parse_strict_json(data, **({"max_bytes": 1 << 20} | limits))


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_any_spelling_of_a_value_is_read(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Spacing and escapes are the writer's choice, as the other parser reads them."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse(text, max_depth=64) == json.loads(text)


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\u0041ntf-.e ', max_size=40).map(str.encode))
def test_hostile_bytes_are_read_as_everybody_does_or_refused(data: bytes) -> None:
    """Nothing but MalformedError escapes, and nothing is accepted that the standard parser would not read so."""
    try:
        value = parse(data)
    except MalformedError:
        return
    assert value == json.loads(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1,"a":1}', "'a' stands twice"),
        ('{"a":1,"\\u0061":2}', "'a' stands twice"),
        ('{"b":[{"x":{},"y":0,"x":{}}]}', "'x' stands twice"),
        ('["s","n",{"a":1, "a":2}]', "'a' stands twice"),
        ('{"a" :1,"b":"\\":","a":2}', "'a' stands twice"),
        ("NaN", "not JSON"),
        ("[Infinity]", "not JSON"),
        ("1e999", "beyond the range|not JSON"),
        ("18446744073709551616", "at most 64 bits"),
        ("-9223372036854775809", "at most 64 bits"),
        ("9" * 5000, "at most 64 bits|not JSON"),
        ('"\\ud800"', "not JSON"),
        ('{"a":1}x', "not JSON"),
        ('{"a":1}{"a":1}', "not JSON"),
        ("", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "not JSON"),
        ("{'a':1}", "not JSON"),
        ("[1,]", "not JSON"),
        ('"\n"', "not JSON"),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: str | bytes, message: str) -> None:
    """Each ambiguous or broken text is refused for its own reason."""
    with pytest.raises(MalformedError, match=message):
        parse(text)


@pytest.mark.parametrize(
    "text", ["1.5", "-0", "1e5", "1.0", "18446744073709551615", '"a:b"', '{"a":":"}', "null", " [ ] "]
)
def test_foreign_spellings_are_read(text: str) -> None:
    """What no issuer of ours would write but others do."""
    assert parse(text) == json.loads(text)


def nested(depth: int) -> str:
    return (
        "".join("[" if level % 2 else '{"a":' for level in range(depth))
        + "0"
        + "".join("]" if level % 2 else "}" for level in reversed(range(depth)))
    )


@pytest.mark.parametrize("noise", ["", '"]]]}}}",', '"\\"]]\\\\",', '"[[[[{{{",', '"\\\\",'])
def test_nesting_is_bounded_exactly(noise: str) -> None:
    """Brackets inside strings neither add to the depth nor take from it."""
    for depth in (30, 31):
        assert parse(f"[{noise}{nested(depth)}]")
    with pytest.raises(MalformedError, match="deeper than 32"):
        parse(f"[{noise}{nested(32)}]")


@pytest.mark.parametrize("depth", [33, 200, 254, 255, 300, 1000, 1024, 1025, 5000])
@pytest.mark.parametrize("padding", [0, 100_000])
def test_any_depth_is_refused_in_words(depth: int, padding: int) -> None:
    """Other parsers and writers have limits of their own below; none of them shows."""
    inside = "0," * padding + "0"
    for text in ("[" * depth + inside + "]" * depth, '{"a":' * depth + f"[{inside}]" + "}" * depth):
        with pytest.raises(MalformedError, match="deeper than 32"):
            parse(text)


def test_a_wide_and_deep_megabyte_takes_little_memory() -> None:
    """A bound on depth is no lever: many small values far inside are not written out with their indents."""
    depth = 250
    text = "[" * depth + "0," * ((1 << 19) - depth - 1) + "0" + "]" * depth
    tracemalloc.start()
    with pytest.raises(MalformedError, match="deeper than 32"):
        parse(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_wide_is_not_deep() -> None:
    """Many siblings are one level."""
    assert len(parse("[" + ",".join(["[]", "{}"] * 5000) + "]")) == 10_000


@pytest.mark.parametrize("unit", ["[", '{"a":', '"', '\\"', "\\", '["\\""', "[]", "}{"])
def test_a_hostile_megabyte_costs_little(unit: str) -> None:
    """Limits are checked without recursion and in time that grows with the size alone; the deadline is the suite's."""
    with pytest.raises(MalformedError):
        parse(('"' + unit * (1 << 20))[: 1 << 20])
    with pytest.raises(MalformedError):
        parse((unit * (1 << 20))[: 1 << 20])


def test_size_is_bounded_exactly() -> None:
    """At the limit it is read, one byte later it is not."""
    assert parse('"aa"', max_bytes=4) == "aa"
    with pytest.raises(MalformedError, match="5 bytes, at most 4"):
        parse('"aaa"', max_bytes=4)


def test_an_object_is_demanded() -> None:
    """The message names what was found instead."""
    assert parse_strict_object(b'{"a":null}', max_bytes=100) == {"a": None}
    with pytest.raises(MalformedError, match="header: expected a JSON object, found an array"):
        parse_strict_object(b"[]", max_bytes=100, where="header")


def test_types_have_names_people_read() -> None:
    """One name for each JSON type."""
    values = [None, True, 1, 1.5, "x", [], {}]
    assert [name_type(value) for value in values] == [
        "nothing", "a truth value", "a number", "a number", "a text", "an array", "an object",
    ]  # fmt: skip
