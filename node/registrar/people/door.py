"""The door of the private listener: where connections come in, and where it is found out who made them.

Two entrances lead to one gRPC server. By the Unix socket the system tells the account behind a connection; by TLS the
handshake proves a certificate. Neither is something gRPC tells its services (an account it never sees; of a failed
handshake it tells nobody), so the server listens on an inner Unix socket in a folder of this process alone (0700), and
the door carries bytes there. Each connection enters the inner socket under a random name of its own, which gRPC gives
as the peer of every call, and by which `find_arrival` says who it is. A name the door did not give is nobody.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import ssl
import struct
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from ledger.errors import CairnError
from node.clock import Clock, Draw
from node.registrar.people.arrivals import Arrival
from node.registrar.people.tlsstream import CHUNK, HandshakeError, TLSStream
from node.socketpath import MAX_PATH_BYTES, private_mode

HANDSHAKE_SECONDS = 10.0
HANG_UP_SECONDS = 2.0
MAX_HANDSHAKES = 64
MAX_TLS_CONNECTIONS = 256
"""Strangers can use up both; who comes by the Unix socket is not counted."""
NAME_BYTES = 8
"""Nobody but this process can open the folder, so a name need only be no other's."""
FOLDER_NAME = ".door"
LOG_EVERY_MS = 10_000
"""Handshakes of strangers that fail are logged at most this often, with how many there were."""

_CREDENTIALS = struct.Struct("3i")

logger = logging.getLogger(__name__)

_Read = Callable[[], Awaitable[bytes]]
_Write = Callable[[bytes], Awaitable[None]]


