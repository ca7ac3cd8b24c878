"""The one writer of this node's own log: it gives statements their places and signs the checkpoint above them.

Calls that wait are committed together. One group goes through these steps, and their order is the promise:

1. each call's statements are put into entries and applied to a copy of the state; a call of which one statement would
   be malformed, refused or void is refused as a whole, and the others go on;
2. the checkpoint over the grown tree is signed by the log key in force at its end;
3. entries, bodies, tree and checkpoint are written in one synced batch;
4. the callers get their indexes, and then listeners are told.

Swapping 3 and 4 would acknowledge what a power cut can take back. A full disk is noticed before 3 begins: callers are
refused, the checkpoint of step 2 is dropped unseen, and the next call goes on. If 3 itself fails nobody knows what is on
disk, so the sequencer stops for good: the node opens its store again, and callers ask again under the same statement id.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log import statements
from ledger.log.body import encode_body
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import Entry, Signature, encode_entry, parse_entry
from ledger.log.follow import Growth
from ledger.log.judge import Governance
from ledger.log.keys import KeyId, PublicKey, SigningKey
from ledger.log.state import LogState
from ledger.log.statement import Statement
from node.errors import BusyError
from node.observer import SILENT, Observer
from node.store.logstore import LogStore

MAX_WAITING_CALLS = 1024
MAX_GROUP_STATEMENTS = 256
MAX_GROUP_BYTES = 16 * 1024 * 1024

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement ready for its place: exact bytes, signatures over them, and the items of its body if it has one."""

    statement_bytes: bytes
    signatures: tuple[Signature, ...]
    items: tuple[bytes, ...] | None = None

    @property
    def size(self) -> int:
        """Bytes it brings, roughly: what a group is bounded by."""
        return len(self.statement_bytes) + sum(map(len, self.items or ()))


@dataclass(frozen=True, slots=True)
class _Call:
    statements: tuple[SignedStatement, ...]
    indexes: "asyncio.Future[list[int]]"


class Draft:
    """The growth that one group is about to become. Refusing a call takes back all of that call and nothing else."""

    def __init__(self, log: LogStore, has_key: Callable[[PublicKey], bool]) -> None:
        """Start from what the log holds; `has_key` tells whether this node can sign with a log key."""
        self._log = log
        self._has_key = has_key
        self.state: LogState = log.state.copy()
        self.entries: list[Entry] = []
        self.bodies: list[bytes | None] = []

    def add(self, call: Sequence[SignedStatement]) -> list[int]:
        """Put a call's statements in their places, or return where they stand already.

        Raises:
            CairnError: one of them is refused; the draft is as it was before.
        """
        mark = len(self.entries)
        try:
            return [self._add_statement(signed) for signed in call]
        except CairnError:
            self._take_back(mark)
            raise

    def _add_statement(self, signed: SignedStatement) -> int:
        statement = statements.parse(signed.statement_bytes)
        known = self.state.find_id(statement.id)
        if known is not None:
            return self._check_repetition(known, signed)
        if statements.is_unknown(statement):
            raise RuleError(f"statement: kind {statement.kind[:40]!r} is not one this cairn can write")
        raw = encode_entry(self.state.size, self.state.last_leaf, signed.statement_bytes, signed.signatures)
        entry, body = parse_entry(raw), _encode_body(statement, signed.items)
        effect = self.state.apply(entry, body)
        if effect.void is not None:
            raise RuleError(
                f"{statement.kind} statement: would have no effect: {effect.void}",
                hint="look at what was decided since, propose it anew, and have it signed again"
                if isinstance(statement, Governance)
                else "",
            )
        if not self._has_key(self.state.log_key):
            raise RuleError(
                f"{statement.kind} statement: this node does not have the log key it would have to sign with",
                hint="put the new log key under keys/ and start the node again",
            )
        self.entries.append(entry)
        self.bodies.append(body)
        return entry.index

    def _check_repetition(self, index: int, signed: SignedStatement) -> int:
        offset = index - self._log.size
        earlier = self.entries[offset] if offset >= 0 else parse_entry(self._log.entry(index))
        if earlier.statement_bytes != signed.statement_bytes:
            raise RuleError(f"statement: its id was used for another statement, entry {index}")
        reason = self.state.void.get(index)
        if reason is not None:
            raise RuleError(
                f"statement: stands at {index} without effect: {reason}", hint="make it anew, with a new id"
            )
        return index

    def _take_back(self, mark: int) -> None:
        if self.state.size == self._log.size + mark:
            return
        # The fold goes only forward. Refusals are rare, so folding the group again beats a copy for every call.
        del self.entries[mark:], self.bodies[mark:]
        self.state = self._log.state.copy()
        for entry, body in zip(self.entries, self.bodies, strict=True):
            self.state.apply(entry, body)


