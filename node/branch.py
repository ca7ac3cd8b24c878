"""Going over to the branch on which root keys continue a log, once its old host kept a log key that was taken from it.

Replicas take growth without a quorum, so a host may have served entries that no quorum ever cosigned. When the log is moved
away it goes on at the largest witnessed size, and those entries stand in the way. They are replaced, here alone, by a branch
that proves itself:

1. both parted above everything this node cosigned and above every head with a quorum that it holds;
2. the first entry of the branch rotates the log key with the threshold of root keys in force there;
3. what is held has no such rotation above the parting: then two decisions of the root keys contradict each other;
4. the branch is judged whole by `ledger.log.follow`, under its new key.

Both notes are kept as evidence: the old key signed another history, and that stays visible.
"""

import asyncio
import logging

from ledger.errors import CairnError, RuleError
from ledger.log import follow
from ledger.log.checkpoint import read_checkpoint
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.follow import Growth
from ledger.log.governance import RotateLogKey
from ledger.log.identity import LogId, encode_log_id
from node.client import notes
from node.client.exchange import Head
from node.client.failures import UnreachableError
from node.client.ledger import LedgerClient
from node.directory import Directory
from node.errors import BusyError
from node.events import HeadEvents
from node.forks import BranchComparison, Forks
from node.pull import Puller
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.tasks import uninterrupted

MAX_ENTRIES = 4096
"""Above the parting, up to the first note of the branch: a moved log has one right after its rotation."""
MAX_BYTES = 64 * 1024 * 1024

_log = logging.getLogger(__name__)


class Branches:
    """Replaces the unwitnessed tail of replicas. Used from the event loop's thread alone."""

    def __init__(
        self, store: LedgerStore, directory: Directory, puller: Puller, forks: Forks, events: HeadEvents
    ) -> None:
        self._store = store
        self._directory = directory
        self._puller = puller
        self._forks = forks
        self._events = events

    async def go_over(self, client: LedgerClient, head: Head) -> bool:
        """Go over to the branch a peer serves, if it is one of root keys; false, with nothing changed, if it is not.

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
        growth, evidence = found
        if not await uninterrupted(self._replace(log, growth)):
            return False
        try:
            # Only now: before, this log named no key under which the second note is signed.
            await self._forks.receive(head.log, evidence, client.address)
        except CairnError as error:
            _log.info("no evidence of the branch left", extra={"log": encode_log_id(head.log), "reason": str(error)})
        return True

    async def _judge(self, log: LogStore, client: LedgerClient, head: Head) -> tuple[Growth, bytes] | None:
        assert head.note is not None
        held = log.note
        own, other = read_checkpoint(held), read_checkpoint(head.note)
        comparison = BranchComparison(client, log, own, other)
        start = await comparison.find_common()
        if start is None or start in (0, own.size):
            return None
        name = f"log {encode_log_id(head.log)}: a branch from entry {start} on"
        witnessed = max(log.cosigned_size(), self._quorum_size(head.log))
        if start < witnessed:  # 1
            raise RuleError(f"{name}: {witnessed} entries were witnessed, so nothing below may change")
        if any(since >= start for since, _ in log.state.log_keys):  # 3
            raise RuleError(f"{name}: the root keys rotated the log key on the branch held too")
        proofs = await comparison.prove(start)
        fetched = await self._fetch(client, head, start)
        if fetched is None or proofs is None:
            return None
        entries, bodies, note = fetched
        below = await asyncio.to_thread(log.state_at, start)
        judged = await asyncio.to_thread(follow.judge_growth, below, entries, bodies, note)  # 4
        first = judged.entries[0]
        if not isinstance(first.statement, RotateLogKey) or start in judged.state.void:  # 2
            raise RuleError(f"{name}: entry {start} does not rotate the log key by the threshold of its root keys")
        keys = [judged.state.verifier_key_at(judged.state.size)]
        trimmed = notes.trim_note(note, keys, tuple(self._directory.witness_keys(head.log)))
        evidence = encode_fork(ForkEvidence(held, head.note, *proofs))
        return Growth(start, judged.state, judged.entries, judged.bodies, judged.checkpoint, trimmed), evidence

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

    async def _replace(self, log: LogStore, growth: Growth) -> bool:
        log_id = growth.state.log_id
        async with self._puller.lock(log_id):
            if log.size < growth.start or log.cosigned_size() > growth.start:
                return False
            gone = log.size - growth.start
            await asyncio.to_thread(log.replace_tail, growth)
        fields = {"log": encode_log_id(log_id), "size": growth.state.size, "replaced": gone}
        _log.warning("went over to the branch of the root keys", extra=fields)
        self._events.publish(log_id)
        return True


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
