"""What the network figures are measured against: gRPC with nothing behind it.

U is the rate of unary echo calls, S the rate of entries in a stream of opaque bytes, 256 entries a message. Both run over
loopback between two parts of one event loop, as the node's own tests do.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc

_SERVICE = "cairn.bench"
_ENTRY_BYTES = 200
_ENTRIES_PER_MESSAGE = 256
_CALLS = 1_000
_MESSAGES = 2_000


def unary_calls() -> float:
    """U: unary echo calls per second."""
    return asyncio.run(_measure(_echo))


def streamed_entries() -> float:
    """S: 200-byte entries per second in messages of 256."""
    return asyncio.run(_measure(_drain))


async def _measure(work: Callable[[grpc.aio.Channel], Awaitable[int]]) -> float:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            started = time.perf_counter()
            count = await work(channel)
            return count / (time.perf_counter() - started)
    finally:
        await server.stop(None)


async def _echo(channel: grpc.aio.Channel) -> int:
    call = channel.unary_unary(f"/{_SERVICE}/Echo", None, None)
    for _ in range(_CALLS):
        await call(b"x" * _ENTRY_BYTES, timeout=10)
    return _CALLS


async def _drain(channel: grpc.aio.Channel) -> int:
    count = 0
    async for message in channel.unary_stream(f"/{_SERVICE}/Stream", None, None)(b"", timeout=60):
        count += len(message) // _ENTRY_BYTES
    return count


def _handlers() -> "grpc.GenericRpcHandler[bytes, bytes]":
    async def echo(request: bytes, context: object) -> bytes:
        return request

    async def stream(request: bytes, context: object) -> AsyncIterator[bytes]:
        message = bytes(_ENTRY_BYTES * _ENTRIES_PER_MESSAGE)
        for _ in range(_MESSAGES):
            yield message

    return grpc.method_handlers_generic_handler(
        _SERVICE,
        {"Echo": grpc.unary_unary_rpc_method_handler(echo), "Stream": grpc.unary_stream_rpc_method_handler(stream)},
    )
