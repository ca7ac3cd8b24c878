"""Going over to another history of a log than the one held: on the word of its root keys, or of the network's governors.

Replicas take growth without a quorum, so a host from which a log was moved away may have served entries that no quorum ever
cosigned; and where a key signed two histories, a node holds the one it saw first, whichever counts. What is held is
replaced here alone, by a branch that proves itself. By root keys, where their old host kept a log key that was taken from it:

1. both parted above everything this node cosigned and above every head with a quorum that it holds;
2. the first entry of the branch rotates the log key with the threshold of root keys in force there;
3. what is held has no such rotation above the parting: then two decisions of the root keys contradict each other;
4. the branch is judged whole by `ledger.log.follow`, under its new key.

By the network, where it decided a fork (DESIGN 3):

5. its newest `member` entry with a boundary above the parting names the branch, by size and root, and no network of this
   node names what is held; what was cosigned gives way only once the first network with the log as a member has decided;
6. the branch is judged whole by `ledger.log.follow` up to a signed size, and a proof shows that what was judged and the
   boundary lie in one tree.

What this node cosigned of the history that does not count stands back then: the governors' decision is for that. Both notes
are kept as evidence, for the key signed another history, and that stays visible. The own log is never replaced here.
"""

import asyncio
import logging
from dataclasses import dataclass, replace

from ledger.errors import CairnError, RuleError
from ledger.log import follow, merkle
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.follow import Growth
from ledger.log.governance import RotateLogKey
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import RootHash
from node.client import notes
from node.client.exchange import Head
from node.client.failures import UnreachableError
from node.client.ledger import LedgerClient
from node.directory import Directory
from node.errors import BusyError
from node.events import HeadEvents
from node.forks import BranchComparison, Forks
from node.pull import Puller
from node.rulings import Ruling, Rulings
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.tasks import uninterrupted

MAX_ENTRIES = 4096
"""Above the parting, up to the first note of the branch: a moved log has one right after its rotation."""
MAX_BYTES = 64 * 1024 * 1024

_log = logging.getLogger(__name__)


class Branches:
    """Replaces the tail of replicas. Used from the event loop's thread alone."""

    def __init__(
        self, store: LedgerStore, directory: Directory, puller: Puller, forks: Forks, events: HeadEvents
    ) -> None:
        self._store = store
        self._directory = directory
        self._puller = puller
        self._forks = forks
        self._events = events
        self._rulings = Rulings(store, directory.networks)

    def decided(self, log_id: LogId) -> tuple[tuple[LogId, int], ...]:
        """What the networks decided about a log so far, to be compared: what was refused may be right since."""
        return self._rulings.newest(log_id)

    async def is_overruled(self, log_id: LogId) -> bool:
        """Whether a network named another history of a followed log than the one held."""
        log = self._store.log(log_id)
        if log is None or log_id == self._directory.own or not self.decided(log_id):
            return False
        return await asyncio.to_thread(self._rulings.against_held, log) is not None

    async def go_over(self, client: LedgerClient, head: Head) -> bool:
        """Go over to the branch a peer serves, if root keys or the network are for it; false, with nothing changed, if not.

        Raises:
            UnreachableError, BusyError: the peer broke off, or nothing can be written now.
        """
        log = self._store.log(head.log)
        if log is None or head.note is None or head.log == self._directory.own:
            return False
        try:
            found = await self._judge(log, client, head)
        except (UnreachableError, BusyError):
            raise
        except CairnError as error:
            fields = {"log": encode_log_id(head.log), "peer": client.address, "reason": str(error)}
            _log.info("branch not taken", extra=fields)
            return False
        if found is None:
            return False
        if not await uninterrupted(self._replace(log, found)):
            return False
        try:
            # Only now: before, this log named no key under which the second note is signed.
            await self._forks.receive(head.log, found.evidence, client.address)
        except CairnError as error:
            _log.info("no evidence of the branch left", extra={"log": encode_log_id(head.log), "reason": str(error)})
        return True

    async def _judge(self, log: LogStore, client: LedgerClient, head: Head) -> "_Branch | None":
        assert head.note is not None
        held = log.note
        own, other = read_checkpoint(held), read_checkpoint(head.note)
        if own == other:
            return None
        comparison = BranchComparison(client, log, own, other)
        start = await comparison.find_common()
        if start is None or start in (0, own.size):
            return None
        rulings = await asyncio.to_thread(self._rulings.for_other, log, start)  # 5
        if not rulings:
            self._check_unwitnessed(log, start)
        proofs = await comparison.prove(start)
        fetched = await self._fetch(client, head, start)
        if fetched is None or proofs is None:
            return None
        entries, bodies, note = fetched
        below = await asyncio.to_thread(log.state_at, start)
        judged = await asyncio.to_thread(follow.judge_growth, below, entries, bodies, note)  # 4, 6
        if rulings:
            await _check_named(client, head.log, rulings, judged.checkpoint, other)
        else:
            _check_rotated(head.log, judged)
        keys = [judged.state.verifier_key_at(judged.state.size)]
        trimmed = notes.trim_note(note, keys, tuple(self._directory.witness_keys(head.log)))
        evidence = encode_fork(ForkEvidence(held, head.note, *proofs))
        return _Branch(replace(judged, note=trimmed), evidence, rulings)

    def _check_unwitnessed(self, log: LogStore, start: int) -> None:
        log_id = log.state.log_id
        witnessed = max(log.cosigned_size(), self._quorum_size(log_id))
        if start < witnessed:  # 1
            raise RuleError(f"{_name(log_id, start)}: {witnessed} entries were witnessed, so nothing below may change")
        if any(since >= start for since, _ in log.state.log_keys):  # 3
            raise RuleError(f"{_name(log_id, start)}: the root keys rotated the log key on the branch held too")

    async def _fetch(
        self, client: LedgerClient, head: Head, start: int
    ) -> tuple[list[bytes], list[bytes | None], bytes] | None:
        """Entries of the branch up to its first signed size, with their bodies."""
        assert head.note is not None
        entries: list[bytes] = []
        bodies: dict[int, bytes] = {}
        total = 0
        # A package ends at a signed size where one is within reach; the rest comes by the usual pull.
        async for package in client.entries(head.log, start, min(head.size, start + MAX_ENTRIES)):
            entries += package.entries
            total += sum(map(len, package.entries))
            async for index, body in client.bodies(head.log, package.first, package.end, count=lambda length: None):
                bodies[index] = body
                total += len(body)
            if total > MAX_BYTES:
                return None
            note = head.note if package.end == head.size else package.note
            if note is not None:
                return entries, [bodies.get(start + place) for place in range(len(entries))], note
        return None

    def _quorum_size(self, log_id: LogId) -> int:
        note = self._directory.newest_head(log_id)
        if note is None or not self._directory.quorum(log_id, note).has_quorum:
            return 0
        return read_checkpoint(note).size

    async def _replace(self, log: LogStore, branch: "_Branch") -> bool:
        growth, is_decided = branch.growth, bool(branch.rulings)
        log_id = growth.state.log_id
        async with self._puller.lock(log_id):
            if log.size < growth.start or (log.cosigned_size() > growth.start and not is_decided):
                return False
            gone = log.size - growth.start
            await asyncio.to_thread(log.replace_tail, growth, is_decided=is_decided)
        fields = {"log": encode_log_id(log_id), "size": growth.state.size, "replaced": gone}
        if is_decided:
            _log.warning("went over to the history its network named", extra=fields)
        else:
            _log.warning("went over to the branch of the root keys", extra=fields)
        self._events.publish(log_id)
        return True


