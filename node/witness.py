"""Cosigning the logs of others (C2SP tlog-witness; that we hold what we cosign durably is house policy).

Asked over gRPC (`node.service.witness`) and HTTP (`node.web.witness`), judged here.

A cosignature says: at this second no larger consistent tree of that origin was known to me. So the one thing that must
never roll back is the size and root cosigned last, which is compared and persisted in one step before the line leaves.

The order of answers to one request:

1. the note parses (MalformedError);
2. its origin is that of a log we follow (UnknownLogError);
3. the start-up rule allows cosigning (BusyError);
4. it is signed by the log key, as far as we know it yet (SignatureError);
5. `old_size` is not above its size (MalformedError);
6. `old_size` is what we cosigned last (ConflictError, with our size);
7. the proof leads from there to its root (ProofError, RuleError);
8. we hold the log up to its size, pulling it if need be (BusyError when that takes too long);
9. what we hold has its root, and its key is the one in force there (ProofError, SignatureError), and the root keys have
   not shown here that they took the log away from it (RuleError);
10. our clock can be believed (BusyError); compare and persist, atomically (ConflictError), then cosign.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from ledger import base64url
from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log import merkle
from ledger.log.checkpoint import (
    Checkpoint,
    add_signatures,
    cosign,
    log_verifier_key,
    open_checkpoint,
    read_checkpoint,
)
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.merkle import RootHash
from ledger.log.note import NoteSignature, VerifierKey, parse_note
from ledger.log.rotation import SignedRotation
from node.branch import Branches, pull_or_go_over
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.client.notes import trim_note
from node.clock import Clock
from node.directory import Directory
from node.errors import BusyError, ConflictError
from node.peers import Peers
from node.pull import Puller
from node.rotations import Rotations, pending_rotation
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore
from node.tasks import uninterrupted
from node.timekeeping import Timekeeping

_log = logging.getLogger(__name__)


class ForkReporter(Protocol):
    """What becomes of a note that contradicts what we hold."""

    async def report(self, log: LogId, note: bytes, address: str) -> None:
        """Make evidence of it, if it can be made with the help of the node at `address`."""
        ...


class Witness:
    """Cosigns checkpoints of followed logs. Used from the event loop's thread alone.

    Args:
        keys: reads the witness keys of this node, oldest first; asked again once a network names one that it lacked.
        timekeeping: judges the clock; one of its own by default.
        rotations: shown by root keys ahead of their logs.
        branches: on which root keys continue logs.
        closed: says why nothing may be cosigned of a log yet, or None (the start-up rule).
        hold_seconds: how long one request may wait until the log is held.
        pause: awaited between the last check and the comparison; tests hold a request there.
    """

    def __init__(
        self,
        store: LedgerStore,
        directory: Directory,
        puller: Puller,
        peers: Peers,
        forks: ForkReporter,
        keys: Callable[[], Sequence[SigningKey]],
        clock: Clock,
        *,
        rotations: Rotations,
        branches: Branches,
        closed: Callable[[LogId], str | None],
        hold_seconds: float,
        timekeeping: Timekeeping | None = None,
        pause: Callable[[], "asyncio.Future[None]"] | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._puller = puller
        self._peers = peers
        self._forks = forks
        self._read_keys = keys
        self._keys = {key.public: key for key in keys()}
        self._lacked: frozenset[PublicKey] = frozenset()
        self._time = timekeeping if timekeeping is not None else Timekeeping(clock)
        for log_id in store.log_ids():
            log = store.log(log_id)
            self._time.signed(0 if log is None else log.cosigned_at())
        self._rotations = rotations
        self._branches = branches
        self._closed = closed
        self._hold_seconds = hold_seconds
        self._pause = pause
        # One request at a time makes the log's growth; the others of that log wait behind it. Notes by keys that are not
        # known here have a turn of their own: anybody can make them.
        self._turns: defaultdict[tuple[LogId, bool], asyncio.Lock] = defaultdict(asyncio.Lock)
        # Our newest line for each log and its size, for whoever asks what was cosigned last.
        self._lines: dict[LogId, tuple[int, tuple[NoteSignature, ...]]] = {}

    def verifier_key(self) -> VerifierKey:
        """The key this node cosigns with, under the name its network knows it by."""
        return self._directory.own_witness_key(tuple(self._keys))

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """All keys this node cosigns with: while one follows the other, both, so that no quorum lacks its lines."""
        lacked = frozenset(key.key for key in self._directory.named_witness_keys() if key.key not in self._keys)
        if lacked - self._lacked:
            # A command made the key beside this node; what is lacked for good is looked for once.
            self._keys = {key.public: key for key in self._read_keys()}
        self._lacked = lacked
        return self._directory.own_witness_keys(tuple(self._keys))

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        """Answer one request with our signature line, or lines while one key follows another; steps and errors as above."""
        claimed = read_checkpoint(request.note)  # 1
        candidates = self._directory.logs_of_origin(claimed.origin)
        if not candidates:  # 2
            raise UnknownLogError(f"origin {claimed.origin} is not followed here")
        log_id, is_signed = self._identify(candidates, request.note, claimed)  # 3, 4
        try:
            await self._check_growth(log_id, request, claimed)  # 5, 6, 7
            turn = self._turns[log_id, is_signed]
            if not is_signed and turn.locked():
                raise BusyError(
                    f"witness: another checkpoint of {claimed.origin} by a key unknown here is being looked into",
                    hint="ask again: it goes on pulling, and then knows the key",
                )
            async with turn:
                log = await self._hold(log_id, request.address if is_signed else "", request.note, claimed)  # 8
                return await self._cosign(log, request, claimed)  # 9, 10
        except (ProofError, RuleError):
            await self._forks.report(log_id, request.note, request.address)
            raise

    async def show_rotation(self, log_id: LogId, data: bytes) -> int:
        """Cosign nothing more of a log under the key that its root keys rotated; gives the largest size cosigned.

        Raises:
            CairnError: as `Rotations.show`.
        """
        return await self._rotations.show(log_id, data)

    def _identify(self, candidates: tuple[LogId, ...], note: bytes, claimed: Checkpoint) -> tuple[LogId, bool]:
        """Which of the logs with this origin the note is of: the one whose key signed it; and whether that is sure."""
        refusal: CairnError | None = None
        unsure: LogId | None = None
        for log_id in candidates:
            reason = self._closed(log_id)
            if reason is not None:
                refusal = BusyError(f"witness: {reason}")
                continue
            key, is_final = self._directory.log_key(log_id, claimed.size)
            try:
                if key is not None:
                    open_checkpoint(note, log_verifier_key(claimed.origin, key))
                return log_id, key is not None
            except SignatureError as error:
                if self._is_by_shown_key(log_id, note):
                    return log_id, True
                refusal = error
                # Above what we hold the key may have been rotated: step 9 decides once we hold it.
                if not is_final:
                    unsure = log_id
        if unsure is not None:
            return unsure, False
        assert refusal is not None
        raise refusal

    def _is_by_shown_key(self, log_id: LogId, note: bytes) -> bool:
        """Whether a note is by the key that root keys showed here as the next one."""
        log = self._store.log(log_id)
        rotation = None if log is None else pending_rotation(log)
        if log is None or rotation is None:
            return False
        try:
            open_checkpoint(note, log_verifier_key(log.state.charter.origin, rotation.statement.log_key))
        except CairnError:
            return False
        return True

    async def _check_growth(self, log_id: LogId, request: CosignRequest, claimed: Checkpoint) -> None:
        log = self._store.log(log_id)
        cosigned = await asyncio.to_thread(log.cosigned) if log is not None else None
        verify_growth(request, claimed, cosigned)

    async def _hold(self, log_id: LogId, hint: str, note: bytes, claimed: Checkpoint) -> LogStore:
        refusal: CairnError | None = None
        try:
            async with asyncio.timeout(self._hold_seconds):
                for address in self._sources(log_id, hint):
                    # A note by the shown key is of the branch that carries the rotation, whatever is held without it.
                    if self._puller.held_size(log_id) >= claimed.size and not self._is_by_shown_key(log_id, note):
                        break
                    try:
                        await self._pull(log_id, address, claimed)
                    except CairnError as error:
                        # What one peer serves wrongly another may serve rightly; the writer's own error is told.
                        refusal = refusal or error
        except TimeoutError:
            pass
        log = self._store.log(log_id)
        if log is None or log.size < claimed.size:
            if refusal is not None and not isinstance(refusal, UnreachableError | BusyError):
                raise refusal
            held = log.size if log is not None else 0
            reason = f": {refusal}" if refusal is not None else ""
            raise BusyError(
                f"witness: holds {held} of {claimed.size} entries of {claimed.origin} yet{reason}",
                hint="ask again: it goes on pulling",
            )
        return log

    def _sources(self, log_id: LogId, hint: str) -> tuple[str, ...]:
        """Where to pull from: the caller first if it is the writer by its signature, then whoever is known.

        An address that anybody could have given is not dialled: it may be inside our own network.
        """
        first = (hint,) if self._directory.may_dial(hint) else ()
        return tuple(dict.fromkeys([*first, *self._directory.sources(log_id)]))

    async def _pull(self, log_id: LogId, address: str, claimed: Checkpoint) -> None:
        client = self._peers.client(address)
        (head,) = await client.heads([log_id])
        if head.size < claimed.size:
            return
        await pull_or_go_over(self._puller, self._branches, client, head)
        log = self._store.log(log_id)
        if log is not None and pending_rotation(log) is not None:
            await self._branches.go_over(client, head)

    async def _cosign(self, log: LogStore, request: CosignRequest, claimed: Checkpoint) -> bytes:
        state = log.state
        # A key that was rotated away signs nothing new, not even for a size at which it was in force (DESIGN 3).
        log_key = state.verifier_key_at(state.size)
        open_checkpoint(request.note, log_key)  # 9
        if (rotation := pending_rotation(log)) is not None:
            raise _taken_away(log, rotation)
        root = await asyncio.to_thread(merkle.root_at, claimed.size, log.read_hashes)
        if root != claimed.root:
            raise ProofError(f"checkpoint: its root at size {claimed.size} is not that of the entries held")
        if self._pause is not None:
            await self._pause()
        # The note itself too: should the writer ever sign another of this size, ours is half of the evidence.
        clean = trim_note(request.note, [log_key], self._directory.witness_keys(state.log_id))
        seconds = await uninterrupted(self._remember(log, request.old_size, claimed, clean))  # 10
        # Only now, with size and time on disk: a crash in between costs a signature, never allows two.
        own = self.verifier_keys()
        lines = tuple(cosign(request.note, key.name, self._keys[key.key], seconds) for key in own)
        self._lines[state.log_id] = claimed.size, lines
        _log.info("cosigned", extra={"log": encode_log_id(state.log_id), "size": claimed.size})
        return "".join(line.encode() for line in lines).encode()

    def cosigned_note(self, origin_hash: bytes) -> bytes | None:
        """The checkpoint cosigned last of the log whose origin has this SHA-256, with our line; blocks on the disk.

        None where nothing was, or where this node started since and the writer has not handed our line round yet.
        """
        for log_id in self._directory.followed():
            log = self._store.log(log_id)
            if log is None or sha256(log.state.charter.origin.encode()).digest() != origin_hash:
                continue
            note = log.note_at(log.cosigned_size())
            if note is None:
                continue
            size, lines = self._lines.get(log_id, (0, ()))
            if size == read_checkpoint(note).size:
                note = add_signatures(note, lines)
            own = {(key.name, key.key_id) for key in self.verifier_keys()}
            if any((item.name, item.key_id) in own for item in parse_note(note).signatures):
                return note
        return None

    async def _remember(self, log: LogStore, old_size: int, claimed: Checkpoint, note: bytes) -> int:
        """Make durable what is about to be signed, and give its time in Unix seconds."""
        async with self._puller.lock(log.state.log_id):
            # Again, where no rotation can come between: one that was shown and answered is never followed by a line.
            if (rotation := pending_rotation(log)) is not None:
                raise _taken_away(log, rotation)
            seconds = self._time.time_to_sign()
            self._time.signed(seconds)
            size, root = claimed.size, claimed.root
            await asyncio.to_thread(log.set_cosigned, size, root, expected=old_size, seconds=seconds)
            await asyncio.to_thread(log.keep_note, note)
        return seconds


def _taken_away(log: LogStore, rotation: SignedRotation) -> RuleError:
    state = log.state
    return RuleError(
        f"log {encode_log_id(state.log_id)}: {state.roots.threshold} of its root keys took it away from log key "
        f"{base64url.encode(state.log_key.id)}; nothing is cosigned under it above size {log.cosigned_size()}",
        hint="the log goes on where its root keys write entry: rotate to key "
        f"{base64url.encode(rotation.statement.log_key.id)}",
    )


def verify_growth(request: CosignRequest, claimed: Checkpoint, cosigned: tuple[int, RootHash] | None) -> None:
    """Check that a checkpoint continues what was cosigned last, as far as a proof can show it.

    Steps 5 to 7 of the list above; they are all that a witness without house policy looks at.

    Args:
        request: the old size and the proof.
        claimed: the checkpoint in its note; whose it is has been judged.
        cosigned: size and root cosigned last; None where nothing was.

    Raises:
        MalformedError: 5.
        ConflictError: 6.
        ProofError, RuleError: 7.
    """
    if request.old_size > claimed.size:  # 5
        raise MalformedError(f"old size {request.old_size} is above the checkpoint's size {claimed.size}")
    old_size = cosigned[0] if cosigned is not None else 0
    if request.old_size != old_size:  # 6
        raise ConflictError(f"witness: {old_size} was cosigned last, not {request.old_size}", size=old_size)
    if claimed.size == 0:  # 7
        raise RuleError("checkpoint: size 0, but every log here begins with its charter")
    if cosigned is None:
        if request.proof:
            raise ProofError("consistency proof: given although nothing was cosigned before")
        return
    merkle.verify_consistency(old_size, cosigned[1], claimed.size, claimed.root, request.proof)
