"""Why an entry has no effect: the rules that make an entry void without stopping the log's growth.

In order: (1) its statement id was used before; (2) its signers are exactly those required, in force there, in the right
role; (3) governance carries the right `after` and stands not above `until`; (4) the change is legal for its kind.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol, assert_never

from ledger import base64url
from ledger.errors import CairnError, ProofError, RuleError
from ledger.log.charter import BatchPolicy, Charter, CharterAmendment, Role, Roots
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.log.effects import DocumentRecord
from ledger.log.entry import Entry
from ledger.log.governance import (
    AddKey,
    CompromiseKey,
    KeyChange,
    MemberChange,
    ReplaceRoots,
    RetireKey,
    RotateLogKey,
)
from ledger.log.identity import LogId, encode_log_id, short_log_id
from ledger.log.keyring import KeyRing, KeyStatus
from ledger.log.keys import Algorithm, KeyId, PublicKey
from ledger.log.members import Membership
from ledger.log.merkle import LeafHash
from ledger.log.note import VerifierKey
from ledger.log.recent import RecentTree
from ledger.log.records import (
    SLOTS_PER_ITEM,
    Anchor,
    CloseDocument,
    DocumentName,
    EvidenceEntry,
    Issue,
    Publish,
    StatusUpdate,
    UnknownStatement,
)
from ledger.log.statement import Statement

Governance = CharterAmendment | AddKey | RetireKey | CompromiseKey | RotateLogKey | ReplaceRoots | MemberChange


class StateBelow(Protocol):
    """What the rules ask of the log below an entry; `state.LogState` answers, and means by each name what is told there."""

    @property
    def log_id(self) -> LogId:
        """Of this log."""

    @property
    def size(self) -> int:
        """Entries below."""

    @property
    def last_leaf(self) -> LeafHash:
        """Leaf hash of the entry before."""

    @property
    def is_network(self) -> bool:
        """Whether this log rules membership."""

    @property
    def log_key(self) -> PublicKey:
        """In force there."""

    @property
    def charter(self) -> Charter:
        """Entry 0, as it was written."""

    @property
    def recent(self) -> RecentTree:
        """The leaves since the head anchored last."""

    @property
    def roots(self) -> Roots:
        """In force there."""

    @property
    def keys(self) -> KeyRing:
        """All role keys so far."""

    @property
    def assigned(self) -> AbstractSet[KeyId]:
        """Keys that have a place for ever."""

    @property
    def batch(self) -> BatchPolicy:
        """Of the next cut."""

    @property
    def ids(self) -> Mapping[bytes, int]:
        """Statement ids used so far, with the first entry of each."""

    @property
    def lists(self) -> Mapping[tuple[LogId, int], int]:
        """Status lists so far, with their slots."""

    @property
    def documents(self) -> Mapping[DocumentName, DocumentRecord]:
        """Documents published so far."""

    @property
    def members(self) -> Membership:
        """What a network has decided so far."""

    def document(self, name: DocumentName) -> DocumentRecord | None:
        """Give a document that counts."""

    def after(self, subject: str) -> int:
        """Give the last effective entry on a subject, -1 for none."""

    def verifier_key_at(self, size: int) -> VerifierKey:
        """Give the key that signs the checkpoint of this size."""


def named_keys(statement: Statement) -> tuple[PublicKey, ...]:
    """Give the keys a statement names; their signatures may stand under it."""
    match statement:
        # What logs are mostly made of comes first, here and below: all this runs once for every entry that is replayed.
        case Issue():
            return ()
        case Charter():
            return (statement.log_key, *statement.roots.keys, *(item.key for item in statement.keys))
        case AddKey():
            return (statement.key.key,)
        case RotateLogKey():
            return (statement.log_key,)
        case ReplaceRoots():
            return statement.roots.keys
        case _:
            return ()


def subject_of(statement: Statement) -> str | None:
    """Give the subject that `after` counts on: a member's log id, a key id, `log`, `roots` or `charter`."""
    match statement:
        case Issue():
            return None
        case CharterAmendment():
            return "charter"
        case AddKey():
            return base64url.encode(statement.key.key.id)
        case RetireKey() | CompromiseKey():
            return base64url.encode(statement.key)
        case RotateLogKey():
            return "log"
        case ReplaceRoots():
            return "roots"
        case MemberChange():
            return encode_log_id(statement.member)
    return None


def check_next(entry: Entry, index: int, previous: LeafHash) -> None:
    """Check that an entry stands at `index`, right after the entry with the leaf hash `previous`.

    Raises:
        RuleError: it does not.
    """
    if entry.index != index:
        raise RuleError(f"entry {index}: index {entry.index} where {index} is next")
    if entry.previous != previous:
        raise RuleError(
            f"entry {index}: names another entry before it than the one held, "
            f"{base64url.encode(entry.previous)} instead of {base64url.encode(previous)}"
        )


