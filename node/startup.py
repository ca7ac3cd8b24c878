"""The start-up rule (DESIGN 3): nothing is signed before this node knows that it has forgotten nothing.

A node may come back with an older copy of its data. If it went on from there it would sign a second history. So after every
start, in order:

1. the networks' logs are followed from every peer that can be reached;
2. our own log: w witnesses are in force for it, k of them a quorum. Until w-k+1 have told their largest size of it, at least
   one of any quorum that ever cosigned is missing. Larger copies, which our own key signed, are taken back from whoever has
   them. With w = 0 the high-water file decides;
3. the logs we cosign: peers are asked for their heads, and what we cosigned before, as their notes show, is remembered
   again. A log that begins to be followed later is asked about in the same way first.

Until then the node serves, and says what it waits for.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from ledger.errors import CairnError
from ledger.log.checkpoint import open_cosignatures, read_checkpoint
from ledger.log.identity import LogId, encode_log_id
from ledger.log.note import VerifierKey
from node.client.exchange import Head
from node.client.notes import is_by_former_key, signed_size
from node.clock import Draw
from node.directory import Directory
from node.errors import ConflictError
from node.events import HeadEvents
from node.highwater import HighWater
from node.peers import Peers
from node.pull import Puller
from node.rulings import Rulings
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.tasks import Backoff, keep_doing

FOUNDING_ENTRIES = 1
MAX_PAUSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Cause(Enum):
    """Why the own log may not be signed, as far as the remedy depends on it."""

    PEERS_NOT_ASKED = auto()
    """Time, or the peers coming back, cures it."""
    OLDER_COPY = auto()
    """More of the log was signed than this data directory holds."""
    OTHER_HISTORY = auto()
    """Somebody holds entries signed by our key that contradict ours."""
    NO_RECORD = auto()
    """Without witnesses, the high-water file is missing."""
    RECORD_UNWRITABLE = auto()
    """The high-water file cannot be written."""


class StartUp:
    """Keeps the gates of signing and cosigning. Runs as one task; the gates may be asked from the event loop.

    Args:
        log: this node's own log.
        own_keys: gives this node's witness keys as its networks know them.
        only_copy: the operator says that no newer copy of the own log exists anywhere.
        opened: called when the own log may be signed from now on.
        closed: called with the reason when it may not, at the start and when a rewind is noticed later.
        visit_seconds: how long one peer may take for one look.
    """

    def __init__(
        self,
        store: LedgerStore,
        log: LogStore,
        directory: Directory,
        puller: Puller,
        peers: Peers,
        events: HeadEvents,
        high_water: HighWater,
        draw: Draw,
        *,
        own_keys: Callable[[], Sequence[VerifierKey]],
        only_copy: bool,
        opened: Callable[[], None],
        closed: Callable[[str], None],
        visit_seconds: float,
    ) -> None:
        self._store = store
        self._log = log
        self._own: LogId = log.state.log_id
        self._directory = directory
        self._puller = puller
        self._peers = peers
        self._events = events
        self._high_water = high_water
        self._draw = draw
        self._own_keys = own_keys
        self._only_copy = only_copy
        self._opened = opened
        self._closed = closed
        self._visit_seconds = visit_seconds
        self._rulings = Rulings(store, directory.networks)
        # Logs about which at least one other node was asked since the start.
        self._asked: set[LogId] = set()
        # What each address told of our own log since the start, or since the last rewind.
        self._told: dict[str, int] = {}
        self._refused = ""
        self.reason: str | None = None
        self.cause = Cause.PEERS_NOT_ASKED
        self._close(Cause.PEERS_NOT_ASKED, "starting: no peer was asked yet")

    @property
    def may_sign(self) -> bool:
        """Whether the own log may be signed."""
        return self.reason is None

    def closed_for(self, log: LogId) -> str | None:
        """Why a log may not be cosigned yet; None when it may."""
        if log in self._asked:
            return None
        return "starting: no peer was asked yet what was cosigned before"

    def rewound(self, size: int) -> None:
        """Stop signing: somebody holds more of our own log than we do."""
        if self.may_sign:
            self._told.clear()
            self._close(Cause.OLDER_COPY, f"another node holds {size} entries of this log, this one {self._log.size}")
            _log.error("own log is behind its replicas", extra={"size": self._log.size, "other_size": size})
            self._events.publish(self._own)

    async def run(self) -> None:
        """Ask until every gate is open, and again for every log that begins to be followed; until cancelled."""
        listener = self._events.listen()
        pauses = Backoff(self._draw, max_seconds=MAX_PAUSE_SECONDS)

        async def step() -> None:
            listener.take()
            await self.ask()
            if self.may_sign and self._unasked() == ():
                pauses.reset()
                await listener.next()
                return
            await asyncio.sleep(pauses.pause())

        try:
            await keep_doing("start-up", step, Backoff(self._draw))
        finally:
            self._events.forget(listener)

    async def ask(self) -> None:
        """One look at every peer for what is not known yet, and the judgment that follows from it."""
        if self.may_sign and not self._unasked():
            return
        networks = [log for log in self._directory.networks() if log not in self._asked and log != self._own]
        if networks:
            await self._visit_all(self._directory.addresses(), networks)
        # Only now are all witnesses and members known that the networks' logs name.
        wanted = [*self._unasked(), *(() if self.may_sign else (self._own,))]
        if wanted:
            await self._visit_all(self._directory.addresses(), wanted)
        if not self.may_sign:
            await self._judge()

    def _unasked(self) -> tuple[LogId, ...]:
        return tuple(log for log in self._directory.follow_order() if log not in self._asked)

    async def _visit_all(self, addresses: Iterable[str], logs: list[LogId]) -> None:
        answers = await asyncio.gather(*(self._visit(address, logs) for address in addresses))
        # Opened together and only after every answer was worked in: the peer that answers last may know the most.
        self._asked.update(*answers)

    async def _visit(self, address: str, logs: list[LogId]) -> set[LogId]:
        """Ask one peer for its heads and take over what is larger; gives the followed logs it could tell about."""
        answered: set[LogId] = set()
        try:
            async with asyncio.timeout(self._visit_seconds):
                for head in await self._peers.client(address).heads(logs):
                    if head.log == self._own:
                        await self._hear_own(address, head)
                    else:
                        await self._hear_other(address, head)
                        answered.add(head.log)
        except TimeoutError:
            _log.debug("peer too slow at start-up", extra={"peer": address})
        except CairnError as error:
            _log.debug("peer could not be asked at start-up", extra={"peer": address, "reason": str(error)})
        return answered

    async def _hear_own(self, address: str, head: Head) -> None:
        """Take back what a peer holds of our log beyond what we hold, and note the size it told."""
        if head.size > self._log.size:
            try:
                await self._puller.pull(self._peers.client(address), head)
            except CairnError as error:
                if is_by_former_key(head.note, self._log.state):
                    # What a key wrote that root keys took out of force is not ours; what was cosigned of it would bind us.
                    self._told[address] = head.cosigned_size
                    return
                if not self._is_signed_by_us(head):
                    _log.warning("peer tells an unsigned size of our log", extra={"peer": address, "size": head.size})
                    return
                self._refused = f"{address} holds another history of it: {error}"
                _log.error("own log differs from a peer's", extra={"peer": address, "reason": str(error)})
        self._told[address] = head.size

    async def _hear_other(self, address: str, head: Head) -> None:
        if head.note is None:
            return
        if head.size > self._puller.held_size(head.log):
            try:
                await self._puller.pull(self._peers.client(address), head)
            except CairnError as error:
                fields = {"log": encode_log_id(head.log), "peer": address, "reason": str(error)}
                _log.warning("peer's copy refused at start-up", extra=fields)
        await self._remember_cosigning(head.log, head.note)

    async def _remember_cosigning(self, log_id: LogId, note: bytes) -> None:
        """If we cosigned this note, we must never cosign less, whatever our own store remembers."""
        log = self._store.log(log_id)
        if log is None:
            return
        try:
            checkpoint = read_checkpoint(note)
            if not open_cosignatures(note, self._own_keys()) or checkpoint.size <= log.cosigned_size():
                return
            if await asyncio.to_thread(self._rulings.is_overruled, log, checkpoint):
                # It was given for a history that the governors decided against; holding to it would bar the other.
                return
            await asyncio.to_thread(log.set_cosigned, checkpoint.size, checkpoint.root)
            fields = {"log": encode_log_id(log_id), "size": checkpoint.size}
            _log.warning("remembered a cosignature this node had forgotten", extra=fields)
        except (CairnError, ConflictError) as error:
            _log.debug("note proves no cosignature", extra={"log": encode_log_id(log_id), "reason": str(error)})

    async def _judge(self) -> None:
        """Open the own log's gate if enough is known, else say what is missing."""
        if max(self._told.values(), default=0) > self._log.size:
            if self._refused:
                self._close(Cause.OTHER_HISTORY, self._refused)
            else:
                self._close(Cause.OLDER_COPY, "a peer holds more of this log than could be fetched yet")
            return
        told = {witness.log for witness in self._directory.witnesses(self._own) if witness.address in self._told}
        heard = self._directory.count_answers(self._own, told)
        if not heard.witnesses:
            refusal = self._judge_high_water()
        else:
            waiting = f"waiting for {heard.needed} of {heard.witnesses} witnesses, {heard.present} answered"
            refusal = None if heard.present >= heard.needed else (Cause.PEERS_NOT_ASKED, waiting)
        if refusal is None:
            refusal = await asyncio.to_thread(self._raise_high_water)
        if refusal is None:
            self.reason = None
            _log.info("own log may be signed", extra={"size": self._log.size})
            self._opened()
            self._events.publish(self._own)
        else:
            self._close(*refusal)

    def _judge_high_water(self) -> tuple[Cause, str] | None:
        """Without witnesses: compare with the file that no copy of the data directory brings back."""
        known, held = self._high_water.size, self._log.size
        if known is not None and known > held:
            return Cause.OLDER_COPY, (
                f"{known} entries were signed on this computer, {held} are held: the data directory is an older copy; "
                f"restore the newest one"
            )
        if known is None and held > FOUNDING_ENTRIES and not self._only_copy:
            return Cause.NO_RECORD, (
                f"no record on this computer of what was signed ({self._high_water.path} is missing): run with "
                f"--only-copy if no newer copy of this log exists"
            )
        return None

    def _raise_high_water(self) -> tuple[Cause, str] | None:
        """What is held now was signed; a file that cannot be written guards nothing, so nothing is signed then."""
        try:
            self._high_water.raise_to(self._log.size)
        except OSError as error:
            return Cause.RECORD_UNWRITABLE, f"{self._high_water.path} cannot be written: {error.strerror}"
        return None

    def _is_signed_by_us(self, head: Head) -> bool:
        # The size told beside the note is the peer's word alone.
        return signed_size(head.note, self._log.state) == head.size

    def _close(self, cause: Cause, reason: str) -> None:
        if reason != self.reason:
            _log.info("own log may not be signed yet", extra={"reason": reason})
        self.cause, self.reason = cause, reason
        self._closed(reason)
