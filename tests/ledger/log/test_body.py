"""Bodies: one encoding for each list of items, and nothing but the named bytes passes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, ProofError
from ledger.log import body
from ledger.log.body import BodyReference
from ledger.log.merkle import EMPTY_ROOT, RootHash, root_of_items

KINDS = ["issue", "status", "publish", "anchor", "evidence", "something-new"]
ITEMS = {
    "issue": [bytes([number]) * 32 for number in range(5)],
    "status": [bytes([number]) * 1024 for number in range(3)],
    "publish": [b'{"a document":true}'],
    "anchor": [b"note one", b"", b"note two"],
    "evidence": [b"proof"],
    "something-new": [b"x", b"yy"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_come_back(kind: str) -> None:
    """Encoded, described, verified: the same items."""
    items = ITEMS[kind]
    data = body.encode_body(kind, items)
    reference = body.describe_body(kind, items)
    assert reference == BodyReference(len(items), root_of_items(items), len(data))
    assert body.parse_body(kind, data) == tuple(items)
    assert body.verify_body(kind, reference, data) == tuple(items)
    assert body.parse_body_reference(reference.to_json(), "body") == reference


def test_the_bytes_of_each_kind() -> None:
    assert body.encode_body("issue", ITEMS["issue"]) == b"".join(ITEMS["issue"])
    assert body.encode_body("status", ITEMS["status"]) == b"".join(ITEMS["status"])
    assert body.encode_body("publish", ITEMS["publish"]) == ITEMS["publish"][0]
    assert body.encode_body("anchor", ITEMS["anchor"]) == b"\0\0\0\x08note one\0\0\0\0\0\0\0\x08note two"
    assert body.encode_body("something-new", (item for item in ITEMS["something-new"])) == b"\0\0\0\1x\0\0\0\2yy"


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=70))
def test_accepted_bytes_are_the_one_encoding(kind: str, data: bytes) -> None:
    try:
        items = body.parse_body(kind, data)
    except MalformedError:
        return
    assert body.encode_body(kind, items) == data


@pytest.mark.parametrize("kind", ["issue", "anchor", "something-new"])
def test_a_body_without_items(kind: str) -> None:
    assert body.describe_body(kind, []) == BodyReference(0, EMPTY_ROOT, 0)
    assert body.verify_body(kind, BodyReference(0, EMPTY_ROOT, 0), b"") == ()


@pytest.mark.parametrize(
    ("kind", "items", "problem"),
    [
        ("issue", [bytes(31)], "kind issue has 32 bytes"),
        ("issue", [bytes(32), bytes(33)], "kind issue has 32 bytes"),
        ("status", [bytes(1023)], "kind status has 1024 bytes"),
        ("publish", [], "kind publish has one item, not 0"),
        ("publish", [b"a", b"b"], "kind publish has one item, not 2"),
        ("publish", [bytes(body.MAX_DOCUMENT_BYTES + 1)], "8388609 bytes exceed the limit of 8388608"),
    ],
)
def test_items_not_encoded(kind: str, items: list[bytes], problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        body.encode_body(kind, items)
    with pytest.raises(MalformedError, match=problem):
        body.describe_body(kind, items)


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        ("issue", bytes(33), "33 bytes are no whole number of 32-byte items"),
        ("status", bytes(1025), "1025 bytes are no whole number of 1024-byte items"),
        ("anchor", b"\0\0\0", "ends within item 0"),
        ("anchor", b"\0\0\0\2x", "ends within item 0"),
        ("anchor", b"\0\0\0\1x\xff\xff\xff\xffx", "ends within item 1"),
        ("publish", bytes(body.MAX_DOCUMENT_BYTES + 1), "exceed the limit"),
        ("issue", bytes(body.MAX_BODY_BYTES + 32), "exceed the limit"),
    ],
)
def test_other_bytes_are_refused(kind: str, data: bytes, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        body.parse_body(kind, data)


def test_limits_are_accepted() -> None:
    assert len(body.parse_body("issue", bytes(body.MAX_BODY_BYTES))) == body.MAX_BODY_BYTES // 32
    document = bytes(body.MAX_DOCUMENT_BYTES)
    assert body.parse_body("publish", document) == (document,)


ISSUE = body.encode_body("issue", ITEMS["issue"])
REFERENCE = body.describe_body("issue", ITEMS["issue"])


@pytest.mark.parametrize(
    ("reference", "data", "error", "problem"),
    [
        (REFERENCE, ISSUE[:-32], ProofError, "128 bytes instead of 160"),
        (REFERENCE, ISSUE + bytes(32), ProofError, "192 bytes instead of 160"),
        (replace(REFERENCE, size=159), ISSUE[:-1], MalformedError, "no whole number"),
        (replace(REFERENCE, items=4), ISSUE, ProofError, "5 items instead of 4"),
        (REFERENCE, ISSUE[:-1] + b"x", ProofError, "root [0-9a-f]{64} is not"),
        (REFERENCE, ISSUE[32:] + ISSUE[:32], ProofError, "root [0-9a-f]{64} is not"),
        (replace(REFERENCE, root=RootHash(bytes(32))), ISSUE, ProofError, "is not 0000"),
    ],
)
def test_bodies_not_verified(reference: BodyReference, data: bytes, error: type[Exception], problem: str) -> None:
    """One row for every step of `verify_body`."""
    with pytest.raises(error, match=problem):
        body.verify_body("issue", reference, data)


@given(st.integers(0, len(ISSUE) * 8 - 1))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    data = bytearray(ISSUE)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProofError):
        body.verify_body("issue", REFERENCE, bytes(data))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"items": -1}, "issue body: items -1"),
        ({"items": "5"}, "issue body: items is not an integer"),
        ({"root": "AA"}, "issue body: root: base64url"),
        ({"size": body.MAX_BODY_BYTES + 1}, "issue body: size 67108865 is not within"),
        ({"extra": 1}, "issue body: unknown member 'extra'"),
    ],
)
def test_references_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        body.parse_body_reference(REFERENCE.to_json() | change, "issue body")
