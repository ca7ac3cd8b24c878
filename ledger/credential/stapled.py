"""Stapled status: one piece of the newest status page, proven up to a head, for whoever holds older pages (DESIGN 4).

A wallet cuts it from a whole page of its replica, so nobody is asked about a slot. It counts only if

1. the list's own log is the one it is of, and it names no log that one does not succeed;
2. its entry is above everything held of that log, and the last below its checkpoint (every cut ends so);
3. the log key signed that checkpoint, and the entry stands under it;
4. the checkpoint has a quorum, and its time is within the trust root's `max_age`;
5. one `operate` key, in force in the state held, signed the entry;
6. the piece is the one of that page that holds the slot;
7. no undecided fork of that log is known.
"""

from dataclasses import dataclass
from functools import partial

from ledger import base64url
from ledger.canonical import Fields, JSONObject
from ledger.credential import status
from ledger.credential.status import Status, StatusReference
from ledger.credential.validity import MAX_QUORUM_AHEAD_MS, format_instant
from ledger.errors import CairnError, PolicyError
from ledger.log.body import parse_body
from ledger.log.checkpoint import Checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.identity import LogId
from ledger.log.members import judge_by_any, judge_quorum
from ledger.log.merkle import Proof, hash_leaf, prove_item, verify_inclusion
from ledger.log.network import Network
from ledger.log.records import StatusUpdate
from ledger.log.standalone import (
    EntryProof,
    encode_entry_proof,
    open_entry,
    prove_entry,
    read_entry_proof,
    read_path,
    verify_signer,
)
from ledger.log.state import LogState
from ledger.log.view import LogView


@dataclass(frozen=True, slots=True)
class StapledStatus:
    """A `status` entry with its proof, the 1,024-byte piece of its page that holds one slot, and the piece's path."""

    page: EntryProof
    piece: bytes
    path: Proof


@dataclass(frozen=True, slots=True)
class StapledFinding:
    """What a stapled status that counts says: the status, at which entry, under a head of which size and time."""

    status: Status
    index: int
    size: int
    seconds: int


def prove_status(view: LogView, reference: StatusReference) -> StapledStatus | None:
    """Cut a stapled status from a held log; `None` where its newest page is not the last entry, or lacks the list.

    Raises:
        CairnError: what is held is damaged.
    """
    index = view.state.size - 1
    page, body = view.state.newest_status, view.body(index)
    if page is None or page.index != index or body is None:
        return None
    entry = parse_entry(view.entry(index))
    if not isinstance(entry.statement, StatusUpdate) or entry.statement.restates is not None:
        return None
    try:
        item, _ = status.page_position(entry.statement.lists, reference.log, reference.number, reference.slot)
    except CairnError:
        return None
    items = parse_body("status", body)
    return StapledStatus(prove_entry(view, index), items[item], prove_item(items, item))


def read_stapled(
    value: object, network: Network, log: LogId, view: LogView, reference: StatusReference, now: int
) -> StapledFinding:
    """Read a stapled status that counts; the conditions are those above.

    Args:
        value: the JSON object that was shown.
        network: the verifier's view.
        log: whose newest page decides about the list, as far as is held.
        view: that log.
        reference: the slot.
        now: Unix ms.

    Raises:
        CairnError: it does not count; the message says why.
    """
    stapled = parse_stapled(value)
    fork = network.fork_of(log)
    if fork is not None and fork.is_open:  # 7
        raise PolicyError("two histories of that log were signed")
    entry, checkpoint = open_entry(stapled.page, view.state.verifier_key_at(view.state.size))  # 3
    statement = _check_entry(entry, checkpoint, network, log, view.state)  # 1, 2
    sets = network.witness_sets_for(log, checkpoint.size, checkpoint.root)
    quorum = judge_by_any(sets, partial(judge_quorum, stapled.page.proof.note, log))
    if quorum.seconds is None or quorum.fresh is None:  # 4
        raise PolicyError(f"{quorum.present} of the {quorum.required} cosignatures needed")
    if now - quorum.seconds * 1000 < -MAX_QUORUM_AHEAD_MS or now - quorum.fresh * 1000 > network.trust.max_age:
        raise PolicyError(f"its head is of {format_instant(quorum.seconds * 1000)}")
    verify_signer(entry, view.state)  # 5
    item, offset = status.page_position(statement.lists, reference.log, reference.number, reference.slot)  # 6
    body = statement.reference
    verify_inclusion(hash_leaf(stapled.piece), item, body.items, stapled.path, body.root)
    found = status.read_status(stapled.piece[offset], reference.key, entry.statement.id)
    return StapledFinding(found, entry.index, checkpoint.size, quorum.seconds)


def encode_stapled(stapled: StapledStatus) -> JSONObject:
    """Give a stapled status as ledger JSON."""
    return {
        **encode_entry_proof(stapled.page),
        "path": [base64url.encode(step) for step in stapled.path],
        "piece": base64url.encode(stapled.piece),
    }


def parse_stapled(value: object) -> StapledStatus:
    """Read a stapled status.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    fields = Fields(value, "stapled status")
    page = read_entry_proof(fields)
    stapled = StapledStatus(page, fields.data("piece", status.ITEM_BYTES), read_path(fields, "path"))
    fields.finish()
    return stapled


def _check_entry(entry: Entry, checkpoint: Checkpoint, network: Network, log: LogId, state: LogState) -> StatusUpdate:
    statement = entry.statement
    if not isinstance(statement, StatusUpdate) or statement.restates is not None:
        raise PolicyError(f"entry {entry.index} is no status page")
    if statement.log != log or not all(network.may_restate(log, LogId(place.log)) for place in statement.lists):  # 1
        raise PolicyError(f"entry {entry.index} is a page of another institution")
    if entry.index < state.size:  # 2
        raise PolicyError(f"entry {entry.index} is not newer than the {state.size} entries held")
    if entry.index != checkpoint.size - 1:
        raise PolicyError(f"entry {entry.index} is not the last of the {checkpoint.size} below its head")
    return statement
