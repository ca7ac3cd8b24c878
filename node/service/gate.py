"""The gate of the private listener: every call passes the guard before its handler sees a byte of it.

What the guard decides, and what it writes down, is `node.registrar.people.guard`; here is only how gRPC's four kinds of
calls are led through it. Stands inside the error boundary, which turns what the guard raises into a status.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol

import grpc
from grpc import aio


class Passage(Protocol):
    """A call that was let in."""

    async def admit(self, request: Any) -> Any:  # Any, here and below: grpc hands over messages and handlers untyped
        """Its one request."""
        ...

    async def admit_stream(self, requests: Any) -> Any:
        """Its many requests."""
        ...

    def saw(self, answer: Any) -> Any:
        """An answer on its way out."""
        ...

    async def fail(self, reason: str) -> None:
        """The handler refused it; `reason` is the name of a gRPC status."""
        ...


class Guard(Protocol):
    """Judges calls."""

    def passage(self, method: str, peer: str) -> AbstractAsyncContextManager[Passage]:
        """Let a call in, or raise `NotAllowedError`."""
        ...


class Gate(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the typings
    """Leads every call of a server through a guard."""

    def __init__(self, guard: Guard) -> None:
        """Take the guard."""
        self._guard = guard

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:  # grpc's RpcMethodHandler has no public type
        """Give the handler of a call, guarded; None where there is no such call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method: str = handler_call_details.method
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._one(method, handler.unary_unary, "admit"), **codec)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._one(method, handler.stream_unary, "admit_stream"), **codec
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._many(method, handler.unary_stream, "admit"), **codec)
        many = self._many(method, handler.stream_stream, "admit_stream")
        return grpc.stream_stream_rpc_method_handler(many, **codec)

    def _one(self, method: str, inner: Callable[[Any, Any], Any], admit: str) -> Callable[[Any, Any], Any]:
        async def guarded(request: Any, context: Any) -> Any:
            async with self._guard.passage(method, context.peer()) as passage:
                admitted = await getattr(passage, admit)(request)
                return passage.saw(await inner(admitted, _Context(context, passage)))

        return guarded

    def _many(self, method: str, inner: Callable[[Any, Any], Any], admit: str) -> Callable[[Any, Any], Any]:
        async def guarded(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._guard.passage(method, context.peer()) as passage:
                admitted = await getattr(passage, admit)(request)
                async for answer in inner(admitted, _Context(context, passage)):
                    yield passage.saw(answer)

        return guarded


class _Context:
    """What a handler needs of gRPC's context: a way to refuse, which leaves its trace before the caller hears of it."""

    def __init__(self, context: Any, passage: Passage) -> None:
        self._context = context
        self._passage = passage

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        await self._passage.fail(code.name)
        await self._context.abort(code, details, trailing_metadata)
        raise AssertionError("abort returned")
