"""Entries: exact bytes in, exact bytes kept; signatures over the statement as it stands; no second spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError
from ledger.log import statements
from ledger.log.entry import (
    MAX_ENTRY_BYTES,
    NO_PREVIOUS,
    Signature,
    encode_entry,
    parse_entry,
    sign_statement,
)
from ledger.log.keys import KeyId, verify_signature
from ledger.log.merkle import LeafHash, hash_leaf
from ledger.log.records import UnknownStatement
from tests.ledger.log.samples import HEADER, KEYS, SAMPLES
from tests.simulator import SimulatedLog, found_network, seeded

STATEMENT = statements.encode(SAMPLES["issue"])
PREVIOUS = LeafHash(seeded("previous"))


def make(name: str = "issue", keys: int = 2) -> bytes:
    data = statements.encode(SAMPLES[name])
    return encode_entry(7, PREVIOUS, data, sign_statement(data, KEYS[:keys]))


def test_the_bytes_of_an_entry() -> None:
    signature = Signature(KeyId(bytes(32)), bytes(64))
    assert encode_entry(7, PREVIOUS, STATEMENT, [signature]) == (
        b'{"index":7,"previous":"'
        + base64url.encode(PREVIOUS).encode()
        + b'","signatures":[{"key":"'
        + b"A" * 43
        + b'","sig":"'
        + b"A" * 86
        + b'"}],"statement":'
        + STATEMENT
        + b',"v":1}'
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_parse_inverts_encode(name: str) -> None:
    data = make(name)
    entry = parse_entry(data)
    assert (entry.index, entry.previous, entry.statement) == (7, PREVIOUS, SAMPLES[name])
    assert entry.raw == data and entry.leaf_hash == hash_leaf(data)
    assert parse_entry(data, hash_leaf(data)) == entry
    assert encode_entry(entry.index, entry.previous, entry.statement_bytes, entry.signatures) == data


def test_what_is_signed_is_the_statement_as_it_stands() -> None:
    entry = parse_entry(make())
    assert entry.signed_bytes == b"cairn/statement/v1\n" + STATEMENT
    keys = {key.public.id: key.public for key in KEYS}
    for signature in entry.signatures:
        verify_signature(keys[signature.key], entry.signed_bytes, signature.signature)


def test_a_statement_that_imitates_the_frame_is_cut_out_whole() -> None:
    """The mark that ends the signatures may stand inside a statement's text; the first one counts."""
    tricky = UnknownStatement(**HEADER, kind_name="note", reference=None, content={"x": '],"statement":{},"v":1}'})
    data = statements.encode(tricky)
    entry = parse_entry(encode_entry(0, NO_PREVIOUS, data, sign_statement(data, KEYS[:1])))
    assert entry.statement_bytes == data and entry.statement == tricky


def shape(**change: object) -> bytes:
    value = canonical.parse(make(), max_bytes=MAX_ENTRY_BYTES)
    return canonical.encode({name: item for name, item in {**value, **change}.items() if item is not ...})  # type: ignore[misc]


SIGNATURES = canonical.parse(make(), max_bytes=MAX_ENTRY_BYTES)["signatures"]
assert isinstance(SIGNATURES, list)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make() + b"\n", "canonical"),
        (b" " + make(), "canonical"),
        (make().replace(b'"index":7', b'"index":7.0'), "fraction"),
        (make().replace(b'"index":7', b'"index":07'), "not json"),
        (make()[:-1], "not json"),
        (b"[]", "not an object"),
        (b"{}", "v is missing"),
        (shape(v=2), "newer cairn"),
        (shape(index=-1), "index -1"),
        (shape(index=...), "index is missing"),
        (shape(previous=base64url.encode(bytes(31))), "previous"),
        (shape(statement=...), "statement is missing"),
        (shape(statement=[]), "statement is not an object"),
        (shape(signatures=...), "signatures is missing"),
        (shape(signatures=1), "signatures is not an array"),
        (shape(signatures=[]), "0 signatures"),
        (shape(signatures=SIGNATURES[::-1]), "do not ascend"),
        (shape(signatures=[SIGNATURES[0], SIGNATURES[0]]), "do not ascend"),
        (shape(signatures=[{"key": base64url.encode(bytes(32)), "sig": base64url.encode(bytes(63))}]), "sig"),
        (shape(signatures=[{"key": base64url.encode(bytes(32))}]), "sig is missing"),
        (shape(signatures=[{**SIGNATURES[0], "x": '],"statement":{}'}]), "unknown member"),  # type: ignore[dict-item]
        (shape(a=1), "unknown member 'a'"),
        (shape(ss=1), "unknown member 'ss'"),
        (shape(u=1), "unknown member 'u'"),
        (shape(w=1), "unknown member 'w'"),
    ],
)
def test_parse_refuses(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_entry(data)


def test_too_many_signatures_are_refused() -> None:
    rows = [Signature(KeyId(n.to_bytes(32)), bytes(64)) for n in range(65)]
    assert len(parse_entry(encode_entry(0, NO_PREVIOUS, STATEMENT, rows[:64])).signatures) == 64
    with pytest.raises(MalformedError, match="65 signatures"):
        parse_entry(encode_entry(0, NO_PREVIOUS, STATEMENT, rows))


def test_an_entry_ends_at_its_limit() -> None:
    """65,535 bytes, as an entry bundle holds them; one more is refused before anything is parsed."""
    frame = len(statements.encode(UnknownStatement(**HEADER, kind_name="k", reference=None, content={"x": ""})))
    one = sign_statement(b"", KEYS[:1])
    spare = MAX_ENTRY_BYTES - len(encode_entry(0, NO_PREVIOUS, b"", one)) - frame
    fits = statements.encode(UnknownStatement(**HEADER, kind_name="k", reference=None, content={"x": "x" * spare}))
    data = encode_entry(0, NO_PREVIOUS, fits, one)
    assert len(data) == MAX_ENTRY_BYTES and parse_entry(data)
    with pytest.raises(MalformedError, match="65536 bytes, at most 65535"):
        encode_entry(10, NO_PREVIOUS, fits, one)
    with pytest.raises(MalformedError, match="65536 bytes exceed the limit of 65535"):
        parse_entry(data.replace(b'"index":0', b'"index":10'))


def _lived() -> SimulatedLog:
    network, (school,) = found_network("granite")
    school.publish("lantern")
    school.cut([seeded("a copy")])
    school.anchor([network.note or b""])
    return school


LIVED = _lived()


@given(st.data())
def test_any_flipped_byte_of_an_entry_is_refused(data: st.DataObject) -> None:
    """Position, link, signatures, statement: whichever byte changes, the log does not grow by it."""
    index = data.draw(st.integers(1, LIVED.size - 1))
    good = LIVED.entries[index]
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    below = SimulatedLog("granite").state
    for raw, body in list(zip(LIVED.entries, LIVED.bodies, strict=True))[1:index]:
        below.apply(parse_entry(raw), body)
    below.copy().apply(parse_entry(good), LIVED.bodies[index])
    with pytest.raises(CairnError):
        below.apply(parse_entry(bytes(bad)), LIVED.bodies[index])
    assert below.size == index
