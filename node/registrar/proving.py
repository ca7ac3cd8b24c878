"""What a copy proves to whoever holds the log it is of: who signed it, where it stands, what its status is.

The numbered steps are those of `readmit`.
"""

from dataclasses import dataclass

from ledger.credential.sdjwt import verify_issuer_signature
from ledger.credential.status import Status, list_key, page_position, read_status, slot_key
from ledger.errors import CairnError, RuleError, SignatureError
from ledger.log.body import parse_body
from ledger.log.charter import Role
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from ledger.log.keyring import KeyStatus
from ledger.log.records import Issue
from ledger.log.view import LogView
from node.registrar.page import items_of, read_published
from node.registrar.shown import ShownCopy


@dataclass(frozen=True, slots=True)
class Place:
    """Where the commitment of a copy stands."""

    entry: int
    position: int


def verify_shown(shown: ShownCopy, log: LogView, list_root: bytes | None) -> Place:
    """Check steps 1 to 4 and return where the copy stands on the ledger; step 4 only where there is a list root.

    Raises:
        SignatureError, RuleError: as `readmit`.
    """
    if shown.status.log != log.state.log_id:  # 1
        raise RuleError("copy: is of another institution", hint="only the institution that issued it can take it in")
    key = log.state.named.get(shown.key_id)
    if key is None:
        raise SignatureError("copy: is signed by a key that this log never named")
    verify_issuer_signature(shown.token, key)
    place = _find_commitment(shown.commitment, log)
    if place is None:  # 3
        raise RuleError(
            "copy: stands in none of our batches",
            hint="it was never on the ledger, so nobody accepts it: award it again",
        )
    if not any(
        log.state.key_status(shown.key_id, role, place.entry) is KeyStatus.IN_FORCE
        for role in (Role.ISSUE, Role.REGISTER)
    ):  # 2
        raise SignatureError(f"copy: its key was not in force at entry {place.entry}")
    if (
        list_root is not None
        and slot_key(list_key(list_root, shown.status.number), shown.status.slot) != shown.status.key
    ):  # 4
        raise RuleError("copy: its slot key is not one of ours", hint="is keys/list_root.key the right one?")
    return place


def read_shown_status(shown: ShownCopy, log: LogView, later: LogView | None = None) -> Status:
    """Step 5: what the newest page says of a copy.

    Args:
        shown: the copy.
        log: the one it is of.
        later: a successor's, whose page counts if it restates the list.

    Raises:
        RuleError: there is no page with its slot.
    """
    page = None if later is None else read_published(later)
    if page is None or not items_of(page, LogId(shown.status.log), shown.status.number):
        page = read_published(log)
    if page is None:
        raise RuleError(
            "copy: no status page of this log is held", hint="cairn-node recover DIR --from PEER fetches it"
        )
    try:
        item, offset = page_position(page.lists, shown.status.log, shown.status.number, shown.status.slot)
        return read_status(page.items[item][offset], shown.status.key, page.statement_id)
    except CairnError as error:
        raise RuleError(f"copy: its slot cannot be read: {error}") from error


def _find_commitment(commitment: bytes, log: LogView) -> Place | None:
    """The newest first: whoever shows a copy soon after a loss mostly has a new one."""
    for index in reversed(range(log.state.size)):
        entry = parse_entry(log.entry(index))
        if not isinstance(entry.statement, Issue) or log.state.void_reason(entry) is not None:
            continue
        body = log.body(index)
        # Looked for in the whole body first: splitting millions of items would take longer than finding one.
        if body is not None and commitment in body:
            items = parse_body("issue", body)
            if commitment in items:
                return Place(index, items.index(commitment))
    return None
