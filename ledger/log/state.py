"""The fold over one log: what its entries, one after the other, have made true.

Two kinds of judgment are kept apart. *Growth* rules decide whether an entry may stand at all; they follow from this log's
bytes alone, raise, and change nothing. Everything else makes an entry *void*: it stays in the log, is replicated and
cosigned, and has no effect. Growth must depend on nothing that a later entry could change, or two honest copies could part.

Growth, in order: (1) index and previous hash follow; (2) the statement belongs to this log; (3) every signature verifies
under a key this log has named so far or in this very statement; (4) the body has the root, item count and size that the
statement gives. The checkpoint above the entries is judged in `follow`.
"""

from collections import ChainMap
from dataclasses import replace

from ledger.errors import CairnError, RuleError, at_place
from ledger.log import judge
from ledger.log.charter import BatchPolicy, Charter, CharterAmendment, Institution, Role, Roots
from ledger.log.checkpoint import log_verifier_key
from ledger.log.effects import DocumentRecord, Effect, Restatement, StatusRecord, Theft
from ledger.log.entry import NO_PREVIOUS, Entry
from ledger.log.governance import (
    AddKey,
    CompromiseKey,
    KeyChange,
    MemberChange,
    ReplaceRoots,
    RetireKey,
    RotateLogKey,
)
from ledger.log.identity import LogId
from ledger.log.keyring import KeyRing, KeyStatus
from ledger.log.keys import KeyId, PublicKey
from ledger.log.members import Membership
from ledger.log.merkle import Frontier, LeafHash
from ledger.log.note import VerifierKey
from ledger.log.precheck import named_signer, open_body, verify_signatures
from ledger.log.recent import RecentTree
from ledger.log.records import (
    Anchor,
    CloseDocument,
    DocumentName,
    EvidenceEntry,
    Issue,
    Publish,
    StatusUpdate,
    UnknownStatement,
)

READ_KINDS = ("anchor",)
"""Kinds whose items decide what an entry does; all other bodies are only checked against their entries."""

_COPIED = (
    "assigned", "batches", "documents", "evidence", "frontier", "ids", "keys", "latest", "lists", "log_keys", "members",
    "named", "recent", "statuses", "thefts", "unknowns", "urls", "void",
)  # fmt: skip
"""What `copy` copies: containers whose members never change, and the parts that know how."""


