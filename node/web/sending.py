"""Sending something large to a reader who may be slow, without letting slow readers fill the memory.

Bodies and documents share one `Budget` per application. They are handed to the socket in pieces, so that what is being sent
is held once, and a reader that takes nothing for a minute is hung up on.
"""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from node.budget import Budget
from node.errors import BusyError

PIECE_BYTES = 256 * 1024
"""So much is handed to the socket at a time, so that a slow reader does not hold it twice."""

PIECE_SECONDS = 60.0
"""How long a reader may take over one piece."""


async def send_bounded(
    request: web.Request, data: bytes, headers: Mapping[str, str], budget: Budget
) -> web.StreamResponse:
    """Send bytes as a whole answer while the budget holds them; 503 where others hold too many."""
    try:
        with budget.hold(len(data)):
            return await _stream(request, data, headers)
    except BusyError as error:
        raise web.HTTPServiceUnavailable(text=f"{error}\n", headers={"Retry-After": "60"}) from error


async def _stream(request: web.Request, data: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = len(data)
    await response.prepare(request)
    if request.method != "HEAD":
        for start in range(0, len(data), PIECE_BYTES):
            try:
                async with asyncio.timeout(PIECE_SECONDS):
                    await response.write(data[start : start + PIECE_BYTES])
            except TimeoutError as error:
                # A reader that takes nothing is hung up on, so that its body can be let go.
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("the reader is too slow") from error
    await response.write_eof()
    return response
