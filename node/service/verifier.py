"""The Verifier service: gather a file, one call, cut the report. For the private listener alone.

Files and reports travel in pieces. A stream is read only as fast as its answers are taken, one file at a time, so that
sixty thousand of them need the memory of one. Nothing that comes in or goes out is logged.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from ledger.credential.external.given import NOTHING, Given
from ledger.credential.loose_receipts import MAX_RECEIPTS
from ledger.credential.receipt_list import MAX_BYTES as MAX_RECEIPTS_BYTES
from ledger.credential.receipt_list import parse_receipts
from ledger.credential.verify import MAX_FILE_BYTES
from ledger.errors import MalformedError, RuleError
from node import wire
from node.client.exchange import MAX_MESSAGE_BYTES, MAX_PIECE_BYTES
from node.pb import verifier_pb2 as pb
from node.pb import verifier_pb2_grpc as rpc
from node.verifying import Inquiry

MAX_WORD_CHARACTERS = 1000
"""Longest audience or nonce, as in presentations."""
MAX_GIVEN = 1_000
"""Things about issuers that one call may bring."""
MAX_GIVEN_BYTES = 16 << 20
_ENVELOPE_BYTES = 1024


class Verifying(Protocol):
    """What the service needs of `node.verifying`."""

    async def verify(self, data: bytes | None, inquiry: Inquiry) -> bytes:
        """Give the report on one file as JSON; None for a file that was too long."""
        ...


def add_verifier(server: Any, desk: Verifying) -> None:  # Any: grpc stays behind its seams
    """Put the service on a server, which must listen on nothing but the private socket."""
    rpc.add_VerifierServicer_to_server(VerifierService(desk), server)


class VerifierService(rpc.VerifierServicer):
    """Answers by `node.verifying`; errors are for `node.service.boundary`."""

    def __init__(self, desk: Verifying) -> None:
        """Take the desk."""
        self._desk = desk

    # Any, here and below: what grpc passes as context and iterator has no public type.
    async def Verify(self, request: pb.VerifyRequest, context: Any) -> pb.VerifyResponse:
        """Judge one file."""
        if request.more:
            raise MalformedError("file: goes on in another message", hint="VerifyStream takes files in pieces")
        asked = replace(
            _decode_inquiry(request),
            given=_join(NOTHING, request.given),
            receipts=_decode_receipts(request.receipts),
        )
        report = await self._desk.verify(request.data, asked)
        if len(report) > MAX_MESSAGE_BYTES - _ENVELOPE_BYTES:
            raise RuleError(f"report: {len(report)} bytes do not fit a message", hint="VerifyStream gives it in pieces")
        return pb.VerifyResponse(report=report)

    async def VerifyStream(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.VerifyResponse]:
        """Judge files one after the other."""
        async for data, inquiry in _gather(request_iterator):
            for answer in _cut(await self._desk.verify(data, inquiry)):
                yield answer


async def _gather(messages: AsyncIterable[pb.VerifyRequest]) -> AsyncIterator[tuple[bytes | None, Inquiry]]:
    """Whole files with what is asked about them; None for a file that is too long, of which no more is kept."""
    pieces: list[bytes] = []
    receipts: list[bytes] = []
    size = 0
    inquiry: Inquiry | None = None
    given = NOTHING
    async for message in messages:
        inquiry = _decode_inquiry(message) if inquiry is None else inquiry
        if message.HasField("given"):
            given = _join(given, message.given)
        receipts += message.receipts
        if len(receipts) > MAX_RECEIPTS or sum(map(len, receipts)) > MAX_RECEIPTS_BYTES:
            raise MalformedError(f"receipts: more than {MAX_RECEIPTS} or {MAX_RECEIPTS_BYTES} bytes for one file")
        size += len(message.data)
        if size > MAX_FILE_BYTES:
            pieces.clear()
        else:
            pieces.append(message.data)
        if message.more:
            continue
        asked = replace(inquiry, given=given, receipts=_decode_receipts(receipts))
        yield b"".join(pieces) if size <= MAX_FILE_BYTES else None, asked
        pieces, receipts, size, inquiry = [], [], 0, None
    if inquiry is not None:
        raise MalformedError("file: the stream ended within it")


def _decode_inquiry(message: pb.VerifyRequest) -> Inquiry:
    for name in ("audience", "nonce"):
        if len(getattr(message, name)) > MAX_WORD_CHARACTERS:
            raise MalformedError(f"{name}: more than {MAX_WORD_CHARACTERS} characters")
    return Inquiry(
        audience=message.audience if message.HasField("audience") else None,
        nonce=message.nonce if message.HasField("nonce") else None,
        at=wire.decode_size(message.at, "at") if message.HasField("at") else None,
        network=wire.decode_log_id(message.network) if message.network else None,
        as_of=wire.decode_size(message.as_of, "as_of") if message.HasField("as_of") else None,
    )


def _join(given: Given, message: pb.Given) -> Given:
    """What was given so far, and more of it."""
    joined = given.joined(
        Given(
            documents=tuple((one.issuer or None, one.document) for one in message.issuer_documents),
            issuers=tuple(message.issuers),
            authorities=tuple(message.authorities),
            status_lists=tuple(message.status_lists),
        )
    )
    if joined.count > MAX_GIVEN or joined.size > MAX_GIVEN_BYTES:
        raise MalformedError(
            f"given: {joined.count} things of {joined.size} bytes, at most {MAX_GIVEN} of {MAX_GIVEN_BYTES} are taken",
            hint="give those that the files at hand name",
        )
    return joined


def _decode_receipts(items: Iterable[bytes]) -> tuple[object, ...]:
    return tuple(one for item in items for one in parse_receipts(item, "receipts"))


def _cut(report: bytes) -> Iterator[pb.VerifyResponse]:
    for start in range(0, len(report), MAX_PIECE_BYTES):
        end = start + MAX_PIECE_BYTES
        yield pb.VerifyResponse(report=report[start:end], more=end < len(report))