class LogState:
    """Everything that follows from the entries of one log so far. Mutable; `apply` is the only way forward."""

    __slots__ = (
        "assigned", "batches", "charter", "documents", "evidence", "frontier", "grpc", "ids", "issues", "keys",
        "last_leaf", "latest", "lists", "log_id", "log_keys", "members", "name", "named", "own_anchor", "recent",
        "restated", "roots", "statuses", "thefts", "unknowns", "urls", "void",
    )  # fmt: skip

    def __init__(self, log_id: LogId, charter: Charter) -> None:
        """Start a log that has this charter and no entry yet; use `found_state`."""
        self.log_id = log_id
        self.charter = charter
        self.name, self.grpc = charter.name, charter.grpc
        self.urls: list[str] = [charter.url]
        """Every URL charters gave, newest last: what was issued under an earlier host stays this network's."""
        self.frontier = Frontier()
        self.last_leaf: LeafHash = NO_PREVIOUS
        self.roots: Roots = charter.roots
        self.log_keys: list[tuple[int, PublicKey]] = [(0, charter.log_key)]
        """(index from which the key signs entries and the checkpoints above them, key), ascending."""
        self.named: dict[KeyId, PublicKey] = {}
        """Every key any statement of this log has named, void ones included: growth rests on this alone."""
        self.assigned: set[KeyId] = set()
        """Every key an effective statement gave a place (role, root, log key); it is never given another."""
        self.keys = KeyRing()
        self.batches: list[tuple[int, BatchPolicy]] = [(0, charter.batch)]
        """(number of the first cut it holds for, policy), ascending."""
        self.issues = 0
        """How many batches took effect, counted when they came."""
        self.latest: dict[str, int] = {}
        """Index of the last effective entry on each subject of governance."""
        self.ids: dict[bytes, int] = {}
        self.void: dict[int, str] = {}
        self.restated: dict[int, list[Restatement]] = {}
        self.lists: dict[tuple[LogId, int], int] = {}
        """Every status list seen, with its slots."""
        self.statuses: list[StatusRecord] = []
        self.thefts: list[Theft] = []
        """Every compromise that took effect, ascending: what `keys` does not tell, since when each is known."""
        self.documents: dict[DocumentName, DocumentRecord] = {}
        self.evidence: list[int] = []
        self.recent = RecentTree()
        self.own_anchor: tuple[int, int] | None = None
        """(index of the newest anchor, size of its item 0)."""
        self.members = Membership()
        self.unknowns: list[tuple[int, KeyId | None]] = []
        """Entries of a kind or op this version does not know, with the one key that signed each; None: root keys did."""

    @property
    def size(self) -> int:
        """How many entries have been applied."""
        return self.frontier.size

    @property
    def url(self) -> str:
        """The institution's URL now."""
        return self.urls[-1]

    @property
    def log_key(self) -> PublicKey:
        """The key that signs the checkpoint over the entries so far."""
        return self.log_keys[-1][1]

    @property
    def unknown(self) -> int | None:
        """Index of the first entry that a newer version may understand; what a stolen key signed is no such thing."""
        signed = (index for index, key in self.unknowns if key is None or not self.keys.is_stolen_at(key, index))
        return next(signed, None)

    @property
    def is_network(self) -> bool:
        """Tell whether this log rules membership."""
        return self.charter.institution in (Institution.NETWORK, Institution.STATE)

    def log_key_at(self, size: int) -> PublicKey:
        """Give the key that signs the checkpoint of this size (the key in force after entry `size` - 1)."""
        return next(key for since, key in reversed(self.log_keys) if since < size or since == 0)

    def verifier_key_at(self, size: int) -> VerifierKey:
        """Give the same as the verifier key of a signed note."""
        return log_verifier_key(self.charter.origin, self.log_key_at(size))

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Give every key this log ever signed checkpoints with: an earlier one can sign a fork too."""
        return tuple(dict.fromkeys(log_verifier_key(self.charter.origin, key) for _, key in self.log_keys))

    def batch_for_cut(self, number: int) -> BatchPolicy:
        """Give the batch policy of the cut with this number (from zero)."""
        first, policy = self.batches[-1]
        return policy if first <= number else next(older for since, older in reversed(self.batches) if since <= number)

    @property
    def batch(self) -> BatchPolicy:
        """The batch policy of the next cut."""
        return self.batch_for_cut(self.issues)

    def find_id(self, statement_id: bytes) -> int | None:
        """Give the index of the entry with this statement id."""
        return self.ids.get(statement_id)

    def key_status(self, key_id: KeyId, role: Role, index: int) -> KeyStatus:
        """Tell whether a key could act in a role for what stands at `index`."""
        return self.keys.status_at(key_id, role, index)

    def after(self, subject: str) -> int:
        """Give what a governance statement on this subject must carry as `after`."""
        return self.latest.get(subject, -1)

    def void_reason(self, entry: Entry) -> str | None:
        """Say why an entry of this log has no effect, given all that stands after it; `None` if it has effect."""
        reason = self.void.get(entry.index)
        statement = entry.statement
        if reason is not None or not isinstance(
            statement, Issue | StatusUpdate | Publish | CloseDocument | EvidenceEntry
        ):
            return reason
        root = b"" if isinstance(statement, CloseDocument) else statement.reference.root
        return self._stolen_reason(entry.index, entry.signatures[0].key, root)

    def _stolen_reason(self, index: int, signer: KeyId, root: bytes) -> str | None:
        if not self.keys.is_stolen_at(signer, index):
            return None
        for restatement in self.restated.get(index, ()):
            if restatement.root == root and not self.keys.is_stolen_at(restatement.signer, restatement.index):
                return None
        return f"its key was compromised before this position: {self.describe_theft(signer)}"

    def describe_theft(self, key_id: KeyId) -> str:
        """Say which entry declared a key stolen, and from where on what it signed is void; empty where none did."""
        theft = next((theft for theft in reversed(self.thefts) if theft.key == key_id), None)
        if theft is None:
            return ""
        return f"entry {theft.index} declares it stolen, which voids what it signed from entry {theft.since} on"

    def effective_status(self, below: int | None = None) -> StatusRecord | None:
        """Give the newest status page that counts, of those below index `below` (default: all)."""
        pages = (record for record in reversed(self.statuses) if below is None or record.index < below)
        return next((record for record in pages if not self.is_status_void(record)), None)

    @property
    def newest_status(self) -> StatusRecord | None:
        """The newest status page, void or not: what it lacks by a compromise is `could not check`, never skipped."""
        return self.statuses[-1] if self.statuses else None

    def is_status_void(self, record: StatusRecord) -> bool:
        """Tell whether a page was voided by a compromise and not restated."""
        return self._stolen_reason(record.index, record.signer, record.root) is not None

    def document(self, name: DocumentName) -> DocumentRecord | None:
        """Give a published document that counts; what a stolen key closed is still open."""
        record = self.documents.get(name)
        if record is None or self.keys.is_stolen_at(record.signer, record.index):
            return None
        if record.closed is None or record.closer is None or not self.keys.is_stolen_at(record.closer, record.closed):
            return record
        return replace(record, closed=None, closer=None)

    def newest_document(self, document_id: str) -> DocumentRecord | None:
        """Give the highest version of a document that counts."""
        records = (self.document(name) for name in self.documents if name.id == document_id)
        return max((item for item in records if item), key=lambda item: item.name.version, default=None)

    def copy(self) -> "LogState":
        """Give an independent copy."""
        copy = LogState(self.log_id, self.charter)
        copy.name, copy.grpc, copy.roots, copy.last_leaf = self.name, self.grpc, self.roots, self.last_leaf
        copy.issues, copy.own_anchor = self.issues, self.own_anchor
        for name in _COPIED:
            setattr(copy, name, getattr(self, name).copy())
        copy.restated = {index: list(items) for index, items in self.restated.items()}
        return copy

    def apply(self, entry: Entry, body: bytes | None, *, is_prechecked: bool = False) -> Effect:
        """Take the next entry into the state.

        Args:
            entry: the entry of index `size`.
            body: its encoded body; `None` where it has none, or is a batch or page left out by a light replica.
            is_prechecked: `precheck` found these very bytes good; the body may then be left out unless the fold reads
                it (`READ_KINDS`), and of the signatures only that the log has named their keys is looked at.

        Raises:
            RuleError: (1) or (2) of the growth rules is broken.
            SignatureError: (3) a signature does not verify, or its key was never named by this log.
            MalformedError, ProofError: (4) the body is not the one the statement gives.
        """
        judge.check_place(self, entry)
        statement = entry.statement
        newly_named = judge.named_keys(statement)
        is_read = body is not None or statement.kind in READ_KINDS
        try:
            self._check_signers(entry, newly_named, is_prechecked)
            items = open_body(statement, body) if is_read or not is_prechecked else ()
        except CairnError as error:
            raise at_place(error, f"entry {entry.index}") from error
        void = judge.find_void(self, entry, items)
        for key in newly_named:
            self.named.setdefault(key.id, key)
        if void is None:
            self.assigned.update([key.id for key in newly_named])
            self._take_effect(entry, items)
        else:
            self.void[entry.index] = void
        self.ids.setdefault(statement.id, entry.index)
        self.frontier.append(entry.leaf_hash)
        self.recent.append(entry.leaf_hash)
        self.last_leaf = entry.leaf_hash
        return Effect(entry.index, void)

    def _check_signers(self, entry: Entry, newly_named: tuple[PublicKey, ...], is_prechecked: bool) -> None:
        find_key = self.named.get
        if newly_named:
            find_key = ChainMap(self.named, {key.id: key for key in newly_named}).get
        if not is_prechecked:
            verify_signatures(entry, find_key)
            return
        for signature in entry.signatures:
            named_signer(entry, signature.key, find_key)

    def _take_effect(self, entry: Entry, items: tuple[bytes, ...]) -> None:
        index, statement = entry.index, entry.statement
        subject = judge.subject_of(statement)
        if subject is not None:
            self.latest[subject] = index
        match statement:
            case Issue() | StatusUpdate():
                self._take_batch(entry, statement)
            case Charter():
                for role_key in statement.keys:
                    self.keys.add(role_key, index)
            case CharterAmendment():
                self._amend(statement)
            case AddKey() | RetireKey() | CompromiseKey() | RotateLogKey() | ReplaceRoots():
                self._change_key(index, statement)
            case MemberChange():
                self.members.apply_change(index, statement)
            case Publish():
                signer = entry.signatures[0].key
                record = DocumentRecord(index, signer, statement.name, statement.type, statement.media_type)
                self.documents[statement.name] = record
            case CloseDocument():
                old = self.documents[statement.name]
                self.documents[old.name] = replace(old, closed=index, closer=entry.signatures[0].key)
            case Anchor():
                self._anchor(index, items)
            case EvidenceEntry():
                self.evidence.append(index)
            case UnknownStatement():
                signers = [signature.key for signature in entry.signatures]
                self.unknowns.append(
                    (index, signers[0] if len(signers) == 1 and signers[0] in self.keys.records else None)
                )
            case _:
                pass

    def _amend(self, amendment: CharterAmendment) -> None:
        self.name = self.name if amendment.name is None else amendment.name
        self.grpc = self.grpc if amendment.grpc is None else amendment.grpc
        if amendment.url is not None:
            self.urls.append(amendment.url)
        if amendment.batch is not None:
            # The running interval and the next one were announced under the old policy.
            self.batches.append((self.issues + 2, amendment.batch))

    def _change_key(self, index: int, change: KeyChange) -> None:
        match change:
            case AddKey():
                self.keys.add(change.key, index)
            case RetireKey():
                self.keys.records[change.key].retired = index
            case CompromiseKey():
                self.keys.records[change.key].stolen_since = change.since
                self.thefts.append(Theft(index, change.key, change.since))
                self._recollect_lists()
            case RotateLogKey():
                self.log_keys.append((index, change.log_key))
            case ReplaceRoots():
                self.roots = change.roots

    def _take_batch(self, entry: Entry, statement: Issue | StatusUpdate) -> None:
        signer, root = entry.signatures[0].key, statement.reference.root
        if statement.restates is not None:
            self.restated.setdefault(statement.restates, []).append(Restatement(entry.index, signer, root))
            self._recollect_lists()
        elif isinstance(statement, Issue):
            self.issues += 1
        else:
            self.lists.update({(item.log, item.number): item.slots for item in statement.lists})
            self.statuses.append(StatusRecord(entry.index, signer, statement.id, statement.lists, root))

    def _recollect_lists(self) -> None:
        """What a thief's page opened binds no later page, or the institution could never write one that counts again."""
        self.lists = {
            (item.log, item.number): item.slots
            for record in self.statuses
            if not self.is_status_void(record)
            for item in record.lists
        }

    def _anchor(self, index: int, items: tuple[bytes, ...]) -> None:
        first = judge.own_head(self, items)
        self.own_anchor = (index, first.size)
        self.recent.forget_below(first.size)
        if self.is_network:
            self.members.apply_anchor(index, self.log_id, items, first)


def found_state(entry: Entry) -> LogState:
    """Start the state of a log from its entry 0 and apply it.

    Raises:
        RuleError: it is no charter, or not signed by its log key alone.
        SignatureError: the signature does not verify.
    """
    charter = entry.statement
    if not isinstance(charter, Charter):
        raise RuleError("log: entry 0 is not a charter")
    if [signature.key for signature in entry.signatures] != [charter.log_key.id]:
        raise RuleError("log: the charter must be signed by its log key, and by nothing else")
    state = LogState(LogId(entry.leaf_hash), charter)
    state.apply(entry, None)
    return state