class Sequencer:
    """Appends to one log. Made and used in one event loop; the work is done in a thread."""

    def __init__(
        self,
        log: LogStore,
        log_key: SigningKey,
        *,
        find_key: Callable[[KeyId], SigningKey | None] | None = None,
        pause: Callable[[str], None] | None = None,
        observer: Observer = SILENT,
    ) -> None:
        """Prepare to write; `start` begins.

        Args:
            log: this node's own log.
            log_key: the key that signs its checkpoints.
            find_key: finds the next log key once an entry rotates it (`Keystore.find`).
            pause: called in the writing thread with "before-commit" and "after-commit"; tests crash there.
            observer: told of every commit, in the writing thread.
        """
        self._log = log
        self._log_key = log_key
        self._find_key = find_key
        self._pause = pause
        self._observer = observer
        self._listeners: list[Callable[[int], None]] = []
        # All below: touched by the event loop alone.
        self._waiting: deque[_Call] = deque()
        self._wake = asyncio.Event()
        self._hold_reason: str | None = None
        self._failure: str | None = None
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str | None:
        """Why nothing will be written until the node is started again; None where no write failed."""
        return self._failure

    @property
    def refusal(self) -> str | None:
        """Why nothing is written just now, in words; None while statements are taken."""
        if self._failure is not None:
            return self._failure
        return "the node is stopping" if self._is_closing else self._hold_reason or self._log.lack_of_room()

    @property
    def has_failed(self) -> bool:
        """Whether a write failed, so that only opening the store again tells what is on disk."""
        return self._failure is not None

    def start(self) -> None:
        """Begin to write.

        Raises:
            RuleError: the log key in force is not this node's; it could sign no checkpoint.
        """
        if self._task is not None:
            raise RuntimeError("the sequencer was started before")
        if not self._has_key(self._log.state.log_key):
            raise RuleError(
                "log: the log key in force is not one of this node's keys",
                hint="restore the file of that key under keys/, or recover the log from a peer",
            )
        self._task = asyncio.create_task(self._run(), name="sequencer")

    async def close(self) -> None:
        """Refuse new calls, finish those that wait, and stop."""
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def hold(self, reason: str) -> None:
        """Sign nothing until `release`; calls, also those that wait, are refused with this reason."""
        self._hold_reason = reason

    def release(self) -> None:
        """Take statements again."""
        self._hold_reason = None

    def add_listener(self, listener: Callable[[int], None]) -> None:
        """Call `listener` in the event loop with the new size after every commit; it must not block or raise."""
        self._listeners.append(listener)

    async def append(self, call: Sequence[SignedStatement]) -> list[int]:
        """Append statements as consecutive entries of one commit, and return their indexes once they are durable.

        A statement that stands in the log already, byte for byte, keeps its first index and is not written again. A
        caller that is cancelled, or gets `BusyError` after a failed write, asks again with the same bytes.

        Raises:
            BusyError: on hold, stopping, failed, or too many calls wait.
            MalformedError, RuleError, SignatureError, ProofError: a statement cannot stand or would have no effect;
                none of this call was written.
        """
        if self.refusal is not None:
            raise BusyError(f"log: nothing is written: {self.refusal}")
        if len(self._waiting) >= MAX_WAITING_CALLS:
            raise BusyError(f"log: {MAX_WAITING_CALLS} calls wait already", hint="try again in a moment")
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(tuple(call), future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        group: list[_Call] = []
        try:
            while self._waiting or not self._is_closing:
                group = self._take_group()
                if group:
                    outcomes = await asyncio.to_thread(self._write, [call.statements for call in group])
                    _answer(group, outcomes)
                    self._tell_listeners(outcomes)
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except Exception as error:  # a task boundary: whoever waits must hear of it, and nobody awaits this task
            _logger.exception("sequencer stopped", extra={"size": self._log.size})
            self._failure = f"the last write failed ({error}); start the node again, or wait until it does so itself"
        finally:
            reason = self._failure or "the node was stopped"
            _refuse([*group, *self._waiting], f"log: it is not known whether this was written: {reason}")
            self._waiting.clear()

    def _take_group(self) -> list[_Call]:
        if self._hold_reason is not None:
            _refuse(self._waiting, f"log: nothing is written: {self._hold_reason}")
            self._waiting.clear()
        group: list[_Call] = []
        count = size = 0
        while self._waiting and count < MAX_GROUP_STATEMENTS and size < MAX_GROUP_BYTES:
            call = self._waiting.popleft()
            group.append(call)
            count += len(call.statements)
            size += sum(signed.size for signed in call.statements)
        return group

    def _write(self, calls: Sequence[Sequence[SignedStatement]]) -> list[CairnError | list[int]]:
        started = time.monotonic_ns()
        draft = Draft(self._log, self._has_key)
        outcomes: list[CairnError | list[int]] = []
        for call in calls:
            try:
                outcomes.append(draft.add(call))  # 1
            except CairnError as error:
                outcomes.append(error)
        if draft.entries:
            growth = self._sign(draft)  # 2
            self._reach("before-commit")
            try:
                self._log.commit(growth)  # 3
            except BusyError as error:
                if self._log.write_failure:
                    raise
                return [error if isinstance(outcome, list) else outcome for outcome in outcomes]
            self._reach("after-commit")
            elapsed_ns = time.monotonic_ns() - started
            self._observer.commit_ended(len(growth.entries), elapsed_ns / 1_000_000_000)
            entries, elapsed_ms = len(growth.entries), elapsed_ns // 1_000_000
            fields = {"size": growth.state.size, "entries": entries, "elapsed_ms": elapsed_ms}
            _logger.debug("commit is durable", extra=fields)
        return outcomes

    def _sign(self, draft: Draft) -> Growth:
        state = draft.state
        checkpoint = Checkpoint(state.charter.origin, state.size, state.frontier.root())
        key = self._key_for(state.log_key)
        assert key is not None  # the draft refuses what would need another
        self._log_key = key
        note = sign_checkpoint(checkpoint, key)
        start = state.size - len(draft.entries)
        return Growth(start, state, tuple(draft.entries), tuple(draft.bodies), checkpoint, note)

    def _key_for(self, public: PublicKey) -> SigningKey | None:
        if self._log_key.public == public:
            return self._log_key
        return None if self._find_key is None else self._find_key(public.id)

    def _has_key(self, public: PublicKey) -> bool:
        return self._key_for(public) is not None

    def _reach(self, point: str) -> None:
        if self._pause is not None:
            self._pause(point)

    def _tell_listeners(self, outcomes: Sequence[CairnError | list[int]]) -> None:
        if any(isinstance(outcome, list) for outcome in outcomes):
            for listener in self._listeners:
                listener(self._log.size)


def _answer(calls: Sequence[_Call], outcomes: Sequence[CairnError | list[int]]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.indexes.done():
            continue  # the caller was cancelled; it can ask again with the same bytes
        if isinstance(outcome, CairnError):
            call.indexes.set_exception(outcome)
        else:
            call.indexes.set_result(outcome)


def _refuse(calls: Iterable[_Call], reason: str) -> None:
    for call in calls:
        if not call.indexes.done():
            call.indexes.set_exception(BusyError(reason, hint="ask again later with the same statement"))


def _encode_body(statement: Statement, items: tuple[bytes, ...] | None) -> bytes | None:
    if statement.body is None:
        if items:
            raise MalformedError(f"{statement.kind} statement: it has no body, but came with items")
        return None
    if items is None:
        # A replica may do without some bodies; the writer is who everybody gets them from.
        raise MalformedError(f"{statement.kind} statement: the items of its body are missing")
    return encode_body(statement.kind, items)
