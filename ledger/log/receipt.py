"""Receipts: where a commitment stands.

A receipt names a log, the index of an `issue` entry, a position in its body and the path from there to the body root. It
proves itself against any replica that holds the entry; the body itself is not needed.
"""

from dataclasses import dataclass

from ledger import base64url
from ledger.canonical import Fields, JSONObject
from ledger.errors import CairnError, MalformedError, ProofError, at_place
from ledger.log.entry import Entry
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.merkle import HASH_BYTES, Proof, hash_leaf, verify_inclusion
from ledger.log.records import Issue

MAX_PATH = 17
"""Hashes in a path: bodies have at most 2^17 items."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Entry `index` of `log` holds a commitment at `position` of its body; `path` leads from it to the body root."""

    log: LogId
    index: int
    position: int
    path: Proof


def encode_receipt(receipt: Receipt) -> JSONObject:
    """Give a receipt as ledger JSON."""
    return {
        "index": receipt.index,
        "log": encode_log_id(receipt.log),
        "path": [base64url.encode(step) for step in receipt.path],
        "position": receipt.position,
    }


def parse_receipt(value: object) -> Receipt:
    """Read a receipt.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    fields = Fields(value, "receipt")
    path = fields.texts("path", MAX_PATH)
    receipt = Receipt(
        log=LogId(fields.data("log", LOG_ID_LENGTH)),
        index=fields.integer("index"),
        position=fields.integer("position"),
        path=_read_path(path),
    )
    fields.finish()
    return receipt


def verify_receipt(receipt: Receipt, commitment: bytes, entry: Entry) -> None:
    """Check that an entry of the receipt's log holds a commitment where the receipt says.

    That the entry is the one in the log is the caller's part. In order: (1) the entry is the named batch; (2) the
    position is in it; (3) the path leads from the commitment to the body root.

    Raises:
        MalformedError: (1) the entry has another index or is no batch.
        ProofError: (2) or (3).
    """
    try:
        _verify(receipt, commitment, entry)
    except CairnError as error:
        raise at_place(error, f"receipt of log {encode_log_id(receipt.log)}, entry {receipt.index}") from error


def _verify(receipt: Receipt, commitment: bytes, entry: Entry) -> None:
    if entry.index != receipt.index:
        raise MalformedError(f"entry {entry.index} was given for it")
    if not isinstance(entry.statement, Issue):
        raise MalformedError(f"its kind is {entry.statement.kind}, so it is not a batch of commitments")
    reference = entry.statement.reference
    if receipt.position >= reference.items:
        raise ProofError(f"position {receipt.position} in a batch of {reference.items}")
    verify_inclusion(hash_leaf(commitment), receipt.position, reference.items, receipt.path, reference.root)


def _read_path(steps: tuple[str, ...]) -> Proof:
    try:
        return tuple(base64url.decode(step, HASH_BYTES) for step in steps)
    except MalformedError as error:
        raise MalformedError(f"receipt: path: {error}") from error
