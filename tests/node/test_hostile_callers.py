"""Callers that are slow, silent or endless: what they hold is bounded and given back, and others are served meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from grpc import aio

from node.client.ledger import LedgerClient
from node.descriptors import LEAST_CONNECTIONS, RESERVED, WANTED, connections_allowed
from node.errors import BusyError
from node.pb import cairn_pb2 as pb
from node.pb import cairn_pb2_grpc as rpc
from node.service.boundary import ErrorBoundary
from node.service.callers import Callers, name_caller
from node.service.server import listen, make_server
from node.web import app as web_app
from node.web.app import build_app
from node.web.connections import BoundedRunner
from tests.end_to_end.hostile import HostilePeer
from tests.end_to_end.test_refusals import served, written
from tests.end_to_end.world import until
from tests.node.web.served import ServedNode, open_store
from tests.simulator import SimulatedLog

BODY = 8 * 1024 * 1024
METHOD = "/cairn.v1.Ledger/StreamBody"
# The window a reader opens does not grow, so that what it has not taken stays with the server.
NARROW = [("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


class Endless(HostilePeer):
    """Serves pieces of a body as long as somebody takes them."""

    async def StreamBody(self, request: pb.StreamBodyRequest, context: Any) -> AsyncIterator[pb.StreamBodyResponse]:
        while True:
            yield pb.StreamBodyResponse(pieces=[pb.BodyPiece(index=0, data=bytes(256 * 1024), last=False)])


@asynccontextmanager
async def listening(boundary: ErrorBoundary, **options: int) -> AsyncIterator[str]:
    log, notes = written(3)
    server = make_server(boundary, changed=[(f"grpc.{name}", value) for name, value in options.items()])
    rpc.add_LedgerServicer_to_server(Endless(served(log, notes)), server)
    address = f"127.0.0.1:{listen(server, '127.0.0.1:0')}"
    await server.start()
    try:
        async with asyncio.timeout(60):
            yield address
    finally:
        await server.stop(None)


@asynccontextmanager
async def idle_readers(address: str, count: int) -> AsyncIterator[list[Any]]:
    """Streams that are begun, and of which nothing is read."""
    async with AsyncExitStack() as stack:
        calls = []
        for _ in range(count):
            channel = await stack.enter_async_context(aio.insecure_channel(address, options=NARROW))
            request = pb.StreamBodyRequest(log=bytes(32), start=0, end=1)
            call = rpc.LedgerStub(channel).StreamBody(request, timeout=50)
            await call.initial_metadata()
            calls.append(call)
        yield calls


async def is_served(client: LedgerClient) -> bool:
    with contextlib.suppress(BusyError):
        return len(await client.list_logs()) == 1
    return False


async def test_a_reader_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    """Nothing more is read for it and others are served; with its connection, which ends by itself, its place is free."""
    boundary = ErrorBoundary(write_seconds=0.5, callers=Callers(20))
    async with (
        listening(boundary, max_connection_age_ms=1200, max_connection_age_grace_ms=500) as address,
        LedgerClient(address, timeout_seconds=10) as client,
        idle_readers(address, 20),
    ):
        await until(lambda: boundary.statuses[METHOD, "DEADLINE_EXCEEDED"] == 20, 30)
        assert not await is_served(client)
        while not await is_served(client):
            await asyncio.sleep(0.05)


async def test_one_caller_leaves_room_for_others(tmp_path: Path) -> None:
    """Beyond its share a caller is refused in words; when its calls end, it is served again."""
    boundary = ErrorBoundary(callers=Callers(5))
    async with listening(boundary) as address, LedgerClient(address, timeout_seconds=10) as client:
        async with idle_readers(address, 5) as calls:
            with pytest.raises(BusyError, match="5 calls of this address are under way"):
                await client.list_logs()
            for call in calls:
                call.cancel()
        while not await is_served(client):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("peer", "caller"),
    [
        ("ipv4:192.0.2.7:5000", "192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3::9%5D:5000", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2:4::1]:5001", "2001:db8:1:2::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:5000", "192.0.2.7"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5000", "fe80::/64"),
        ("unix:", ""),
        ("unix:/run/registrar.sock", ""),
    ],
)
def test_names_of_callers(peer: str, caller: str) -> None:
    assert name_caller(peer) == caller


def test_staff_on_the_private_socket_are_not_counted() -> None:
    callers = Callers(1)
    with (
        callers.hold("unix:"),
        callers.hold("unix:"),
        callers.hold("ipv4:192.0.2.7:1"),
        callers.hold("ipv4:192.0.2.8:1"),
        pytest.raises(BusyError),
        callers.hold("ipv4:192.0.2.7:2"),
    ):
        pass


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [(64, LEAST_CONNECTIONS), (1024, (1024 - RESERVED) // 2), (10**6, (WANTED - RESERVED) // 2)],
)
def test_connections_leave_files_for_the_store(limit: int, allowed: int) -> None:
    assert connections_allowed(limit) == allowed


async def silent(address: str, count: int, say: bytes = b"") -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connections that say no more than `say`."""
    host, _, port = address.rpartition(":")
    made = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(say)
        made.append((reader, writer))
    return made


