"""A node seen from whoever verifies with it: files in, reports out, over the private Unix socket."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from grpc import aio

from ledger.credential.batch_report import MAX_REPORT_BYTES, parse_report
from ledger.credential.report import RecordReport
from ledger.errors import CairnError, MalformedError
from ledger.log.identity import LogId
from node import wire
from node.client.exchange import MAX_MESSAGE_BYTES, MAX_PIECE_BYTES
from node.client.failures import UnreachableError
from node.pb import verifier_pb2 as pb
from node.pb import verifier_pb2_grpc as rpc

TIMEOUT_SECONDS = 60.0
STREAM_SECONDS = 12 * 3600.0
"""A stream lasts as long as a night."""

_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES + 64 * 1024),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked about every file: for whom, with which nonce, when (Unix ms), by which network; None not to ask."""

    audience: str | None = None
    nonce: str | None = None
    at: int | None = None
    network: LogId | None = None


class VerifierClient:
    """Calls the Verifier service of the node behind a Unix socket."""

    def __init__(self, socket_path: str) -> None:
        """Prepare to call the socket at this absolute path; nothing is dialled yet."""
        self._where = socket_path
        self._channel = aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS)
        self._stub = rpc.VerifierStub(self._channel)

    async def __aenter__(self) -> Self:
        """Call within this context."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._channel.close(None)

    async def verify(self, data: bytes, asked: Asked) -> RecordReport:
        """Verify one file of less than a mebibyte.

        Raises:
            CairnError: the node refuses to judge at all; what is wrong with the file stands in the report.
        """
        try:
            answer = await self._stub.Verify(_encode(data, asked), timeout=TIMEOUT_SECONDS)
        except aio.AioRpcError as error:
            raise self._decode_error(error) from error
        return parse_report(answer.report)

    async def verify_all(self, files: AsyncIterable[bytes], asked: Asked) -> AsyncIterator[RecordReport]:
        """Verify files one after the other; reports come in their order.

        Files are taken only as fast as the node judges them and reports are asked for.

        Raises:
            CairnError: the node refuses to judge at all, or is gone.
        """
        call = self._stub.VerifyStream(_encode_all(files, asked), timeout=STREAM_SECONDS)
        pieces: list[bytes] = []
        size = 0
        try:
            async for message in call:
                size += len(message.report)
                if size > MAX_REPORT_BYTES:
                    raise MalformedError(f"report: more than {MAX_REPORT_BYTES} bytes")
                pieces.append(message.report)
                if not message.more:
                    yield parse_report(b"".join(pieces))
                    pieces, size = [], 0
        except aio.AioRpcError as error:
            raise self._decode_error(error) from error
        finally:
            call.cancel()

    def _decode_error(self, error: aio.AioRpcError) -> CairnError:
        # Any: the typings describe metadata as a mapping; what comes is pairs.
        pairs: Any = error.trailing_metadata() or ()
        metadata = tuple((str(key), value) for key, value in pairs)
        decoded = wire.decode_error(error.code(), error.details() or "", metadata)
        if isinstance(decoded, UnreachableError):
            return UnreachableError(f"{self._where}: {decoded}", hint="is the node running? `cairn-node run DIR`")
        return decoded


async def _encode_all(files: AsyncIterable[bytes], asked: Asked) -> AsyncIterator[pb.VerifyRequest]:
    async for data in files:
        first = _encode(data[:MAX_PIECE_BYTES], asked)
        first.more = len(data) > MAX_PIECE_BYTES
        yield first
        for start in range(MAX_PIECE_BYTES, len(data), MAX_PIECE_BYTES):
            end = start + MAX_PIECE_BYTES
            yield pb.VerifyRequest(data=data[start:end], more=end < len(data))


def _encode(data: bytes, asked: Asked) -> pb.VerifyRequest:
    return pb.VerifyRequest(
        data=data, audience=asked.audience, nonce=asked.nonce, at=asked.at, network=asked.network or b""
    )
