"""A node seen from whoever verifies with it: files in, reports out, over its private listener."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from ledger.credential.batch_report import MAX_REPORT_BYTES, parse_report
from ledger.credential.report import RecordReport
from ledger.errors import MalformedError
from ledger.log.identity import LogId
from node.client.exchange import MAX_PIECE_BYTES
from node.client.reach import Reach, translating
from node.pb import verifier_pb2 as pb
from node.pb import verifier_pb2_grpc as rpc

TIMEOUT_SECONDS = 60.0
STREAM_SECONDS = 12 * 3600.0
"""A stream lasts as long as a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked about every file: for whom, with which nonce, when (Unix ms), by which network; None not to ask.

    `as_of` (Unix ms) asks about a moment besides: the report then answers for it too, and it decides the exit code.
    """

    audience: str | None = None
    nonce: str | None = None
    at: int | None = None
    as_of: int | None = None
    network: LogId | None = None


class VerifierClient:
    """Calls the Verifier service of a node."""

    def __init__(self, reach: Reach) -> None:
        """Call over an open way, which whoever opened it closes."""
        self._reach = reach
        self._stub = rpc.VerifierStub(reach.channel)

    async def verify(self, data: bytes, asked: Asked) -> RecordReport:
        """Verify one file of less than a mebibyte.

        Raises:
            CairnError: the node refuses to judge at all; what is wrong with the file stands in the report.
        """
        async with translating(self._reach):
            answer = await self._stub.Verify(_encode(data, asked), timeout=TIMEOUT_SECONDS)
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
            messages = aiter(call)
            while (message := await self._next(messages)) is not None:
                size += len(message.report)
                if size > MAX_REPORT_BYTES:
                    raise MalformedError(f"report: more than {MAX_REPORT_BYTES} bytes")
                pieces.append(message.report)
                if not message.more:
                    yield parse_report(b"".join(pieces))
                    pieces, size = [], 0
        finally:
            call.cancel()

    async def _next(self, messages: AsyncIterator[pb.VerifyResponse]) -> pb.VerifyResponse | None:
        # Around each message alone: what goes wrong between two of them is the caller's.
        async with translating(self._reach):
            return await anext(messages, None)


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
        data=data,
        audience=asked.audience,
        nonce=asked.nonce,
        at=asked.at,
        network=asked.network or b"",
        as_of=asked.as_of,
    )
