"""A node seen from another node, over gRPC.

Every call has a deadline, every answer a limit, every failure is one of our errors: what another node says about the
ledger comes as the error it raised there, silence and broken connections as `UnreachableError`. Nothing received is
verified here.

How a node is dialled, and who may answer there, is for `node.client.dial`. The way to it is opened at the first call, and
opened anew after a call that found nobody: certificates are renewed, and nodes move.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from grpc import aio

from ledger.errors import CairnError, MalformedError
from ledger.log.body import MAX_BODY_BYTES
from ledger.log.identity import LogId
from node import wire
from node.client import exchange
from node.client.dial import DialPolicy, Line, Options, judge_again, open_line
from node.client.exchange import BodyPiece, CosignRequest, Head, Heads, Inclusion, LogSummary, Offers, Package
from node.client.failures import UnreachableError, UntrustedPeerError
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc

TIMEOUT_SECONDS = 30.0
# A stream may take this many times the deadline of one message; each message still has its own.
STREAM_FACTOR = 20
# The receiving limit leaves room for the envelope around a full message.
RECEIVE_LIMIT = exchange.MAX_MESSAGE_BYTES + 64 * 1024
MAX_LOGS = 100_000

_OPTIONS: Options = (
    ("grpc.max_receive_message_length", RECEIVE_LIMIT),
    ("grpc.max_send_message_length", RECEIVE_LIMIT),
    # A peer that was restarted should be found again within seconds, not minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    # A path that swallows everything (a forgotten NAT entry, a cut cable) is noticed during a call, and dialled anew.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # One process may hold clients of several nodes that share an address over time (tests, restarts).
    ("grpc.use_local_subchannel_pool", 1),
    # The look at the certificate goes the direct way, and so must the call.
    ("grpc.enable_http_proxy", 0),
)

Answer = TypeVar("Answer")


class _Way:
    """An open line with its stubs; `is_good` until a call over it finds nobody, `judged_at` by the loop's clock."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.judged_at = asyncio.get_running_loop().time()
        self.ledger = rpc.LedgerStub(line.channel)
        self.witness = rpc.WitnessStub(line.channel)
        self.is_good = True