def check_place(state: StateBelow, entry: Entry) -> None:
    """Check that an entry is the next one of this log (growth rules 1 and 2).

    Raises:
        RuleError: it is not.
    """
    check_next(entry, state.size, state.last_leaf)
    if entry.statement.log != (None if entry.index == 0 else state.log_id):
        raise RuleError(f"entry {entry.index}: its statement belongs to another log")


def find_void(state: StateBelow, entry: Entry, items: tuple[bytes, ...]) -> str | None:
    """Say why an entry that may stand has no effect; `None` if it takes effect.

    Args:
        state: of the log below this entry.
        entry: already found fit to grow the log.
        items: of its body; empty where it has none or it is not held.
    """
    if entry.statement.id in state.ids:
        return f"its statement id was used by entry {state.ids[entry.statement.id]}"
    return find_fault(state, entry, items)


def find_fault(state: StateBelow, entry: Entry, items: tuple[bytes, ...]) -> str | None:
    """Say why what an entry decides could have no effect here, whether or not its statement id is free.

    Args:
        state: of the log below this entry.
        entry: as for `find_void`.
        items: as for `find_void`.
    """
    return (
        _judge_signers(state, entry)
        or _judge_order(state, entry)
        or _judge_change(state, entry.index, entry.statement, items)
    )


def has_threshold(signers: frozenset[KeyId], roots: Roots) -> bool:
    """Tell whether enough root keys are among the signers."""
    return len(signers & roots.ids) >= roots.threshold


def own_head(state: StateBelow, items: tuple[bytes, ...]) -> Checkpoint:
    """Open item 0 of an anchor: this log's own last head.

    Raises:
        CairnError: there is none, it is not a note of this log, it claims more entries than stand below it, it is older
            than the head anchored last, or it is of another tree.
    """
    if not items:
        raise RuleError("anchor: no item 0")
    size = read_checkpoint(items[0]).size
    if not 0 < size <= state.size:
        raise RuleError(f"anchor: item 0 is over {size} entries, {state.size} stand below")
    checkpoint = open_checkpoint(items[0], state.verifier_key_at(size))
    root = state.recent.root_at(size)
    if root is None:
        raise RuleError(f"anchor: item 0 is over {size} entries, a larger head was anchored before")
    if checkpoint.root != root:
        raise ProofError(f"anchor: item 0 is of another tree of {size} entries than the one below")
    return checkpoint


def _judge_signers(state: StateBelow, entry: Entry) -> str | None:
    statement, index = entry.statement, entry.index
    signers = frozenset([signature.key for signature in entry.signatures])
    match statement:
        case Issue() | StatusUpdate() | EvidenceEntry():
            return _judge_single(state, signers, Role.OPERATE, index)
        case Anchor():
            return None if signers == {state.log_key.id} else "an anchor is signed by the log key alone"
        case Charter():
            return None if signers == {statement.log_key.id} else "a charter is signed by its log key alone"
        case ReplaceRoots():
            return _judge_thresholds(signers, (state.roots, statement.roots))
        case CharterAmendment() | AddKey() | RetireKey() | CompromiseKey() | RotateLogKey() | MemberChange():
            return _judge_thresholds(signers, (state.roots,))
        case Publish() | CloseDocument():
            return _judge_single(state, signers, Role.DEFINE, index)
        case UnknownStatement():
            return _judge_unknown(state, signers, index)
    return None


def _judge_unknown(state: StateBelow, signers: frozenset[KeyId], index: int) -> str | None:
    """Whoever cannot read a kind must not be stopped by somebody who may decide nothing: a thief of another key."""
    if has_threshold(signers, state.roots):
        return None
    if any(_judge_single(state, signers, role, index) is None for role in (Role.OPERATE, Role.DEFINE)):
        return None
    return "of a kind unknown here, and signed neither by one operate or define key in force nor by enough root keys"


def _judge_thresholds(signers: frozenset[KeyId], sets: tuple[Roots, ...]) -> str | None:
    for roots in sets:
        if not has_threshold(signers, roots):
            present = len(signers & roots.ids)
            return f"{present} of the {roots.threshold} root signatures it needs"
    for signer in signers:
        if all(has_threshold(signers - {signer}, roots) for roots in sets):
            return "it carries a signature beyond those required"
    return None


