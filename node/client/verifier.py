"""A node seen from whoever verifies with it: files in, reports out, over its private listener."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from ledger.credential.batch_report import MAX_REPORT_BYTES, parse_report
from ledger.credential.external.given import NOTHING, Given
from ledger.credential.report import RecordReport
from ledger.errors import MalformedError
from ledger.log.identity import LogId
from node.client.exchange import MAX_MESSAGE_BYTES, MAX_PIECE_BYTES
from node.client.reach import Reach, translating
from node.pb import verifier_pb2 as pb
from node.pb import verifier_pb2_grpc as rpc

TIMEOUT_SECONDS = 60.0
MAX_GIVEN_BYTES = MAX_MESSAGE_BYTES - 16 * 1024
"""Largest of the things that are given: one has to fit a message with what is asked."""
RECEIPTS_IN_PIECE = 100
"""A receipt has some 500 bytes."""
STREAM_SECONDS = 12 * 3600.0
"""A stream lasts as long as a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked about every file: for whom, with which nonce, when (Unix ms), by which network; None not to ask.

    `given` is what is known about issuers outside of the ledger. `as_of` (Unix ms) asks about a moment besides: the report
    then answers for it too, and it decides the exit code.
    """

    audience: str | None = None
    nonce: str | None = None
    at: int | None = None
    as_of: int | None = None
    network: LogId | None = None
    given: Given = NOTHING


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that somebody shows, with the receipts that came beside it (JSON objects, unread)."""

    data: bytes
    receipts: tuple[object, ...] = ()


class VerifierClient:
    """Calls the Verifier service of a node."""

    def __init__(self, reach: Reach) -> None:
        """Call over an open way, which whoever opened it closes."""
        self._reach = reach
        self._stub = rpc.VerifierStub(reach.channel)

    async def verify(self, file: ShownFile, asked: Asked) -> RecordReport:
        """Verify one file that fits a message of a mebibyte with everything that is given beside it.

        Raises:
            MalformedError: it does not fit; `verify_all` sends it in pieces.
            CairnError: the node refuses to judge at all; what is wrong with the file stands in the report.
        """
        request = _encode(file.data, asked)
        request.given.CopyFrom(_encode_given(asked.given))
        request.receipts.extend(_encode_receipts(file.receipts))
        size = request.ByteSize()
        if size > MAX_MESSAGE_BYTES:
            raise MalformedError(f"file: {size} bytes with what is given beside it, a message has {MAX_MESSAGE_BYTES}")
        async with translating(self._reach):
            answer = await self._stub.Verify(request, timeout=TIMEOUT_SECONDS)
        return parse_report(answer.report)

    async def verify_all(self, files: AsyncIterable[ShownFile], asked: Asked) -> AsyncIterator[RecordReport]:
        """Verify files one after the other; reports come in their order.

        Files are taken only as fast as the node judges them and reports are asked for.

        Raises:
            MalformedError: one of the things that are given does not fit a message.
            CairnError: the node refuses to judge at all, or is gone.
        """
        given = list(_split_given(asked.given))
        call = self._stub.VerifyStream(_encode_all(files, asked, given), timeout=STREAM_SECONDS)
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


async def _encode_all(
    files: AsyncIterable[ShownFile], asked: Asked, given: Sequence[pb.Given]
) -> AsyncIterator[pb.VerifyRequest]:
    left = [*given]
    async for file in files:
        first = _encode(b"", asked)
        for given_piece in left:
            # What is given goes ahead of the first file, and counts for all.
            yield _on(first, given=given_piece)
        for piece in _encode_receipts(file.receipts):
            yield _on(first, receipts=[piece])
        data, left = file.data, []
        first.data, first.more = data[:MAX_PIECE_BYTES], len(data) > MAX_PIECE_BYTES
        yield first
        for start in range(MAX_PIECE_BYTES, len(data), MAX_PIECE_BYTES):
            end = start + MAX_PIECE_BYTES
            yield pb.VerifyRequest(data=data[start:end], more=end < len(data))


def _on(first: pb.VerifyRequest, given: pb.Given | None = None, receipts: Sequence[bytes] = ()) -> pb.VerifyRequest:
    """A message ahead of a file's own bytes; the first of a file says what is asked, so that all of these do."""
    message = pb.VerifyRequest(given=given, receipts=receipts, more=True)
    message.MergeFrom(first)
    return message


def _encode(data: bytes, asked: Asked) -> pb.VerifyRequest:
    return pb.VerifyRequest(
        data=data,
        audience=asked.audience,
        nonce=asked.nonce,
        at=asked.at,
        network=asked.network or b"",
        as_of=asked.as_of,
    )


def _encode_given(given: Given) -> pb.Given:
    return pb.Given(
        issuer_documents=[
            pb.Given.IssuerDocument(issuer=owner or "", document=data) for owner, data in given.documents
        ],
        issuers=given.issuers,
        authorities=given.authorities,
        status_lists=given.status_lists,
    )


def _split_given(given: Given) -> Iterator[pb.Given]:
    """A message for each thing, but one for all ids.

    Raises:
        MalformedError: a thing does not fit a message.
    """
    parts = [
        *(Given(documents=(one,)) for one in given.documents),
        *(Given(authorities=(one,)) for one in given.authorities),
        *(Given(status_lists=(one,)) for one in given.status_lists),
        *([Given(issuers=given.issuers)] if given.issuers else []),
    ]
    for part in parts:
        if part.size > MAX_GIVEN_BYTES:
            raise MalformedError(
                f"given: {part.size} bytes of one document or list, at most {MAX_GIVEN_BYTES} can be sent to a node",
                hint="`cairn verify` reads larger ones itself",
            )
        yield _encode_given(part)


def _encode_receipts(receipts: Sequence[object]) -> Iterator[bytes]:
    for start in range(0, len(receipts), RECEIPTS_IN_PIECE):
        yield json.dumps(receipts[start : start + RECEIPTS_IN_PIECE], separators=(",", ":")).encode()
