"""Telling each other the newest heads and fork evidence, and judging what is told.

Gossip makes nothing grow. A note that is larger than what we hold wakes the follower of the peer that showed it, and waits
until our copy has grown there; a note of our size brings cosignatures; one that contradicts our tree, under the log's own
signature, becomes fork evidence.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.errors import CairnError
from ledger.log import merkle
from ledger.log.checkpoint import open_checkpoint, open_cosignatures, read_checkpoint
from ledger.log.identity import LogId, encode_log_id
from ledger.log.members import Witness
from ledger.log.note import VerifierKey, parse_note
from node.claims import Claims
from node.client import exchange
from node.client.exchange import OfferedEvidence, OfferedHead, Offers
from node.client.ledger import LedgerClient
from node.client.notes import merge_notes, name_note, signed_size
from node.directory import Directory
from node.events import HeadEvents
from node.forks import Forks
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.timekeeping import Timekeeping

# Notes and evidence of one offer together; the rest waits for the next.
MAX_OFFER_BYTES = 896 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnHead:
    """What peers are told of our own log, each once: that it grew, has its quorum, has every witness's cosignature."""

    size: int
    has_quorum: bool
    is_complete: bool


NOTHING_TOLD = OwnHead(0, False, False)


class Gossip:
    """Both sides of `OfferHeads`. Used from the event loop's thread alone.

    Args:
        address: where this node can be pulled from; empty when nowhere.
        wake: asks the follower of an address to look at it now; the address may be unknown, or empty.
        rewound: told when somebody shows a checkpoint of our own log, by our key, that is larger than our log.
        timekeeping: says which cosignatures of our own log are not to be kept.
    """

    def __init__(
        self,
        store: LedgerStore,
        directory: Directory,
        forks: Forks,
        events: HeadEvents,
        *,
        address: str,
        wake: Callable[[str], None],
        rewound: Callable[[int], None],
        timekeeping: Timekeeping | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._forks = forks
        self._events = events
        self._address = address
        self._wake = wake
        self._rewound = rewound
        self._time = timekeeping
        self._claims = Claims()
        # By log: its newest note and the witnesses that counted when it was judged, and whether it lacked a quorum.
        self._judged: dict[LogId, tuple[bytes, tuple[Witness, ...], bool]] = {}

    async def take(self, offers: Offers) -> Offers:
        """Judge what a caller offers; answer with the newer notes and the evidence held about the same logs."""
        await self._judge(offers, offers.address)
        logs = dict.fromkeys([*(head.log for head in offers.heads), *(item.log for item in offers.evidence)])
        shown = {(head.log, head.note) for head in offers.heads}
        known = {item.evidence for item in offers.evidence}
        heads = [
            head for head in self._heads(logs) if (head.log, head.note) not in shown and self._may_help(head, offers)
        ]
        evidence = [item for item in await self._evidence(logs) if item.evidence not in known]
        return _bounded(heads, evidence)

    async def offer_to(self, client: LedgerClient, logs: Iterable[LogId], *, heads: Iterable[LogId]) -> None:
        """Show a peer the evidence about some logs, and the notes of `heads` and of those; judge what it shows in turn."""
        evidence = await self._evidence(logs)
        shown = list(self._heads(dict.fromkeys([*heads, *(item.log for item in evidence)])))
        while shown or evidence:
            offers = _bounded(shown, evidence, self._address)
            del shown[: len(offers.heads)], evidence[: len(offers.evidence)]
            await self._judge(await client.offer_heads(offers), client.address)

    def name_held(self, log_id: LogId) -> bytes:
        """What to say is held of a log when asking for its head: the text alone where its quorum is there already."""
        log = self._store.log(log_id)
        if log is None:
            return b""
        whole, text = name_note(log.note)
        return whole if self.lacks_quorum(log_id) else text

    def lacks_quorum(self, log_id: LogId) -> bool:
        """Whether the newest note held is worth more cosignatures; so it is where no witness counts, and none is held."""
        log = self._store.log(log_id)
        if log is None:
            return True
        note, counting = log.note, self._directory.witnesses_in_force(log_id)
        kept = self._judged.get(log_id)
        if kept is None or kept[0] is not note or kept[1] != counting:
            kept = note, counting, not self._directory.quorum(log_id, note).has_quorum
            self._judged[log_id] = kept
        return kept[2]

    def describe_own(self) -> OwnHead:
        """How the newest note of our own log stands."""
        own = self._directory.own
        log = self._store.log(own)
        assert log is not None, "a node holds its own log"
        note = log.note
        lines = {(line.name, line.key_id) for line in parse_note(note).signatures}
        is_complete = all((key.name, key.key_id) in lines for key in self._directory.witness_keys(own))
        return OwnHead(read_checkpoint(note).size, not self.lacks_quorum(own), is_complete)

    async def judge_head(self, head: OfferedHead, address: str) -> None:
        """Judge one note: take its cosignatures, wake a follower, or make evidence of it.

        Raises:
            MalformedError, SignatureError: the note is not one of that log; it is to be forgotten.
        """
        log = self._store.log(head.log)
        claimed = read_checkpoint(head.note)
        if log is None:
            if head.log in self._directory.followed():
                self._wake(address)
            return
        await self._judge_claims(log)
        if claimed.size > log.size:
            # The key may have been rotated up there, so only growth can tell whether the note is good.
            if head.log != self._directory.own:
                self._claims.keep(log, head.note, address, tuple(self._directory.witness_keys(head.log)))
                self._wake(address)
            elif signed_size(head.note, log.state):
                self._rewound(claimed.size)
            return
        await self._judge_held(log, head.note, address)

    async def _judge_claims(self, log: LogStore) -> None:
        """Look at the notes that were too large for our copy when they were shown."""
        for note, address in self._claims.take_reached(log):
            try:
                await self._judge_held(log, note, address)
            except CairnError as error:
                # The log's key was rotated before that size: what the old key signed above it says nothing.
                fields = {"log": encode_log_id(log.state.log_id), "peer": address, "reason": str(error)}
                _log.debug("claimed head refused", extra=fields)

    async def _judge_held(self, log: LogStore, note: bytes, address: str) -> None:
        claimed = read_checkpoint(note)
        open_checkpoint(note, log.state.verifier_key_at(claimed.size))
        root = await asyncio.to_thread(merkle.root_at, claimed.size, log.read_hashes)
        if root != claimed.root:
            await self._forks.report(log.state.log_id, note, address)
        else:
            await self._merge(log, note)

    async def _merge(self, log: LogStore, note: bytes) -> None:
        """Keep cosignatures we lack, of any size whose note we hold."""
        held = await asyncio.to_thread(log.note_at, read_checkpoint(note).size)
        if held is None or held == note:
            return
        merged = merge_notes(held, note, self._believed(log.state.log_id, note))
        if merged is not None and await asyncio.to_thread(log.put_note, merged) != held:
            self._events.publish(log.state.log_id)

    def _believed(self, log: LogId, note: bytes) -> Iterable[VerifierKey]:
        """The witnesses whose lines in a note may be kept."""
        keys = self._directory.witness_keys(log)
        if log != self._directory.own or self._time is None:
            return keys
        cosignatures = open_cosignatures(note, keys)
        return [one.witness for one in cosignatures if not self._time.is_ahead(one.witness.name, one.seconds)]

    async def _judge(self, offers: Offers, address: str) -> None:
        for head in offers.heads:
            try:
                await self.judge_head(head, address)
            except CairnError as error:
                fields = {"log": encode_log_id(head.log), "peer": address, "reason": str(error)}
                _log.debug("offered note refused", extra=fields)
        for item in offers.evidence:
            try:
                await self._forks.receive(item.log, item.evidence, address)
            except CairnError as error:
                fields = {"log": encode_log_id(item.log), "peer": address, "reason": str(error)}
                _log.debug("offered evidence proves nothing", extra=fields)

    def _may_help(self, head: OfferedHead, offers: Offers) -> bool:
        """Whether our note is not simply older than the one shown."""
        own = read_checkpoint(head.note).size
        for shown in offers.heads:
            if shown.log == head.log:
                try:
                    return own >= read_checkpoint(shown.note).size
                except CairnError:
                    return True
        return True

    def _heads(self, logs: Iterable[LogId]) -> Iterable[OfferedHead]:
        for log_id in logs:
            log = self._store.log(log_id)
            if log is not None:
                yield OfferedHead(log_id, log.note)

    async def _evidence(self, logs: Iterable[LogId]) -> list[OfferedEvidence]:
        found = []
        for log_id in logs:
            log = self._store.log(log_id)
            if log is not None:
                found += [OfferedEvidence(log_id, data) for data in await asyncio.to_thread(log.evidence)]
        return found


def _bounded(heads: list[OfferedHead], evidence: list[OfferedEvidence], address: str = "") -> Offers:
    """As much as one message takes, of each kind from the front."""
    room = MAX_OFFER_BYTES
    taken: list[OfferedHead] = []
    for head in heads[: exchange.MAX_HEADS]:
        room -= len(head.note)
        if room < 0:
            break
        taken.append(head)
    pieces: list[OfferedEvidence] = []
    for item in evidence[: exchange.MAX_EVIDENCE_PIECES]:
        room -= len(item.evidence)
        if room < 0:
            break
        pieces.append(item)
    return Offers(tuple(taken), tuple(pieces), address)
