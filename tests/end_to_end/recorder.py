"""gRPC listeners that stand before other nodes' and keep every message and every error that passes, both ways."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from grpc import aio

from node.service.server import listen

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)


class Recorder:
    """What passed: `messages` are protobuf bytes and texts of errors, each kept once."""

    def __init__(self) -> None:
        self.messages: set[bytes] = set()
        self.methods: set[str] = set()
        self._stack = AsyncExitStack()

    async def stand_before(self, target: str) -> str:
        """Listen on a free port and pass everything on to `target`; gives the address to dial."""
        channel = await self._stack.enter_async_context(aio.insecure_channel(target, options=_OPTIONS))
        server = aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Passage(self, channel),))
        port = listen(server, "127.0.0.1:0")
        await server.start()
        self._stack.push_async_callback(server.stop, None)
        return f"127.0.0.1:{port}"

    def keep(self, *texts: object) -> None:
        for text in texts:
            if text:
                self.messages.add(text if isinstance(text, bytes) else str(text).encode())

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    try:
        yield recorder
    finally:
        await recorder.close()


class _Passage(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not subscriptable at run time
    """Passes any method on, message by message; a unary call is a stream of one."""

    def __init__(self, recorder: Recorder, channel: aio.Channel) -> None:
        self._recorder = recorder
        self._channel = channel

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        self._recorder.methods.add(method)

        async def pass_on(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            self._recorder.keep(*(value for pair in context.invocation_metadata() or () for value in pair))
            passage: Any = self._channel.stream_stream  # the typings demand serializers; without them bytes pass
            call = passage(method)(self._heard(requests), timeout=context.time_remaining())
            try:
                async for message in call:
                    self._recorder.keep(message)
                    yield message
            except aio.AioRpcError as error:
                trailing: Any = error.trailing_metadata() or ()
                self._recorder.keep(error.details(), *(value for pair in trailing for value in pair))
                context.set_trailing_metadata([(k, v) for k, v in trailing if not k.startswith("grpc-")])
                await context.abort(error.code(), error.details() or "")
            finally:
                with contextlib.suppress(Exception):
                    call.cancel()

        return grpc.stream_stream_rpc_method_handler(pass_on)

    async def _heard(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for message in requests:
            self._recorder.keep(message)
            yield message
