"""Where monitoring asks: HTTP on a Unix socket beside the registrar's, and on a port of this computer if configured.

Both are on the private side: the socket is for owner and group, the port refuses anything but loopback (`node.config`).
`GET /metrics` is all there is.
"""

import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from ledger.errors import CairnError
from node import socketpath

SUFFIX = ".metrics"
STOP_SECONDS = 1.0

Collect = Callable[[], Awaitable[Iterable[Metric]]]


def metrics_socket(registrar_socket: Path) -> Path:
    """Where the socket for monitoring stands: `registrar.metrics` beside `registrar.sock`."""
    return registrar_socket.with_suffix(SUFFIX)


class MetricsListener:
    """Serves `/metrics`; `start`, then `stop`.

    Args:
        collect: gives the node's families.
        socket_path: of the Unix socket, see `metrics_socket`.
        group: that may use it; empty for the process's own.
        port: a bound socket on a port of this computer, closed by whoever bound it; None for no port.
    """

    def __init__(self, collect: Collect, socket_path: Path, group: str, port: socket.socket | None) -> None:
        self.socket = socket_path
        self.url = "" if port is None else _url(port)
        self._collect = collect
        self._group = group
        self._port = port
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)

    async def start(self) -> None:
        """Begin to answer.

        Raises:
            CairnError: the socket cannot be had, or not be given to its group.
        """
        await self._runner.setup()
        try:
            with socketpath.private_mode():
                await web.UnixSite(self._runner, str(self.socket)).start()
            socketpath.give_to_group(self.socket, self._group)
            if self._port is not None:
                await web.SockSite(self._runner, self._port).start()
        except OSError as error:
            await self.stop()
            raise CairnError(
                f"{self.socket}: cannot listen: {error.strerror or error}",
                hint="a shorter registrar_socket in node.toml makes this path shorter, too",
            ) from error
        except CairnError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Answer no more."""
        await self._runner.cleanup()
        self.socket.unlink(missing_ok=True)

    async def _answer(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        families = _Given([*await self._collect(), *self._process.collect()])
        # A registry is what the encoders take; this one holds what was collected just now.
        return web.Response(body=encode(families), headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _url(port: socket.socket) -> str:
    host, number = port.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{number}/metrics"


class _Given:
    """Families that are there already, in the shape of a registry."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
