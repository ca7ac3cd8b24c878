"""Receipts that come beside a credential and not within its file: which of them is its own is told by proof alone."""

from collections.abc import Sequence

from ledger.credential.verify_status import read_entry
from ledger.credential.verify_token import TokenFindings
from ledger.errors import CairnError
from ledger.log.network import Network
from ledger.log.receipt import Receipt, parse_receipt, verify_receipt

MAX_RECEIPTS = 1_000
"""Receipts that are tried for one credential."""


def choose_receipt(token: TokenFindings, network: Network, receipts: Sequence[object]) -> object | None:
    """Give the receipt that proves a credential, else one above all that is held, which a sync may confirm.

    Args:
        token: what steps 1 to 5 found.
        network: the verifier's view.
        receipts: JSON objects, unread, in any order, also of other credentials.
    """
    if not token.is_believed or token.owner is None:
        return None
    line, newer = network.line_of(token.owner), None
    for value in receipts[:MAX_RECEIPTS]:
        try:
            receipt = parse_receipt(value)
        except CairnError:
            continue
        view = network.ledger.log(receipt.log) if receipt.log in line else None
        if view is not None and receipt.index >= view.state.size:
            newer = newer or value
        elif view is not None and _proves(receipt, token.commitment, network):
            return value
    return newer


def _proves(receipt: Receipt, commitment: bytes, network: Network) -> bool:
    view = network.ledger.log(receipt.log)
    try:
        if view is not None:
            verify_receipt(receipt, commitment, read_entry(network, receipt.log, view, receipt.index))
    except CairnError:
        return False
    return view is not None
