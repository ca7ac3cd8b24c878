"""Receipts: a commitment's place, proven against the entry alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url
from ledger.errors import CairnError, MalformedError, ProofError
from ledger.log.body import parse_body
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import prove_item
from ledger.log.receipt import MAX_PATH, Receipt, encode_receipt, parse_receipt, verify_receipt
from tests.simulator import SimulatedLog, seeded

LOG = SimulatedLog("granite", batch=8)
INDEX = LOG.cut([seeded("copy", n) for n in range(3)])
ENTRY = parse_entry(LOG.entries[INDEX])
ITEMS = parse_body("issue", LOG.bodies[INDEX] or b"")
GOOD = Receipt(LOG.log_id, INDEX, 1, prove_item(ITEMS, 1))


@pytest.mark.parametrize("position", range(8))
def test_every_item_of_a_batch_has_a_receipt(position: int) -> None:
    verify_receipt(replace(GOOD, position=position, path=prove_item(ITEMS, position)), ITEMS[position], ENTRY)


@pytest.mark.parametrize(
    ("receipt", "commitment", "entry", "error", "message"),
    [
        (replace(GOOD, index=3), ITEMS[1], ENTRY, MalformedError, "entry 3: entry 2 was given for it"),  # 1
        (replace(GOOD, index=1), ITEMS[1], parse_entry(LOG.entries[1]), MalformedError, "entry 1: its kind is anchor"),
        (replace(GOOD, index=3), ITEMS[1], parse_entry(LOG.entries[3]), MalformedError, "entry 3: its kind is status"),
        (replace(GOOD, position=8), ITEMS[1], ENTRY, ProofError, "position 8 in a batch of 8"),  # 2
        (replace(GOOD, position=2), ITEMS[1], ENTRY, ProofError, "leads to root"),  # 3
        (GOOD, ITEMS[2], ENTRY, ProofError, "leads to root"),
        (GOOD, ITEMS[1][:31], ENTRY, ProofError, "leads to root"),
        (replace(GOOD, path=GOOD.path[:-1]), ITEMS[1], ENTRY, ProofError, "too few"),
        (replace(GOOD, path=(*GOOD.path, bytes(32))), ITEMS[1], ENTRY, ProofError, "too many"),
        (replace(GOOD, path=GOOD.path[::-1]), ITEMS[1], ENTRY, ProofError, "leads to root"),
        (replace(GOOD, path=(bytes(32), *GOOD.path[1:])), ITEMS[1], ENTRY, ProofError, "leads to root"),
    ],
)
def test_verify_receipt_refuses(
    receipt: Receipt, commitment: bytes, entry: object, error: type[CairnError], message: str
) -> None:
    with pytest.raises(error, match=message):
        verify_receipt(receipt, commitment, entry)  # type: ignore[arg-type]  # rows hold entries


def test_the_json_of_a_receipt() -> None:
    assert encode_receipt(GOOD) == {
        "index": 2,
        "log": encode_log_id(LOG.log_id),
        "path": [base64url.encode(step) for step in GOOD.path],
        "position": 1,
    }
    assert parse_receipt(encode_receipt(GOOD)) == GOOD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index": -1}, "index -1"),
        ({"index": "2"}, "index is not an integer"),
        ({"position": 1.5}, "position is not an integer"),
        ({"log": "AA"}, "32"),
        ({"path": "AA"}, "path is not an array"),
        ({"path": ["AA"]}, "32"),
        ({"path": [base64url.encode(bytes(32))] * (MAX_PATH + 1)}, "18 items, more than 17"),
        ({"more": 1}, "unknown member 'more'"),
        ({"log": None}, "log is missing"),
    ],
)
def test_parse_refuses(change: dict[str, object], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_receipt({**encode_receipt(GOOD), **change})


@pytest.mark.parametrize("value", [None, 3, [], "receipt"])
def test_what_is_no_object_is_no_receipt(value: object) -> None:
    with pytest.raises(MalformedError, match="receipt: not an object"):
        parse_receipt(value)


hashes = st.binary(min_size=32, max_size=32)


@given(
    st.builds(
        Receipt,
        log=hashes.map(LogId),
        index=st.integers(0, 2**53 - 1),
        position=st.integers(0, 2**53 - 1),
        path=st.lists(hashes, max_size=MAX_PATH).map(tuple),
    )
)
def test_parse_inverts_encode(receipt: Receipt) -> None:
    assert parse_receipt(encode_receipt(receipt)) == receipt
