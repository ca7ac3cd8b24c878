"""Logs over HTTP: C2SP tlog-tiles for entries and hashes, and bodies, notes and evidence beside them.

    /logs                               the ids of all logs held, a JSON array
    /log/<id>/checkpoint                newest head: a signed note with a quorum where there is one
    /log/<id>/tile/<L>/<N>[.p/<W>]      hashes
    /log/<id>/tile/entries/<N>[.p/<W>]  entries
    /log/<id>/body/<index>              a body, whole; range requests are ignored
    /log/<id>/evidence                  fork evidence, a JSON array of base64url

All of it verifies itself, so any node can serve any log it holds and any cache may keep it: tiles and bodies never
change. Nothing here counts, lists or finds anything about awards: a caller takes whole tiles and whole bodies, and no
address holds a commitment or a slot. Whatever is not exactly one of these paths is 404.
"""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from ledger import base64url
from ledger.errors import MalformedError
from ledger.log import tiles
from ledger.log.evidence import strongest_first
from ledger.log.identity import LogId, encode_log_id, parse_log_id
from node.budget import Budget
from node.web.sending import send_bounded

IMMUTABLE = "public, max-age=31536000, immutable"
MOVING = "public, max-age=5"
"""What grows: a checkpoint is at most this stale in a cache."""

_OCTETS = {"Cache-Control": IMMUTABLE, "Content-Type": "application/octet-stream"}
# No leading zeros: one spelling per entry. 16 digits hold every index ledger JSON can name.
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")


class ServedSize(Protocol):
    """How far a log is held."""

    @property
    def size(self) -> int:
        """Number of entries."""


class ServedLog(Protocol):
    """One held log, as `node.store` gives it. Everything readable is durable."""

    @property
    def state(self) -> ServedSize:
        """The state at the size held."""

    @property
    def note(self) -> bytes | None:
        """The newest checkpoint note, with every cosignature held."""

    def entries(self, start: int, end: int) -> Sequence[bytes]:
        """Entries `[start, end)`, all below the size held."""

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """`width` hashes, `None` where the tile has not that many."""

    def body(self, index: int) -> bytes | None:
        """The body of an entry, `None` where it has none or it is not held."""

    def evidence(self) -> Sequence[bytes]:
        """Fork evidence about this log."""


class ServedLedger(Protocol):
    """All held logs."""

    def log_ids(self) -> Sequence[LogId]:
        """Their ids."""

    def log(self, log_id: LogId) -> ServedLog | None:
        """One of them."""


def add_tiles(
    app: web.Application, ledger: ServedLedger, newest_head: Callable[[LogId], bytes | None], budget: Budget
) -> None:
    """Serve these logs under `/logs` and `/log/`.

    Args:
        app: gets the routes.
        ledger: the logs.
        newest_head: gives the checkpoint of a log to show.
        budget: of everything large that is being sent.
    """
    handlers = _Handlers(ledger, newest_head, budget)
    app.router.add_get("/logs", handlers.list_logs)
    app.router.add_get("/log/{log}/checkpoint", handlers.checkpoint)
    app.router.add_get("/log/{log}/body/{index}", handlers.body)
    app.router.add_get("/log/{log}/evidence", handlers.evidence)
    app.router.add_get("/log/{log}/{path:tile/.*}", handlers.tile)


class _Handlers:
    def __init__(self, ledger: ServedLedger, newest_head: Callable[[LogId], bytes | None], budget: Budget) -> None:
        self._ledger = ledger
        self._newest_head = newest_head
        self._budget = budget

    async def list_logs(self, request: web.Request) -> web.Response:
        ids = [encode_log_id(log_id) for log_id in self._ledger.log_ids()]
        return _json(ids)

    async def checkpoint(self, request: web.Request) -> web.Response:
        self._log(request)  # 404 where it is not held
        note = await asyncio.to_thread(self._newest_head, parse_log_id(request.match_info["log"]))
        if note is None:
            raise not_found("this log has no checkpoint yet")
        return web.Response(body=note, content_type="text/plain", charset="utf-8", headers={"Cache-Control": MOVING})

    async def tile(self, request: web.Request) -> web.Response:
        log = self._log(request)
        try:
            address = tiles.parse_path(request.match_info["path"])
        except MalformedError as error:
            raise not_found(str(error)) from error
        if address.width > tiles.tile_width(address.level or 0, address.index, log.state.size):
            raise not_found("the log does not reach that far")
        if address.level is not None:
            # One short read out of the page cache: a thread would cost ten times as much.
            hashes = log.tile(address.level, address.index, address.width)
            if hashes is None:
                raise not_found("this node does not hold that tile")
            return _octets(hashes)
        first = address.index * tiles.TILE_WIDTH
        return _octets(await asyncio.to_thread(_bundle, log, first, first + address.width))

    async def body(self, request: web.Request) -> web.StreamResponse:
        log = self._log(request)
        text = request.match_info["index"]
        if not _INDEX.fullmatch(text) or int(text) >= log.state.size:
            raise not_found("the log has no such entry")
        data = await asyncio.to_thread(log.body, int(text))
        if data is None:
            raise not_found("this entry has no body, or this node does not hold it")
        return await send_bounded(request, data, _OCTETS, self._budget)

    async def evidence(self, request: web.Request) -> web.Response:
        log = self._log(request)
        found = await asyncio.to_thread(lambda: strongest_first(log.evidence()))
        return _json([base64url.encode(item) for item in found])

    def _log(self, request: web.Request) -> ServedLog:
        try:
            log = self._ledger.log(parse_log_id(request.match_info["log"]))
        except MalformedError as error:
            raise not_found(str(error)) from error
        if log is None:
            raise not_found("this node does not hold that log")
        return log


def not_found(reason: str) -> web.HTTPNotFound:
    """Make a 404 that no cache keeps, because what is missing now may be there after the next cut."""
    return web.HTTPNotFound(text=f"not found: {reason}\n", headers={"Cache-Control": "no-store"})


def _bundle(log: ServedLog, start: int, end: int) -> bytes:
    return tiles.encode_bundle(log.entries(start, end))


def _octets(data: bytes) -> web.Response:
    return web.Response(body=data, headers=_OCTETS)


def _json(value: object) -> web.Response:
    return web.Response(
        body=json.dumps(value).encode("ascii"), content_type="application/json", headers={"Cache-Control": MOVING}
    )
