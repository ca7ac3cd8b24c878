"""Cosigning over HTTP, for logs whose nodes speak no gRPC with us (C2SP tlog-witness).

    POST /witness/add-checkpoint                    check, hold, remember, cosign
    GET  /witness/<SHA-256 of origin>/checkpoint    what was cosigned last, with our line

`node.witness` judges, as it does for gRPC; here its errors become the statuses of the specification:

| status | when |
| --- | --- |
| 200 | our signature line |
| 400 | the request does not parse, or `old` is above the checkpoint's size |
| 403 | no good signature by the log's key |
| 404 | an origin this node does not follow |
| 409 | `old` is not the size cosigned last, which is the answer (`text/x.tlog.size`) |
| 422 | the proof fails, the root contradicts what is held, or the size is 0: kept as evidence where it is one |
| 429 | one caller asks too often |
| 503 | not now: the entries are not held yet, or the start-up rule waits |

House policy: this node cosigns what it holds durably and has checked, nothing else. A caller here offers a checkpoint and a
proof but no entries, so the node first pulls them from where it knows the log to be; what it cannot get in time it
refuses with 503 and `Retry-After`, and goes on pulling.
"""

import asyncio
import re
from typing import Protocol

from aiohttp import web

from ledger.errors import CairnError, EquivocationError, MalformedError, ProofError, RuleError, SignatureError
from node.client.cosigntext import SIZE_TYPE, encode_size, parse_cosign_request
from node.client.exchange import CosignRequest
from node.client.failures import UnknownLogError, UnreachableError
from node.clock import Clock
from node.errors import BusyError, ConflictError
from node.web.pace import Pace

PREFIX = "/witness"
"""Submission and monitoring prefix, below the node's URL."""
READ_SECONDS = 10.0
"""How long a caller may take to send a request."""
RETRY_SECONDS = 10
MAX_UNDER_WAY = 64
"""Requests that may wait for entries at a time; the others are told to come back."""

_is_origin_hash = re.compile("[0-9a-f]{64}").fullmatch


class HTTPCosigner(Protocol):
    """What is asked of `node.witness`."""

    async def add_checkpoint(self, request: CosignRequest) -> bytes:
        """Check, hold, remember, cosign; gives the signature line."""
        ...

    def cosigned_note(self, origin_hash: bytes) -> bytes | None:
        """The checkpoint cosigned last of the log whose origin has this SHA-256, with our line."""
        ...


def add_witness(
    app: web.Application, cosigner: HTTPCosigner, clock: Clock, *, read_seconds: float = READ_SECONDS
) -> None:
    """Serve both calls below `PREFIX`; a request must have arrived within `read_seconds`."""
    handlers = _Handlers(cosigner, Pace(clock), read_seconds)
    app.router.add_post(f"{PREFIX}/add-checkpoint", handlers.add_checkpoint)
    app.router.add_get(PREFIX + "/{origin}/checkpoint", handlers.checkpoint)


class _Handlers:
    def __init__(self, cosigner: HTTPCosigner, pace: Pace, read_seconds: float) -> None:
        self._cosigner = cosigner
        self._pace = pace
        self._read_seconds = read_seconds
        self._under_way = 0

    async def add_checkpoint(self, request: web.Request) -> web.Response:
        wait_seconds = self._pace.take(request.remote or "")
        if wait_seconds:
            return _refuse(429, "too many requests", wait_seconds)
        if self._under_way >= MAX_UNDER_WAY:
            return _refuse(503, "too many requests are under way", RETRY_SECONDS)
        self._under_way += 1
        try:
            line = await self._cosigner.add_checkpoint(parse_cosign_request(await _read(request, self._read_seconds)))
        except TimeoutError:
            return _refuse(408, f"the request took longer than {self._read_seconds:g} seconds")
        except CairnError as error:
            return refusal(error)
        finally:
            self._under_way -= 1
        return _text(200, line)

    async def checkpoint(self, request: web.Request) -> web.Response:
        text = request.match_info["origin"]
        note = None
        if _is_origin_hash(text):
            note = await asyncio.to_thread(self._cosigner.cosigned_note, bytes.fromhex(text))
        return _refuse(404, "nothing of this origin was cosigned here") if note is None else _text(200, note)


def refusal(error: CairnError) -> web.Response:
    """The answer that an error of the witness stands for."""
    if isinstance(error, ConflictError):
        headers = {"Content-Type": SIZE_TYPE}
        return web.Response(status=409, body=encode_size(error.size), headers=headers)
    if isinstance(error, BusyError | UnreachableError):
        return _refuse(503, str(error), RETRY_SECONDS)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return _refuse(status, str(error))
    # Of this node's making, such as a disk that is full: the caller can do nothing about it but wait.
    return _refuse(503, "this node cannot cosign now", RETRY_SECONDS)


_STATUSES: tuple[tuple[type[CairnError], int], ...] = (
    (UnknownLogError, 404),
    (MalformedError, 400),
    (SignatureError, 403),
    (ProofError, 422),
    (RuleError, 422),
    (EquivocationError, 422),
)


async def _read(request: web.Request, seconds: float) -> bytes:
    """The body, bounded in time; `node.web.app` bounds its bytes, and has read it already where it stands before this."""
    async with asyncio.timeout(seconds):
        return await request.read()


def _refuse(status: int, reason: str, retry_seconds: int = 0) -> web.Response:
    headers = {"Retry-After": str(retry_seconds)} if retry_seconds else None
    return _text(status, f"{reason}\n".encode(), headers)


def _text(status: int, data: bytes, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=data, content_type="text/plain", charset="utf-8", headers=headers)
