"""Getting our own checkpoints cosigned: every named witness is asked about every head, for ever.

Work goes in rounds over one checkpoint, since a quorum must meet on one size: all witnesses are asked in parallel, and as
soon as enough have answered, the rest get a little longer. Every cosignature is kept the moment it comes. Then the newest
checkpoint is taken; where a witness is missing and nothing new has come, the round is repeated after a pause that grows.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log import merkle
from ledger.log.checkpoint import open_cosignatures, read_checkpoint
from ledger.log.identity import LogId
from ledger.log.members import Witness, WitnessSet, judge_quorum
from ledger.log.note import encode_note, parse_note, parse_signature_lines
from node.client.exchange import CosignRequest
from node.client.notes import merge_notes, signed_size
from node.client.witness import WitnessHTTP
from node.clock import Draw
from node.directory import Directory, NamedWitness
from node.errors import BusyError, ConflictError
from node.events import HeadEvents
from node.observer import SILENT, Observer
from node.peers import Peers
from node.store.logstore import LogStore
from node.tasks import Backoff, keep_doing
from node.terminal import instant
from node.timekeeping import Timekeeping

GRACE_SECONDS = 0.3
MAX_PAUSE_SECONDS = 30.0
HTTP_PATH = "/witness"
"""Where a node of ours answers witness calls below its URL; see `node.web.witness`."""

_log = logging.getLogger(__name__)


class CosignClient(Protocol):
    """A witness, however it is reached."""

    async def add_checkpoint(self, request: CosignRequest, *, timeout_seconds: float) -> bytes:
        """Ask for a cosignature; gives signature lines, unverified."""
        ...


class Cosigning:
    """Asks the witnesses of this node's own log. Runs as one task.

    Args:
        log: this node's own log.
        address: where witnesses can pull from.
        may_ask: whether the start-up rule lets this node sign; nothing is sent round before.
        rewound: told the size when a witness has cosigned more of our log than we hold.
        timeout_seconds: how long one witness may take.
        grace_seconds: how long the others are waited for after the quorum.
        witness_urls: by the name of its key, where a witness that only speaks HTTP is asked.
        timekeeping: told what the witnesses' clocks say.
        observer: told how long each cosignature took.
    """

    def __init__(
        self,
        log: LogStore,
        directory: Directory,
        peers: Peers,
        events: HeadEvents,
        draw: Draw,
        *,
        address: str,
        may_ask: Callable[[], bool],
        rewound: Callable[[int], None],
        timeout_seconds: float,
        grace_seconds: float = GRACE_SECONDS,
        witness_urls: Mapping[str, str] = MappingProxyType({}),
        timekeeping: Timekeeping | None = None,
        observer: Observer = SILENT,
    ) -> None:
        self._log = log
        self._own: LogId = log.state.log_id
        self._directory = directory
        self._peers = peers
        self._events = events
        self._draw = draw
        self._address = address
        self._may_ask = may_ask
        self._rewound = rewound
        self._observer = observer
        self._timeout = timeout_seconds
        self._grace = grace_seconds
        self._witness_urls = witness_urls
        self._time = timekeeping
        # The size each witness is known to have cosigned last; a wrong guess costs one more call.
        self._cosigned: dict[NamedWitness, int] = {}
        # Why each witness did not cosign when last asked; empty where it did.
        self.problems: dict[NamedWitness, str] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        listener = self._events.listen()
        pauses = Backoff(self._draw, max_seconds=MAX_PAUSE_SECONDS)

        async def step() -> None:
            listener.take()
            if await self.round():
                pauses.reset()
                await listener.next()
                return
            try:
                async with asyncio.timeout(pauses.pause()):
                    # Only news of our own log, or of who witnesses it, is worth another try before the pause is over.
                    while not (self._own in (news := await listener.next()) or news & set(self._directory.networks())):
                        pass
            except TimeoutError:
                pass

        try:
            await keep_doing("cosigning", step, Backoff(self._draw, max_seconds=MAX_PAUSE_SECONDS))
        finally:
            self._events.forget(listener)

    async def round(self) -> bool:
        """Ask every witness that has not cosigned the newest checkpoint; true when none is missing afterwards."""
        if not self._may_ask():
            return False
        note = self._log.note
        missing = self._missing(note)
        if not missing:
            return True
        async with asyncio.TaskGroup() as group:
            tasks = {group.create_task(self._ask(witness, note)) for witness in missing}
            await self._collect(tasks, read_checkpoint(note).size)
            for task in tasks:
                task.cancel()
        return not self._missing(self._log.note)

    async def wait_for_quorum(self, size: int, timeout_seconds: float) -> bool:
        """Wait until a checkpoint of at least `size` is a head; false when the time is over before.

        With witnesses named but none in force yet (a network's founding), their quorum is waited for: it is what puts
        them in force.
        """
        listener = self._events.listen()
        try:
            async with asyncio.timeout(timeout_seconds):
                while not self._is_enough(self._log.note) or read_checkpoint(self._log.note).size < size:
                    await listener.next()
        except TimeoutError:
            return False
        finally:
            self._events.forget(listener)
        return True

    async def _collect(self, tasks: Iterable["asyncio.Task[None]"], size: int) -> None:
        """Wait for answers: all, or a quorum and the grace after it, or until a newer checkpoint has waited long enough."""
        pending = set(tasks)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout + 1
        is_enough = False
        while pending and loop.time() < end:
            _, pending = await asyncio.wait(pending, timeout=end - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            note = await asyncio.to_thread(self._log.note_at, size)
            if not is_enough and note is not None and self._is_enough(note):
                is_enough = True
                end = min(end, loop.time() + self._grace)

    def _missing(self, note: bytes) -> list[NamedWitness]:
        witnesses = self._directory.witnesses(self._own)
        present = {c.witness for c in open_cosignatures(note, [witness.key for witness in witnesses])}
        return [witness for witness in witnesses if witness.key not in present]

    def _is_enough(self, note: bytes) -> bool:
        in_force = self._directory.quorum(self._own, note)
        named = tuple(Witness(witness.log, witness.key) for witness in self._directory.witnesses(self._own))
        if in_force.witnesses:
            return in_force.has_quorum
        return not named or judge_quorum(note, self._own, WitnessSet(-1, named)).has_quorum

    async def _ask(self, witness: NamedWitness, note: bytes) -> None:
        """Ask one witness for one checkpoint; what goes wrong is kept in `problems`, and is for the next round."""
        problem = ""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._timeout):
                asked_at = 0 if self._time is None else self._time.moment()
                line = await self._add_checkpoint(witness, note)
                self._observer.cosigned(asyncio.get_running_loop().time() - began)
                await self._add_line(witness, note, line, asked_at)
        except CairnError as error:
            problem = str(error)
        except TimeoutError:
            problem = f"no answer within {self._timeout:g} seconds"
        if problem and self.problems.get(witness) != problem:
            _log.warning("witness did not cosign", extra={"witness": witness.key.name, "reason": problem})
        self.problems[witness] = problem

    async def _add_checkpoint(self, witness: NamedWitness, note: bytes) -> bytes:
        client = self._client(witness)
        size = read_checkpoint(note).size
        for attempt in range(2):
            old = self._cosigned.get(witness, 0)
            proof = await self._prove(old, size)
            request = CosignRequest(old_size=old, proof=proof, note=note, address=self._address)
            try:
                line = await client.add_checkpoint(request, timeout_seconds=self._timeout)
            except ConflictError as conflict:
                if attempt or conflict.size > size:
                    await self._check_rewind(witness, conflict.size)
                    raise
                self._cosigned[witness] = conflict.size
            else:
                self._cosigned[witness] = size
                return line
        raise AssertionError("unreachable: the second conflict was raised")

    def _client(self, witness: NamedWitness) -> CosignClient:
        """How a witness is asked: over HTTP where the operator says so, or where it has no gRPC; else over gRPC."""
        prefix = self._http_prefix(witness)
        if prefix:
            return WitnessHTTP(prefix, self._directory.expected_of(witness.log))
        if not witness.address:
            raise BusyError(
                "nobody told where this witness can be asked", hint="name its URL in witness_urls of node.toml"
            )
        return self._peers.client(witness.address)

    def _http_prefix(self, witness: NamedWitness) -> str:
        named = self._witness_urls.get(witness.key.name, "")
        return named or (f"{witness.url.rstrip('/')}{HTTP_PATH}" if witness.url and not witness.address else "")

    async def _prove(self, old: int, size: int) -> tuple[bytes, ...]:
        if old in (0, size):
            return ()
        return await asyncio.to_thread(merkle.prove_consistency, old, size, self._log.read_hashes)

    async def _add_line(self, witness: NamedWitness, note: bytes, line: bytes, asked_at: int) -> None:
        """Keep the witness's own line, if it verifies and its time may be kept; anything else is dropped."""
        signatures = parse_signature_lines(line)
        offered = encode_note(parse_note(note).text, signatures)
        merged = merge_notes(note, offered, [witness.key])
        if merged is None:
            raise MalformedError(
                f"witness {witness.key.name}: the answer holds no cosignature of it over this checkpoint"
            )
        if self._time is not None:
            (cosignature,) = open_cosignatures(merged, [witness.key])
            self._time.heard(witness.key.name, cosignature.seconds, asked_at)
            if self._time.is_ahead(witness.key.name, cosignature.seconds):
                signed = instant(cosignature.seconds * 1000)
                raise RuleError(
                    f"witness {witness.key.name}: it signed the time {signed}, which is ahead of this clock"
                )
        await asyncio.to_thread(self._log.put_note, merged)
        self._events.publish(self._own)

    async def _check_rewind(self, witness: NamedWitness, size: int) -> None:
        """Stop signing where a witness shows, signed by us, more of our log than we hold; that it says so is not enough."""
        if size <= self._log.size:
            return
        shown = signed_size(await self._shown_note(witness), self._log.state)
        if shown > self._log.size:
            # The data directory was restored from an older copy, or somebody else writes this log.
            _log.error("a witness holds more of our log", extra={"witness": witness.key.name, "size": shown})
            self._rewound(shown)
        else:
            fields = {"witness": witness.key.name, "size": size, "shown": shown}
            _log.warning("a witness tells a size of our log that it does not show", extra=fields)

    async def _shown_note(self, witness: NamedWitness) -> bytes | None:
        """The newest note of our log that a witness shows."""
        prefix = self._http_prefix(witness)
        if prefix:
            origin = self._log.state.charter.origin
            asked = WitnessHTTP(prefix, self._directory.expected_of(witness.log))
            return await asked.cosigned_note(origin, timeout_seconds=self._timeout)
        (head,) = await self._peers.client(witness.address).heads([self._own])
        return head.note