class Door:
    """Lets connections in. Used in one event loop."""

    def __init__(self, directory: Path, clock: Clock, draw: Draw) -> None:
        """Make the inner folder; nothing listens yet.

        Args:
            directory: the node's, which no other process uses now.
            clock: Unix ms.
            draw: source of the names of connections.
        """
        self._clock = clock
        self._draw = draw
        self._folder = _make_folder(directory)
        self._arrivals: dict[str, Arrival] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._handshakes = 0
        self._tls_connections = 0
        self._refused = 0
        self._logged_at: int | None = None

    @property
    def inner(self) -> str:
        """Where the gRPC server has to listen."""
        return f"unix:{self._folder / 'inner'}"

    def find_arrival(self, peer: str) -> Arrival | None:
        """Who came by a connection, by gRPC's name for it; None for one that did not come by this door."""
        return self._arrivals.get(peer.rpartition("/")[2])

    async def open_socket(self, path: Path) -> None:
        """Let in whoever may open the Unix socket at `path`: owner and group. One that a killed node left is replaced."""
        if path.is_socket():
            path.unlink()
        listener = socket.socket(socket.AF_UNIX)
        with private_mode():
            listener.bind(str(path))
        self._servers.append(await asyncio.start_unix_server(self._enter_by_socket, sock=listener))

    async def open_tls(self, listener: socket.socket, context: Callable[[int], ssl.SSLContext]) -> None:
        """Let in whoever has a certificate.

        Args:
            listener: bound and listening.
            context: gives the TLS context for a connection that begins at a moment (Unix ms).
        """

        def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._enter_by_tls(reader, writer, context(self._clock()))

        self._servers.append(await asyncio.start_server(enter, sock=listener))

    async def close(self) -> None:
        """Let nobody in any more, end all connections, and remove the folder."""
        for server in self._servers:
            server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _enter_by_socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        arrival = Arrival(uid=_find_uid(writer.get_extra_info("socket")))
        self._admit(writer, lambda: self._carry(lambda: reader.read(CHUNK), write, arrival))

    def _enter_by_tls(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        stream = TLSStream(reader, writer, context)

        async def serve() -> None:
            certificate = await self._greet(stream)
            if certificate is not None:
                self._tls_connections += 1
                try:
                    await self._carry(stream.read, stream.write, Arrival(certificate=certificate))
                finally:
                    self._tls_connections -= 1

        self._admit(writer, serve)

    async def _greet(self, stream: TLSStream) -> bytes | None:
        """Shake hands; the client's certificate (DER), or None where it is not let in."""
        if self._handshakes >= MAX_HANDSHAKES or self._tls_connections >= MAX_TLS_CONNECTIONS:
            self._log_refusal("too many connections")
            return None
        self._handshakes += 1
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                return await stream.shake_hands()
        except HandshakeError as error:
            self._log_refusal(str(error))
        except TimeoutError:
            self._log_refusal("handshake took too long")
        finally:
            self._handshakes -= 1
        return None

    def _admit(self, writer: asyncio.StreamWriter, serve: Callable[[], Awaitable[None]]) -> None:
        """Serve a connection in a task of its own and close it, whatever happens."""

        async def visit() -> None:
            try:
                with contextlib.suppress(OSError):
                    await serve()
            finally:
                await _hang_up(writer)

        def gone(task: asyncio.Task[None]) -> None:
            self._connections.discard(task)
            # Also for a visit that was ended before it began.
            writer.close()

        task = asyncio.create_task(visit())
        self._connections.add(task)
        task.add_done_callback(gone)

    async def _carry(self, read: _Read, write: _Write, arrival: Arrival) -> None:
        """Carry bytes both ways until one side has no more."""
        name = self._draw(NAME_BYTES).hex()
        self._arrivals[name] = arrival
        try:
            try:
                reader, writer = await self._connect(name)
            except OSError as error:
                logger.error("connection cannot be carried", extra={"reason": str(error)})
                return
            ways = [
                asyncio.ensure_future(_pump(read, _writing(writer))),
                asyncio.ensure_future(_pump(lambda: reader.read(CHUNK), write)),
            ]
            try:
                # What one side said last has been carried when its end is seen; nobody hears the other any more.
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                # Before anything is waited for: this task may be cancelled again.
                writer.close()
                await asyncio.gather(*ways, return_exceptions=True)
                await _hang_up(writer)
        finally:
            del self._arrivals[name]

    async def _connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        inner = socket.socket(socket.AF_UNIX)
        try:
            inner.setblocking(False)
            path = self._folder / name
            inner.bind(str(path))
            await asyncio.get_running_loop().sock_connect(inner, str(self._folder / "inner"))
            # The name has been told to the other side; the file would only lie about.
            path.unlink()
            return await asyncio.open_unix_connection(sock=inner)
        except BaseException:
            inner.close()
            raise

    def _log_refusal(self, reason: str) -> None:
        self._refused += 1
        now = self._clock()
        if self._logged_at is None or not 0 <= now - self._logged_at < LOG_EVERY_MS:
            logger.warning("connection refused", extra={"reason": reason, "count": self._refused})
            self._refused, self._logged_at = 0, now


def _make_folder(directory: Path) -> Path:
    """The inner folder, in the node's directory where the system's limit on socket paths allows.

    Raises:
        CairnError: no folder for temporary files has a name short enough.
    """
    folder = directory.resolve() / FOLDER_NAME
    if _fits(folder):
        # A killed node leaves its own behind.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder
    for place in (tempfile.gettempdir(), "/tmp"):
        folder = Path(tempfile.mkdtemp(prefix="cairn-", dir=place))
        if _fits(folder):
            return folder
        folder.rmdir()
    raise CairnError(
        f"{tempfile.gettempdir()}: too long a name for a socket in it", hint="set TMPDIR to a folder with a short name"
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + 1 + 2 * NAME_BYTES <= MAX_PATH_BYTES


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what was said last gets a moment to be heard."""
    writer.close()
    try:
        async with asyncio.timeout(HANG_UP_SECONDS):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def _pump(read: _Read, write: _Write) -> None:
    with contextlib.suppress(OSError):
        while data := await read():
            await write(data)


def _writing(writer: asyncio.StreamWriter) -> _Write:
    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    return write


def _find_uid(connection: socket.socket) -> int | None:
    """The account at the other end of a Unix socket, where the system tells it (Linux)."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(uid)
