"""From a note that contradicts what we hold to fork evidence that stands alone, kept and passed on.

A log key that signs two histories is the one thing no replica may forget. Two notes of equal size are evidence by
themselves. For notes of different sizes the node that serves the other branch is asked, by consistency proofs, how far
both agree: half as far, then a half of the rest, about 20 questions for a million entries. The entry after that is
where they part, and inclusion proofs from both sides show it. All of it is verified here before it is kept.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from ledger.errors import CairnError, ProofError
from ledger.log import merkle
from ledger.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from ledger.log.evidence import (
    Common,
    ForkEvidence,
    Split,
    count_signatures,
    encode_fork,
    has_all_of,
    parse_fork,
    verify_fork,
)
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import LeafHash, RootHash
from ledger.log.note import parse_note
from ledger.log.reports import origin_of, read_reports
from ledger.log.state import LogState
from node.client.exchange import MAX_EVIDENCE_BYTES
from node.client.ledger import LedgerClient
from node.client.notes import WitnessKeys, trim_note
from node.peers import Peers
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore

MAX_KEPT = 64
"""Pieces kept about one log for each signature that both notes of a piece have at least."""

_log = logging.getLogger(__name__)


class Forks:
    """Makes, checks and keeps fork evidence. Used from the event loop's thread alone.

    Args:
        witnesses: whose cosignatures are kept on the notes.
        tell: called with the log after new evidence is durable.
    """

    def __init__(self, store: LedgerStore, peers: Peers, witnesses: WitnessKeys, tell: Callable[[LogId], None]) -> None:
        self._store = store
        self._peers = peers
        self._witnesses = witnesses
        self._tell = tell
        self.found = 0
        # By log: how many reports it had and how many logs were held when they were read last.
        self._reports_taken: dict[LogId, tuple[int, int]] = {}

    async def report(self, log_id: LogId, note: bytes, address: str) -> None:
        """Look into a note that may contradict what is held; an honest mistake leaves no trace.

        Args:
            log_id: the log it is said to be of.
            note: signed by that log's key, or worth nothing.
            address: a node that may serve the branch the note is over; may be empty.
        """
        log = self._store.log(log_id)
        if log is None:
            return
        try:
            if await self._is_kept(log, note):
                return
            evidence = await self._examine(log, note, address)
        except CairnError as error:
            fields = {"log": encode_log_id(log_id), "peer": address, "reason": str(error)}
            _log.debug("contradiction could not be proven", extra=fields)
            return
        if evidence is not None:
            await self._keep(log, evidence, address)

    async def count(self, log_id: LogId) -> int:
        """Pieces of evidence kept about a log."""
        log = self._store.log(log_id)
        return 0 if log is None else len(await asyncio.to_thread(log.evidence))

    async def receive(self, log_id: LogId, data: bytes, address: str) -> None:
        """Judge evidence that somebody offers, and keep it if it proves a fork.

        Raises:
            MalformedError, SignatureError, ProofError: it does not.
        """
        log = self._store.log(log_id)
        if log is not None:
            await self._keep(log, parse_fork(data), address)

    async def take_reports(self, log_id: LogId) -> None:
        """Keep what a log reports in its `evidence` entries beside the logs it is about, where it proves something.

        Whoever reads a verdict off this node, or fetches a log from it, then finds it without reading every other log.
        """
        log = self._store.log(log_id)
        held = self._store.log_ids()
        # A report about a log that is not held yet is looked at again when more logs are.
        now = (0, 0) if log is None else (len(log.state.evidence), len(held))
        if log is None or not now[0] or self._reports_taken.get(log_id) == now:
            return
        self._reports_taken[log_id] = now
        for piece in await asyncio.to_thread(lambda: list(read_reports(log))):
            for accused in _named(origin_of(piece), self._store):
                try:
                    await self._keep(accused, parse_fork(piece), "")
                except CairnError as error:
                    fields = {"log": encode_log_id(log_id), "reason": str(error)}
                    _log.info("reported evidence proves nothing", extra=fields)

    async def _keep(self, log: LogStore, evidence: ForkEvidence, address: str) -> None:
        fork = await asyncio.to_thread(verify_fork, evidence, log.state.verifier_keys())
        # Trimmed, only the log and named witnesses can make two pieces differ, so nobody else can fill the shelf.
        evidence = replace(evidence, first=self._trim(log, evidence.first), second=self._trim(log, evidence.second))
        data = encode_fork(evidence)
        kept = await asyncio.to_thread(log.evidence)
        if len(data) > MAX_EVIDENCE_BYTES or len(kept) >= MAX_KEPT * count_signatures(evidence):
            return
        if any(has_all_of(parse_fork(piece), evidence) for piece in kept):
            return
        if await asyncio.to_thread(log.add_evidence, data):
            self.found += 1
            fields = {
                "log": encode_log_id(log.state.log_id),
                "origin": fork.first.origin,
                "size": fork.first.size,
                "other_size": fork.second.size,
                "common": fork.common,
                "peer": address,
            }
            _log.error("fork: the log key signed two histories", extra=fields)
            self._tell(log.state.log_id)

    async def _is_kept(self, log: LogStore, note: bytes) -> bool:
        """Whether evidence kept already shows this note with the same signatures: looking again would find nothing."""
        pieces = await asyncio.to_thread(log.evidence)
        if not pieces:
            return False
        trimmed = parse_note(self._trim(log, note))
        known = [parse_fork(piece) for piece in pieces]
        notes = [parse_note(note) for fork in known for note in (fork.first, fork.second)]
        shown = [other for other in notes if other.text == trimmed.text]
        return any(set(trimmed.signatures) <= set(other.signatures) for other in shown)

    def _trim(self, log: LogStore, note: bytes) -> bytes:
        return trim_note(note, log.state.verifier_keys(), self._witnesses.witness_keys(log.state.log_id))

    async def _examine(self, log: LogStore, note: bytes, address: str) -> ForkEvidence | None:
        other = _open_any(note, log.state)
        own_note = log.note
        if other.size <= read_checkpoint(own_note).size:
            root = await asyncio.to_thread(merkle.root_at, other.size, log.read_hashes)
            if root == other.root:
                return None
            held = await asyncio.to_thread(log.note_at, other.size)
            own_note = own_note if held is None else held
        own = read_checkpoint(own_note)
        proofs = await self._compare(log, own, other, address) if address else None
        if proofs is not None:
            return ForkEvidence(own_note, note, *proofs)
        return ForkEvidence(own_note, note) if own.size == other.size else None

    async def _compare(
        self, log: LogStore, own: Checkpoint, other: Checkpoint, address: str
    ) -> tuple[Split, Common | None] | None:
        branch = BranchComparison(self._peers.client(address), log, own, other)
        try:
            common = await branch.find_common()
            return None if common is None else await branch.prove(common)
        except CairnError as error:
            # Two notes of equal size are evidence even if nobody serves the other branch.
            fields = {"log": encode_log_id(log.state.log_id), "peer": address, "reason": str(error)}
            _log.info("the other branch could not be read", extra=fields)
            return None


class BranchComparison:
    """The comparison of our copy with the branch another node serves."""

    def __init__(self, client: LedgerClient, log: LogStore, own: Checkpoint, other: Checkpoint) -> None:
        """Compare the tree of `own`, of which the entries are held, with that of `other`, which `client` serves."""
        self._client = client
        self._log = log
        self._log_id = log.state.log_id
        self._own = own
        self._other = other
        self._limit = min(own.size, other.size)

    async def find_common(self) -> int | None:
        """The largest size at which both branches agree, 0 for none; None when the notes do not part at all."""
        if self._own.size != self._other.size and await self._agrees(self._limit):
            return None
        low, high = 0, self._limit
        # Both agree at `low` (trivially at 0) and differ at `high`.
        while high - low > 1:
            middle = (low + high) // 2
            if await self._agrees(middle):
                low = middle
            else:
                high = middle
        return low

    async def prove(self, common: int) -> tuple[Split, Common | None] | None:
        """Where the branches part, proven from both sides; None when the other node's answers do not hold."""
        if common >= self._limit:
            return None
        theirs = await self._client.inclusion(self._log_id, common, self._other.size)
        own_leaf = merkle.hash_leaf(await asyncio.to_thread(self._log.entry, common))
        read = self._log.read_hashes
        own_proof = await asyncio.to_thread(merkle.prove_inclusion, common, self._own.size, read)
        split = Split(common, own_leaf, own_proof, LeafHash(theirs.leaf), theirs.proof)
        merkle.verify_inclusion(split.second_leaf, common, self._other.size, theirs.proof, self._other.root)
        if split.first_leaf == split.second_leaf:
            return None
        if common == 0:
            return split, None
        root = await asyncio.to_thread(merkle.root_at, common, read)
        own_consistency = await asyncio.to_thread(merkle.prove_consistency, common, self._own.size, read)
        their_consistency = await self._client.consistency(self._log_id, common, self._other.size)
        return split, Common(common, root, own_consistency, their_consistency)

    async def _agrees(self, size: int) -> bool:
        root: RootHash = await asyncio.to_thread(merkle.root_at, size, self._log.read_hashes)
        proof = await self._client.consistency(self._log_id, size, self._other.size)
        try:
            merkle.verify_consistency(size, root, self._other.size, self._other.root, proof)
        except ProofError:
            return False
        return True


def _named(origin: str | None, store: LedgerStore) -> list[LogStore]:
    logs = [log for log_id in store.log_ids() if (log := store.log(log_id)) is not None]
    return [log for log in logs if log.state.charter.origin == origin]


def _open_any(note: bytes, state: LogState) -> Checkpoint:
    error: CairnError | None = None
    for key in state.verifier_keys():
        try:
            return open_checkpoint(note, key)
        except CairnError as refusal:
            error = refusal
    assert error is not None
    raise error