@dataclass(frozen=True, slots=True)
class _Branch:
    """A branch that proved itself, the two notes as evidence, and the decisions that name it; none for root keys."""

    growth: Growth
    evidence: bytes
    rulings: tuple[Ruling, ...]


def _check_rotated(log_id: LogId, judged: Growth) -> None:
    start = judged.start
    if not isinstance(judged.entries[0].statement, RotateLogKey) or start in judged.state.void:  # 2
        raise RuleError(
            f"{_name(log_id, start)}: entry {start} does not rotate the log key by the threshold of its root keys"
        )


async def _check_named(
    client: LedgerClient, log_id: LogId, rulings: tuple[Ruling, ...], judged: Checkpoint, head: Checkpoint
) -> None:
    """What was judged, and every boundary that names this branch, are beginnings of the tree of one head."""
    for ruling in rulings:  # 5
        boundary = ruling.boundary
        if boundary.size > head.size:
            raise RuleError(
                f"log {encode_log_id(log_id)}: entry {ruling.index} of {ruling.network} names {boundary.size} entries, "
                f"and the peer has {head.size}"
            )
        await _check_beginning(client, log_id, boundary.size, RootHash(boundary.root), head)
    await _check_beginning(client, log_id, judged.size, judged.root, head)  # 6


async def _check_beginning(client: LedgerClient, log_id: LogId, size: int, root: RootHash, head: Checkpoint) -> None:
    proof = () if size == head.size else await client.consistency(log_id, size, head.size)
    merkle.verify_consistency(size, root, head.size, head.root, proof)


def _name(log_id: LogId, start: int) -> str:
    return f"log {encode_log_id(log_id)}: a branch from entry {start} on"


async def pull_or_go_over(puller: Puller, branches: Branches, client: LedgerClient, head: Head) -> int:
    """Grow a log to the head a peer offers, on the branch of its root keys if the two differ; gives the size held.

    Raises:
        CairnError: as `Puller.pull`, where the peer's copy is no such branch.
    """
    try:
        return await puller.pull(client, head)
    except CairnError:
        if not await branches.go_over(client, head):
            raise
    return await puller.pull(client, head)