def _judge_single(state: StateBelow, signers: frozenset[KeyId], role: Role, index: int) -> str | None:
    if len(signers) != 1:
        return "it carries a signature beyond those required"
    (signer,) = signers
    status = state.keys.status_at(signer, role, index)
    return None if status is KeyStatus.IN_FORCE else f"its key could not act as {role}: {status.value}"


def _judge_order(state: StateBelow, entry: Entry) -> str | None:
    statement = entry.statement
    subject = subject_of(statement)
    if subject is None or not isinstance(statement, Governance):
        return None
    expected = state.after(subject)
    if statement.after != expected:
        return f"it was signed after entry {statement.after} on its subject, the last is {expected}"
    until = None if isinstance(statement, CompromiseKey | RotateLogKey | ReplaceRoots) else statement.until
    return None if until is None or entry.index <= until else f"it had to stand at index {until} at the latest"


def _judge_change(state: StateBelow, index: int, statement: Statement, items: tuple[bytes, ...]) -> str | None:
    match statement:
        case AddKey() | RetireKey() | CompromiseKey() | RotateLogKey() | ReplaceRoots():
            return _judge_key(state, index, statement)
        case MemberChange():
            return _judge_member(state, statement)
        case Issue():
            return _judge_issue(state, index, statement)
        case StatusUpdate():
            return _judge_status(state, index, statement)
        case Publish():
            return "this version of the document was published before" if statement.name in state.documents else None
        case CloseDocument():
            record = state.document(statement.name)
            return None if record is not None and record.closed is None else "there is no such open document"
        case Anchor():
            try:
                own_head(state, items)
            except CairnError as error:
                return f"its item 0 is not this log's head: {error}"
            return None
        case _:
            return None


def _judge_member(state: StateBelow, change: MemberChange) -> str | None:
    if not state.is_network:
        return "only a network has members"
    standing = change.standing
    if standing is not None and change.member != state.log_id:
        # The network has no entry about itself before it joins as a member, but its names are taken from the start.
        if standing.origin == state.charter.origin:
            return f"origin {standing.origin} belongs to the network itself"
        if short_log_id(change.member) == short_log_id(state.log_id):
            return "the network's own id begins with the same 22 characters"
    return state.members.find_illegality(change)


def _judge_key(state: StateBelow, index: int, change: KeyChange) -> str | None:
    match change:
        case AddKey():
            return (
                "the key has a place already; a key has one role for ever" if _is_taken(state, change.key.key) else None
            )
        case RetireKey():
            record = state.keys.records.get(change.key)
            return None if record is not None and record.retired is None else "there is no such key to retire"
        case CompromiseKey():
            record = state.keys.records.get(change.key)
            if record is None:
                return "there is no such key"
            if change.since > index:
                return f"it voids only from index {change.since} on, which is still to come"
            earlier = record.stolen_since
            return None if earlier is None or change.since < earlier else "an earlier compromise reaches as far back"
        case RotateLogKey():
            if change.log_key.algorithm is not Algorithm.ED25519:
                return "a log key is an Ed25519 key"
            return "the key has a place already" if _is_taken(state, change.log_key) else None
        case ReplaceRoots():
            others = {key.id for key in change.roots.keys} - state.roots.ids
            return "a new root key has or had another place" if others & state.assigned else None
        case _:
            assert_never(change)


def _is_taken(state: StateBelow, key: PublicKey) -> bool:
    return key.id in state.assigned


def _judge_issue(state: StateBelow, index: int, statement: Issue) -> str | None:
    if statement.restates is not None:
        return None if statement.restates < index else "it restates an entry that does not stand before it"
    size = state.batch.size
    items = statement.reference.items
    return None if items == size else f"a batch of {items} items, the policy there says {size}"


def _judge_status(state: StateBelow, index: int, statement: StatusUpdate) -> str | None:
    if statement.restates is not None:
        return None if statement.restates < index else "it restates an entry that does not stand before it"
    lists = statement.lists
    order = [(item.log != state.log_id, item.log, item.number) for item in lists]
    if order != sorted(set(order)):
        return "its lists are not in order: own lists by number, then inherited ones by log and number"
    own = [item.number for item in lists if item.log == state.log_id]
    if own != list(range(len(own))):
        return "its own lists are not numbered from 0 without a gap"
    first = 0
    for item in lists:
        if item.first != first:
            return f"list {item.number} begins at item {item.first}, expected {first}"
        first += item.items
    if first != statement.reference.items or first * SLOTS_PER_ITEM != statement.reference.size:
        return f"its lists take {first} items, its body has {statement.reference.items}"
    given = {(item.log, item.number): item.slots for item in lists}
    for key, slots in state.lists.items():
        if given.get(key) != slots:
            return f"it leaves out or resizes list {key[1]}"
    return None
