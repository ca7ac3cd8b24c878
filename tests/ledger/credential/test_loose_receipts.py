"""Receipts beside a bare SD-JWT: found by proof in any order, and not looked for without end."""

import pytest

from ledger.credential.loose_receipts import MAX_RECEIPTS, choose_receipt
from ledger.credential.verify_token import Terms, examine_token
from ledger.log.receipt import encode_receipt
from tests.ledger.credential.verifying import World
from tests.simulator import NOW


@pytest.mark.parametrize(("before", "is_found"), [(0, True), (MAX_RECEIPTS - 1, True), (MAX_RECEIPTS, False)])
def test_a_receipt_is_found_among_others_up_to_a_bound(before: int, is_found: bool) -> None:
    """Whoever puts a million strange ones before it makes the verifier no slower than a thousand do."""
    world = World()
    one, other = world.good(holder=None), world.good()
    assert one.receipt is not None and other.receipt is not None
    own = encode_receipt(one.receipt)
    network = world.look()
    token = examine_token(one.sd_jwt, network, Terms(now=NOW + 60_000))
    found = choose_receipt(token, network, [encode_receipt(other.receipt)] * before + [own])
    assert found == (own if is_found else None)
