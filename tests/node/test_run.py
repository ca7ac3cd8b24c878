"""A whole node: it listens everywhere it should, answers, and stops in order."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import plyvel
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ledger.errors import CairnError
from ledger.log.charter import Institution
from node.client.ledger import LedgerClient
from node.errors import BusyError
from node.run import open_node, run_until_signalled
from node.socketpath import find_socket
from tests.end_to_end.world import found, until

DEADLINE_SECONDS = 30


async def run_once(directory: Path, home: Path) -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS), open_node(directory, home=home) as node:
        await node.run(stop, stop.set)


async def test_a_node_answers_on_all_listeners_and_stops(tmp_path: Path) -> None:
    """gRPC, health, HTTP and the private socket answer once `ready` is called; afterwards the directory is free again."""
    school = found(tmp_path, "school", Institution.SCHOOL)
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS):
        async with open_node(school.directory, home=tmp_path / "state") as node:
            running = asyncio.create_task(node.run(stop, ready.set))
            await ready.wait()
            async with LedgerClient(school.address) as client:
                (summary,) = await client.list_logs()
                assert (summary.log, summary.size) == (node.log_id, 1)
            async with aio.insecure_channel(school.address) as channel:
                stub = health_pb2_grpc.HealthStub(channel)
                answer = await stub.Check(health_pb2.HealthCheckRequest(service="cairn.v1.Ledger"), timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            async with aiohttp.ClientSession() as session, session.get(f"{node.http_url}/healthz") as response:
                assert (await response.json())["alive"] is True
            path = find_socket(school.directory, school.config)
            assert path == node.socket
            assert path.stat().st_mode & 0o777 == 0o660
            async with aio.insecure_channel(f"unix:{path}") as channel:
                await channel.channel_ready()
            with pytest.raises(BusyError, match="another process uses this directory"):
                await run_once(school.directory, tmp_path / "state")
            stop.set()
            await running
    assert not path.exists()
    await run_once(school.directory, tmp_path / "state")


async def test_a_long_directory_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """The system's limit on socket paths is met by a folder of the temporary directory, told by registrar.path."""
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    school = found(folder, "school", Institution.SCHOOL)
    stop, paths = asyncio.Event(), list[Path]()

    def ready() -> None:
        paths.append(find_socket(school.directory, school.config))
        assert paths[0].exists()
        assert os.stat(paths[0].parent).st_mode & 0o777 == 0o700
        stop.set()

    async with asyncio.timeout(DEADLINE_SECONDS):
        async with open_node(school.directory, home=tmp_path / "state") as node:
            await node.run(stop, ready)
    assert not paths[0].parent.exists()
    assert not (school.directory / "registrar.path").exists()


async def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    """Two nodes on one gRPC port: the second says so and leaves nothing open."""
    first = found(tmp_path, "first", Institution.SCHOOL)
    second = found(tmp_path, "second", Institution.SCHOOL, grpc_listen=first.address)
    async with open_node(first.directory, home=tmp_path / "state"):
        with pytest.raises(CairnError, match="cannot listen"):
            await run_once(second.directory, tmp_path / "state")
    await run_once(second.directory, tmp_path / "state")


def test_grpc_has_what_the_server_uses() -> None:
    """The end-of-stream marker that the client compares with is missing from the typings, not from the library."""
    assert hasattr(aio, "EOF") and grpc.__version__


class FailingBatch:
    """A LevelDB batch that the disk does not take."""

    def put(self, key: bytes, value: bytes) -> None:
        """Take a row."""

    def write(self) -> None:
        raise plyvel.IOError(b"IO error: No space left on device")


class FailingDisk:
    """A LevelDB that can be read, and takes nothing more."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def write_batch(self, sync: bool) -> FailingBatch:
        return FailingBatch()


async def test_a_failed_write_ends_the_node_until_the_disk_takes_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves and says why it writes nothing, ends by itself once it can write, and what waited is not lost."""
    school = found(tmp_path, "school", Institution.SCHOOL)
    disk = {"works": False}
    monkeypatch.setattr("node.run.can_write", lambda directory: disk["works"])
    monkeypatch.setattr("node.run.LOOK_SECONDS", 0.01)
    async with asyncio.timeout(DEADLINE_SECONDS):
        async with open_node(school.directory, home=tmp_path / "state") as node:
            ready = asyncio.Event()
            running = asyncio.create_task(node.run(asyncio.Event(), ready.set))
            await ready.wait()
            await until(lambda: node.refusal is None)
            await node.desk.cut()
            database = node.ledger._database
            monkeypatch.setattr(database, "_db", FailingDisk(database._db))
            with pytest.raises(BusyError, match="it is not known whether this was written"):
                await node.desk.cut()
            with pytest.raises(BusyError, match=r"the last write failed .* No space left on device"):
                await node.desk.cut()
            assert any("No space left" in str(finding) for finding in (await node.desk.status()).findings)
            assert not running.done()
            disk["works"] = True
            await running
        async with open_node(school.directory, home=tmp_path / "state") as node:
            stop, ready = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(node.run(stop, ready.set))
            await ready.wait()
            await until(lambda: node.refusal is None)
            # The cut that failed is in the outbox under its ids: it goes first, once, then the new one.
            await node.desk.cut()
            assert node.side.log.size == 1 + 3 * 3
            stop.set()
            await running


async def test_the_process_opens_the_node_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that ended although nobody asked it to is opened anew; one that was asked to stop is not."""
    opened: list[Path] = []

    class BriefNode:
        async def run(self, stop: asyncio.Event, ready: object) -> None:
            if len(opened) == 3:
                stop.set()

    @asynccontextmanager
    async def open_brief_node(directory: Path, *, only_copy: bool) -> AsyncIterator[BriefNode]:
        opened.append(directory)
        yield BriefNode()

    monkeypatch.setattr("node.run.open_node", open_brief_node)
    monkeypatch.setattr("node.run.LOOK_SECONDS", 0.01)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await run_until_signalled(tmp_path)
    assert opened == [tmp_path] * 3
