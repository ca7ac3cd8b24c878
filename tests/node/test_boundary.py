"""The error boundary: whatever a handler raises, the caller gets a status, and only the unexpected is logged as an error."""

import logging
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from ledger.errors import RuleError
from ledger.log.identity import LogId
from node import wire
from node.client.exchange import Offers
from node.client.failures import UnreachableError
from node.client.ledger import LedgerClient
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.service.boundary import ErrorBoundary
from node.service.server import listen, make_server
from tests.end_to_end.hostile import HostilePeer

METHOD = "/cairn.v1.Ledger/"


class Faulty(HostilePeer):
    """Raises what it was told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def OfferHeads(self, request: pb.OfferHeadsRequest, context: Any) -> pb.OfferHeadsResponse:
        raise self.error

    async def StreamEntries(self, request: pb.StreamEntriesRequest, context: Any) -> Any:
        if not request.start:
            raise self.error
        yield pb.StreamEntriesResponse()


async def ask(error: Exception) -> tuple[ErrorBoundary, list[Exception]]:
    boundary = ErrorBoundary()
    server = make_server(boundary)
    rpc.add_LedgerServicer_to_server(Faulty(error), server)
    address = f"127.0.0.1:{listen(server, '127.0.0.1:0')}"
    await server.start()
    raised: list[Exception] = []
    try:
        async with LedgerClient(address, timeout_seconds=10) as client:
            for call in (client.offer_heads(Offers()), anext(client.entries(LogId(bytes(32)), 0, 1))):
                with pytest.raises(Exception) as refusal:
                    await call
                raised.append(refusal.value)
    finally:
        await server.stop(None)
    return boundary, raised


async def test_our_errors_arrive_as_themselves(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is an answer, not an error of the node: nobody is alarmed, and it is counted."""
    boundary, raised = await ask(RuleError("not like this", hint="like that"))
    assert [(type(error), str(error)) for error in raised] == [(RuleError, "not like this")] * 2
    assert boundary.statuses[METHOD + "OfferHeads", "FAILED_PRECONDITION"] == 1
    assert boundary.statuses[METHOD + "StreamEntries", "FAILED_PRECONDITION"] == 1
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_unexpected_errors_are_logged_and_tell_the_caller_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The traceback stays here; the caller hears INTERNAL."""
    boundary, raised = await ask(ZeroDivisionError("secret detail"))
    assert all(isinstance(error, UnreachableError) and "INTERNAL" in str(error) for error in raised)
    assert all("secret detail" not in str(error) for error in raised)
    assert len([record for record in caplog.records if record.exc_info]) == 2
    assert boundary.statuses[METHOD + "OfferHeads", "INTERNAL"] == 1


async def test_requests_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    """A message above 1 MiB is not even parsed."""
    server = make_server(ErrorBoundary())
    rpc.add_LedgerServicer_to_server(HostilePeer(), server)
    address = f"127.0.0.1:{listen(server, '127.0.0.1:0')}"
    await server.start()
    try:
        async with aio.insecure_channel(address, options=[("grpc.max_send_message_length", -1)]) as channel:
            request = pb.OfferHeadsRequest(heads=[pb.OfferedHead(log=bytes(32), note=bytes(2 << 20))])
            with pytest.raises(aio.AioRpcError) as refusal:
                await rpc.LedgerStub(channel).OfferHeads(request, timeout=10)
            assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert wire.ERROR_KEY not in dict(refusal.value.trailing_metadata() or ())
    finally:
        await server.stop(None)
