"""Where errors of ours become gRPC statuses, and errors nobody expected are logged.

One of the two places of the node that catch `Exception` (the other is `node.tasks`): whatever a handler raises, the
caller gets a status and the node goes on. Every call also ends after `MAX_CALL_SECONDS`, and where a reader takes nothing for
`MAX_WRITE_SECONDS`, so that a caller who sets no deadline cannot keep a handler for ever; nor may one keep all of them.
Calls of our own staff that last a night have more (`LONG_CALLS`).
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
from grpc import aio

from ledger.errors import CairnError, EquivocationError
from node import wire
from node.errors import BusyError
from node.observer import SILENT, Observer
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
    """Wraps every handler of ours; `statuses` counts how calls ended, by method and status name.

    The observer hears of every call when it has ended, also of one whose caller went away.
    """

    def __init__(
        self,
        observer: Observer = SILENT,
        *,
        write_seconds: float = MAX_WRITE_SECONDS,
        callers: Callers | None = None,
    ) -> None:
        self.statuses: Counter[tuple[str, str]] = Counter()
        self._observer = observer
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
            began = time.monotonic()
            try:
                with self._callers.hold(context.peer()):
                    answer = await self._answer(method, inner, request, context)
            except BusyError as error:
                try:
                    await self._refuse(method, context, error)
                finally:
                    self._end(method, grpc.StatusCode.RESOURCE_EXHAUSTED.name, began)
            except BaseException as error:
                self._end(method, _status_of(error, context), began)
                raise
            self._end(method, grpc.StatusCode.OK.name, began)
            return answer

        return guarded

    async def _answer(self, method: str, inner: Handler, request: Any, context: Any) -> Any:
        try:
            async with asyncio.timeout(LONG_CALLS.get(method, MAX_CALL_SECONDS)):
                return await inner(request, context)
        except CairnError as error:
            await self._refuse(method, context, error)
        except TimeoutError:
            await _abort(context, grpc.StatusCode.DEADLINE_EXCEEDED, "call took too long", ())
        except _StalledError:
            self.statuses[method, grpc.StatusCode.DEADLINE_EXCEEDED.name] += 1
            # gRPC cannot drop one call, only its connection, which cancels this. Until then the call takes one of the
            # caller's places, and nothing more is read for it.
            await asyncio.sleep(MAX_CONNECTION_SECONDS + MAX_CALL_SECONDS)
            await _abort(context, grpc.StatusCode.DEADLINE_EXCEEDED, "nothing was taken", ())
        except aio.AbortError:
            raise
        except Exception:
            _log.exception("call failed", extra={"method": method})
            await _abort(context, grpc.StatusCode.INTERNAL, "internal error: see this node's log", ())

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

    def _end(self, method: str, status: str, began: float) -> None:
        self.statuses[method, status] += 1
        self._observer.call_ended(method, status, time.monotonic() - began)

    async def _refuse(self, method: str, context: Any, error: CairnError) -> NoReturn:
        status, details, metadata = wire.encode_error(error)
        level = logging.ERROR if isinstance(error, EquivocationError) else logging.DEBUG
        _log.log(level, "call refused", extra={"method": method, "status": status.name, "reason": details})
        await _abort(context, status, details, metadata)


async def _abort(context: Any, status: grpc.StatusCode, details: str, metadata: wire.Metadata) -> NoReturn:
    await context.abort(status, details, metadata)
    raise AssertionError("abort returned")


def _status_of(error: BaseException, context: Any) -> str:
    """Name of the status with which a call ended that raised: its own when it was aborted, else that of a lost caller."""
    if not isinstance(error, aio.AbortError):
        return grpc.StatusCode.CANCELLED.name
    code = context.code()
    return next((status.name for status in grpc.StatusCode if code in (status, status.value[0])), "UNKNOWN")
