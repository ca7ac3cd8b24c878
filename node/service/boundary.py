"""Where errors of ours become gRPC statuses, and errors nobody expected are logged.

One of the two places of the node that catch `Exception` (the other is `node.tasks`): whatever a handler raises, the
caller gets a status and the node goes on. Every call also ends after `MAX_CALL_SECONDS`, and where a reader takes nothing for
`MAX_WRITE_SECONDS`, so that a caller who sets no deadline cannot keep a handler for ever; nor may one keep all of them.
Calls of our own staff that last a night have more (`LONG_CALLS`).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from grpc import aio

from ledger.errors import CairnError, EquivocationError
from node import wire
from node.errors import BusyError
from node.service.callers import Callers

MAX_CALL_SECONDS = 900
LONG_CALLS = {"/cairn.v1.Verifier/VerifyStream": 12 * 3600}
"""Calls of the private listener that may take longer, also to have their answers read, and how long."""
MAX_WRITE_SECONDS = 60.0
MAX_CONNECTION_SECONDS = 300
"""After this a connection takes no further calls, and ends when its calls have."""
OUR_METHODS = "/cairn."

_log = logging.getLogger(__name__)

# Any, here and below: grpc hands over handlers, requests and contexts without saying what they carry.
Handler = Callable[[Any, Any], Any]


class _StalledError(Exception):
    """The reader of a stream takes nothing."""


class ErrorBoundary(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the typings
    """Wraps every handler of ours; `statuses` counts how calls ended, by method and status name."""

    def __init__(self, *, write_seconds: float = MAX_WRITE_SECONDS, callers: Callers | None = None) -> None:
        self.statuses: Counter[tuple[str, str]] = Counter()
        self._write_seconds = write_seconds
        self._callers = Callers() if callers is None else callers

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:  # grpc's RpcMethodHandler has no public type
        """Give the handler of a call, wrapped."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or not method.startswith(OUR_METHODS):
            return handler
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._guard(method, handler.unary_unary), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._guard(method, self._written(method, handler.unary_stream)), **codec
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._guard(method, handler.stream_unary), **codec)
        written = self._written(method, handler.stream_stream)
        return grpc.stream_stream_rpc_method_handler(self._guard(method, written), **codec)

    def _guard(self, method: str, inner: Handler) -> Handler:
        async def guarded(request: Any, context: Any) -> Any:
            try:
                with self._callers.hold(context.peer()):
                    return await self._answer(method, inner, request, context)
            except BusyError as error:
                await self._refuse(method, context, error)

        return guarded

    async def _answer(self, method: str, inner: Handler, request: Any, context: Any) -> Any:
        try:
            async with asyncio.timeout(LONG_CALLS.get(method, MAX_CALL_SECONDS)):
                answer = await inner(request, context)
        except CairnError as error:
            await self._refuse(method, context, error)
        except TimeoutError:
            await self._abort(method, context, grpc.StatusCode.DEADLINE_EXCEEDED, "call took too long", ())
        except _StalledError:
            self.statuses[method, grpc.StatusCode.DEADLINE_EXCEEDED.name] += 1
            # gRPC cannot drop one call, only its connection, which cancels this. Until then the call takes one of the
            # caller's places, and nothing more is read for it.
            await asyncio.sleep(MAX_CONNECTION_SECONDS + MAX_CALL_SECONDS)
            await self._abort(method, context, grpc.StatusCode.DEADLINE_EXCEEDED, "nothing was taken", ())
        except aio.AbortError:
            raise
        except Exception:
            _log.exception("call failed", extra={"method": method})
            await self._abort(method, context, grpc.StatusCode.INTERNAL, "internal error: see this node's log", ())
        self.statuses[method, grpc.StatusCode.OK.name] += 1
        return answer

    async def _refuse(self, method: str, context: Any, error: CairnError) -> NoReturn:
        status, details, metadata = wire.encode_error(error)
        level = logging.ERROR if isinstance(error, EquivocationError) else logging.DEBUG
        _log.log(level, "call refused", extra={"method": method, "status": status.name, "reason": details})
        await self._abort(method, context, status, details, metadata)

    async def _abort(
        self, method: str, context: Any, status: grpc.StatusCode, details: str, metadata: wire.Metadata
    ) -> NoReturn:
        self.statuses[method, status.name] += 1
        await context.abort(status, details, metadata)
        raise AssertionError("abort returned")

    def _written(self, method: str, inner: Callable[[Any, Any], AsyncGenerator[Any, None]]) -> Handler:
        """A handler that writes what a generator yields: as a plain coroutine it can be given a deadline."""
        seconds = LONG_CALLS.get(method, self._write_seconds)

        async def write(request: Any, context: Any) -> None:
            async with aclosing(inner(request, context)) as messages:
                async for message in messages:
                    try:
                        # Returns when the transport has taken the message, which a reader that takes nothing prevents.
                        async with asyncio.timeout(seconds):
                            await context.write(message)
                    except TimeoutError as error:
                        raise _StalledError from error

        return write
