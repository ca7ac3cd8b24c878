"""The node's public web application: what anybody may read.

`build_app` puts tiles, issuer metadata and health together; `openid4vci` adds claims. There are no accounts, cookies or
forms, so every answer may be read from any origin. A path that is not exactly one of ours is 404; an exception is
logged here, at this boundary, and answered 500 without its text.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web

from ledger.log.identity import LogId
from ledger.log.view import LogView
from node.budget import Budget
from node.statusfiles import StatusFiles
from node.web.health import HealthDesk, HealthyNode
from node.web.issuers import add_issuers
from node.web.statuslists import add_status_lists
from node.web.tiles import ServedLog, add_tiles

MAX_REQUEST_BYTES = 1024 * 1024
REQUEST_SECONDS = 30.0
"""How long a caller may take over the body of a request."""

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebLog(LogView, ServedLog, Protocol):
    """A held log: what verification reads of it, and what is served of it."""


class WebLedger(Protocol):
    """All held logs, as `node.store` gives them."""

    def log_ids(self) -> Sequence[LogId]:
        """Their ids."""

    def log(self, log_id: LogId) -> WebLog | None:
        """One of them."""


class WebNode(HealthyNode, Protocol):
    """What the web application needs of a node."""

    @property
    def ledger(self) -> WebLedger:
        """The ledger store."""

    @property
    def status_files(self) -> StatusFiles:
        """The status lists this node serves."""

    def newest_head(self, log_id: LogId) -> bytes | None:
        """The newest checkpoint note of a log that carries a quorum, or its newest note where none does."""


def build_app(node: WebNode) -> web.Application:
    """Build the application; the caller binds it to a socket and may add more routes before it does."""
    app = web.Application(middlewares=[_guard], client_max_size=MAX_REQUEST_BYTES)
    app.on_response_prepare.append(_harden)
    app.router.add_get("/healthz", HealthDesk(node).answer)
    budget = Budget()
    add_tiles(app, node.ledger, node.newest_head, budget)
    add_status_lists(app, node.status_files, budget)
    add_issuers(app, node, budget)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        await _read_body(request)
        return await handler(request)
    except (web.HTTPException, ConnectionError):
        # An answer, or a reader who went away in the middle of a body: nothing to report.
        raise
    except Exception:
        # The path is the caller's text and may hold a token; the route's pattern says enough.
        resource = request.match_info.route.resource
        log.exception("request failed", extra={"route": resource.canonical if resource else "?"})
        return web.Response(status=500, text="internal error\n")


async def _read_body(request: web.Request) -> None:
    """Read it here, where it has a deadline; handlers find it read."""
    if request.can_read_body:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await request.read()
        except TimeoutError as error:
            raise web.HTTPRequestTimeout(text="the request did not end in time\n") from error


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Access-Control-Allow-Origin", "*")
    response.headers.setdefault("Cache-Control", "no-store")