async def all_closed(connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """Read every connection to its end."""
    for reader, writer in connections:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass
        writer.close()


@pytest.mark.parametrize("say", [b"", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n"])
async def test_grpc_connections_that_say_nothing_are_given_back(say: bytes) -> None:
    """300 half-open connections: calls are answered meanwhile, and the connections end by themselves."""
    boundary = ErrorBoundary()
    async with listening(boundary, server_handshake_timeout_ms=400) as address:
        connections = await silent(address, 300, say)
        async with LedgerClient(address, timeout_seconds=10) as client:
            assert len(await client.list_logs()) == 1
        await all_closed(connections)


async def test_grpc_connections_beyond_the_limit_are_refused() -> None:
    """The listener keeps to its share of the open files; who is connected is served."""
    async with listening(ErrorBoundary(), max_allowed_incoming_connections=20) as address:
        async with LedgerClient(address, timeout_seconds=10) as client:
            assert len(await client.list_logs()) == 1
            connections = await silent(address, 60)
            # Those beyond the limit are closed at once, long before the handshake's deadline.
            done, _ = await asyncio.wait(
                [asyncio.create_task(reader.read(1 << 16)) for reader, _ in connections],
                timeout=10,
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert done
            assert len(await client.list_logs()) == 1
        for _, writer in connections:
            writer.close()


@asynccontextmanager
async def web_server(folder: Path, **kwargs: Any) -> AsyncIterator[tuple[str, str]]:
    """A node's web application: its URL and its address."""
    store = open_store(folder / "store", [school := SimulatedLog("granite")])
    app = build_app(ServedNode(store, school.log_id))

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app.router.add_post("/echo", echo)
    runner = BoundedRunner(app, **kwargs)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(60):
            yield f"http://{address}", address
    finally:
        await runner.cleanup()
        store.close()


async def is_alive(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/healthz") as answer:
        return answer.status == 200


@pytest.mark.parametrize("say", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"G"])
async def test_http_connections_that_say_nothing_are_given_back(tmp_path: Path, say: bytes) -> None:
    """300 half-open connections: others are served meanwhile, and the connections end by themselves."""
    async with web_server(tmp_path, idle_seconds=0.4) as (url, address):
        connections = await silent(address, 300, say)
        assert await is_alive(url)
        await all_closed(connections)


async def test_http_connections_beyond_the_limit_are_closed_at_once(tmp_path: Path) -> None:
    """And as soon as one of the others ends, the next is taken."""
    async with web_server(tmp_path, limit=10, idle_seconds=3600.0) as (url, address):
        connections = await silent(address, 10)
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await is_alive(url)
        for _, writer in connections:
            writer.close()

        async def is_taken() -> bool:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                return await is_alive(url)
            return False

        while not await is_taken():
            await asyncio.sleep(0.02)


async def test_a_request_whose_body_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not keep a handler."""
    monkeypatch.setattr(web_app, "REQUEST_SECONDS", 0.5)
    async with web_server(tmp_path) as (url, address):
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
        ((reader, writer),) = await silent(address, 1, head)

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        try:
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        finally:
            dripping.cancel()
            writer.close()
        async with aiohttp.ClientSession() as session, session.post(f"{url}/echo", data=b"whole") as answer:
            assert await answer.read() == b"whole"