class LedgerClient:
    """Calls one node's Ledger and Witness services.

    Args:
        address: "host:port" of its gRPC listener.
        timeout_seconds: deadline of a call, and of each message of a stream.
        policy: who may answer there, and whether without TLS.
    """

    def __init__(
        self, address: str, *, timeout_seconds: float = TIMEOUT_SECONDS, policy: DialPolicy | None = None
    ) -> None:
        self.address = address
        self._timeout = timeout_seconds
        self._policy = DialPolicy() if policy is None else policy
        self._way: _Way | None = None
        # One look at a time.
        self._dialling = asyncio.Lock()

    async def close(self) -> None:
        """Hang up; calls under way fail."""
        way, self._way = self._way, None
        if way is not None:
            await way.line.channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def list_logs(self) -> tuple[LogSummary, ...]:
        """Every log the node says it holds, ascending by id; at most 100,000."""
        logs: list[LogSummary] = []
        more = True
        while more and len(logs) < MAX_LOGS:
            request = pb.ListLogsRequest(after=logs[-1].log if logs else b"")
            way = await self._reach()
            answer = await self._call(way, way.ledger.ListLogs(request, timeout=self._timeout))
            page, more = wire.decode_log_list(answer)
            if not page or (logs and page[0].log <= logs[-1].log):
                break
            logs += page
        return tuple(logs)

    async def heads(self, logs: Sequence[LogId], known: Sequence[bytes] = ()) -> tuple[Head, ...]:
        """The newest note the node holds of each log, in the order asked.

        Args:
            logs: any number.
            known: what is held here of each (`node.client.notes.name_note`); such notes are left out of the answer.
        """
        found: list[Head] = []
        for first in range(0, len(logs), exchange.MAX_HEADS):
            end = first + exchange.MAX_HEADS
            found += (await self._heads(logs[first:end], known[first:end])).heads
        return tuple(found)

    async def token(self) -> bytes:
        """What stays the same while nothing changes at the node; asked for before heads, it covers them."""
        return (await self._heads((), ())).token

    async def _heads(self, logs: Sequence[LogId], known: Sequence[bytes]) -> Heads:
        request = pb.GetHeadsRequest(logs=logs, known=known)
        way = await self._reach()
        return wire.decode_heads(await self._call(way, way.ledger.GetHeads(request, timeout=self._timeout)), logs)

    async def entries(self, log: LogId, start: int, end: int) -> AsyncIterator[Package]:
        """The entries [start, end) in packages, in order and without a gap.

        Raises:
            MalformedError: a package does not begin where the one before ended, or goes beyond `end`.
        """
        request = pb.StreamEntriesRequest(log=log, start=start, end=end)
        way, deadline = await self._reach(), self._timeout * STREAM_FACTOR
        async with self._stream(way, way.ledger.StreamEntries(request, timeout=deadline)) as messages:
            position = start
            async for message in messages:
                package = wire.decode_package(message)
                if package.first != position or package.end > end:
                    raise MalformedError(f"package: [{package.first}, {package.end}) where [{position}, {end}) is next")
                position = package.end
                yield package
            if position != end:
                raise UnreachableError(f"{self.address}: stream of entries ended at {position}, expected {end}")

    async def bodies(
        self, log: LogId, start: int, end: int, *, count: Callable[[int], None] = lambda length: None
    ) -> AsyncIterator[tuple[int, bytes]]:
        """Index and body of every entry in [start, end) whose body the node holds, in order.

        Args:
            log: its id.
            start: first index.
            end: one past the last.
            count: told the bytes of every piece before it is kept; ends the stream by raising.

        Raises:
            MalformedError: pieces out of order, a body longer than 64 MiB, or one left unfinished.
        """
        request = pb.StreamBodyRequest(log=log, start=start, end=end)
        way, deadline = await self._reach(), self._timeout * STREAM_FACTOR
        async with self._stream(way, way.ledger.StreamBody(request, timeout=deadline)) as messages:
            assembly = _BodyAssembly(start, end)
            async for message in messages:
                for piece in wire.decode_pieces(message):
                    count(len(piece.data))
                    if assembly.add(piece):
                        yield assembly.take()
            assembly.finish()

    async def inclusion(self, log: LogId, index: int, size: int) -> Inclusion:
        """Leaf hash and path of entry `index` in the tree of `size` entries."""
        request = pb.GetInclusionRequest(log=log, index=index, size=size)
        way = await self._reach()
        return wire.decode_inclusion(await self._call(way, way.ledger.GetInclusion(request, timeout=self._timeout)))

    async def consistency(self, log: LogId, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """A proof that the tree of `new_size` continues that of `old_size`."""
        request = pb.GetConsistencyRequest(log=log, old_size=old_size, new_size=new_size)
        way = await self._reach()
        answer = await self._call(way, way.ledger.GetConsistency(request, timeout=self._timeout))
        return wire.decode_proof(answer.proof)

    async def offer_heads(self, offers: Offers) -> Offers:
        """Show heads and fork evidence, and hear what the node has that is newer."""
        request = wire.encode_offers(offers)
        way = await self._reach()
        answer = await self._call(way, way.ledger.OfferHeads(request, timeout=self._timeout))
        return wire.decode_counter_offers(answer)

    async def evidence(self, log: LogId, *, limit: int = 64) -> tuple[bytes, ...]:
        """Pieces of fork evidence the node keeps about a log, at most `limit`; ours give the strongest first."""
        pieces: list[bytes] = []
        more = True
        while more and len(pieces) < limit:
            request = pb.GetEvidenceRequest(log=log, skip=len(pieces))
            way = await self._reach()
            answer = await self._call(way, way.ledger.GetEvidence(request, timeout=self._timeout))
            page, more = wire.decode_evidence(answer)
            if not page:
                break
            pieces += page
        return tuple(pieces[:limit])

    async def add_checkpoint(self, request: CosignRequest, *, timeout_seconds: float | None = None) -> bytes:
        """Ask the node to cosign; gives its signature line.

        Raises:
            UnknownLogError: it does not follow the log.
            SignatureError, MalformedError, ProofError, RuleError, EquivocationError: it refuses the checkpoint.
            ConflictError: it last cosigned another size than `old_size`; `size` says which.
            BusyError: it cannot cosign now, or does not hold the log that far yet.
        """
        message = wire.encode_cosign_request(request)
        way = await self._reach()
        call = way.witness.AddCheckpoint(message, timeout=timeout_seconds or self._timeout)
        return wire.decode_note((await self._call(way, call)).signature)

    async def show_rotation(self, log: LogId, rotation: bytes) -> int:
        """Show a witness a rotation of a log key; gives the largest size it cosigned under the old key.

        Raises:
            UnknownLogError: it does not hold the log.
            MalformedError, SignatureError, RuleError: it is not what the root keys in force there decided.
        """
        way = await self._reach()
        call = way.witness.ShowRotation(wire.encode_rotation_request(log, rotation), timeout=self._timeout)
        return wire.decode_size((await self._call(way, call)).cosigned_size, "cosigned size")

    async def peer_log(self) -> LogId | None:
        """Whose node answers, where its certificate told and the ledger confirmed it; None in all other cases."""
        return (await self._reach()).line.log

    async def _reach(self) -> _Way:
        """The way to the node, opened where there is none or the last call over it found nobody.

        Raises:
            UnreachableError: nobody answers; as `UntrustedPeerError`, somebody who must not.
        """
        async with self._dialling:
            way = self._way
            if way is not None and way.is_good:
                await self._judge_again(way)
                return way
            await self.close()
            self._way = _Way(await open_line(self.address, self._policy, _OPTIONS, self._timeout))
            return self._way

    async def _judge_again(self, way: _Way) -> None:
        now = asyncio.get_running_loop().time()
        if now - way.judged_at < self._policy.judged_for_seconds:
            return
        try:
            way.line = judge_again(way.line, self.address, self._policy)
        except UntrustedPeerError:
            await self.close()
            raise
        way.judged_at = now

    async def _call(self, way: _Way, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except aio.AioRpcError as error:
            raise self._error(way, error) from error

    @asynccontextmanager
    async def _stream(self, way: _Way, call: aio.UnaryStreamCall[Any, Answer]) -> AsyncIterator[AsyncIterator[Answer]]:
        """The messages of a stream, each within its deadline; the call is cancelled if its reader leaves early."""
        try:
            yield self._messages(way, call)
        finally:
            call.cancel()

    async def _messages(self, way: _Way, call: aio.UnaryStreamCall[Any, Answer]) -> AsyncIterator[Answer]:
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    message = await call.read()
            except aio.AioRpcError as error:
                raise self._error(way, error) from error
            except TimeoutError as error:
                raise UnreachableError(f"{self.address}: no message within {self._timeout:g} seconds") from error
            # grpc types its end-of-stream marker as a private class; a message is never equal to it.
            if message is aio.EOF:  # type: ignore[attr-defined]  # missing from the typings
                return
            yield message  # type: ignore[misc]  # narrowed by the comparison above

    def _error(self, way: _Way, error: aio.AioRpcError) -> CairnError:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            # The node is away, or shows another certificate than the one this way was opened with.
            way.is_good = False
            if "CERTIFICATE_VERIFY_FAILED" in (error.details() or ""):
                return UntrustedPeerError(
                    f"{self.address}: shows another certificate than when it was first called",
                    hint="it may have been renewed; the next call looks at it anew",
                )
        # The typings describe metadata as a mapping; what comes is pairs.
        pairs: Any = error.trailing_metadata() or ()
        metadata = tuple((str(key), value) for key, value in pairs)
        decoded = wire.decode_error(error.code(), error.details() or "", metadata)
        if isinstance(decoded, UnreachableError):
            return UnreachableError(f"{self.address}: {decoded}", hint=decoded.hint)
        return decoded


class _BodyAssembly:
    """Joins the pieces of one stream into bodies."""

    def __init__(self, start: int, end: int) -> None:
        self._next = start
        self._end = end
        self._index: int | None = None
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, piece: BodyPiece) -> bool:
        """Take one piece; true when a body is complete."""
        if self._index is None:
            if not self._next <= piece.index < self._end:
                raise MalformedError(f"body piece: entry {piece.index}, expected one of [{self._next}, {self._end})")
            self._index = piece.index
        elif piece.index != self._index:
            raise MalformedError(f"body piece: entry {piece.index} while entry {self._index} is unfinished")
        self._length += len(piece.data)
        if self._length > MAX_BODY_BYTES:
            raise MalformedError(f"body of entry {piece.index}: more than {MAX_BODY_BYTES} bytes")
        self._parts.append(piece.data)
        return piece.last

    def take(self) -> tuple[int, bytes]:
        """The complete body, and its entry's index."""
        assert self._index is not None
        result = self._index, b"".join(self._parts)
        self._next, self._index, self._parts, self._length = self._index + 1, None, [], 0
        return result

    def finish(self) -> None:
        """Check that nothing is left unfinished at the end of the stream."""
        if self._index is not None:
            raise UnreachableError(f"stream of bodies ended inside the body of entry {self._index}")
