"""A whole node: following a peer, answering calls, serving tiles; and one process with a long log, started and idle."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from bench.calibrators import rate_of_calls
from ledger.log import tiles
from ledger.log.identity import encode_log_id
from node.client.ledger import LedgerClient
from node.config import FILE_NAME, change_config
from node.events import HeadEvents
from node.found import found_institution
from node.home import open_home
from node.pull import Puller
from node.run import Node, open_node
from node.store.ledgerstore import LedgerStore
from tests.node.school import BATCH, founding, make_draw, open_school, running

DEADLINE_SECONDS = 600
IDLE_SECONDS = 10
_TILE_CALLS = 2_000
_WAITING_BATCHES = 64


@dataclass(frozen=True, slots=True)
class Process:
    """One `cairn-node run` with a long log: seconds until it answered, MiB it holds, share of a core while idle."""

    start_seconds: float
    mebibytes: float
    idle_share: float


class _NoKeys:
    def witness_keys(self, log: object) -> tuple[()]:
        return ()


@contextmanager
def long_log(items: int) -> Iterator[Path]:
    """A node's directory whose log holds so many items, in batches of 256."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "node"
        request = founding(http_listen="127.0.0.1:0", grpc_listen="127.0.0.1:0")
        found_institution(folder, request, lambda: int(time.time() * 1000), make_draw("bench"))
        settings = folder / FILE_NAME
        # Any free port: what the charter says about where it is reached does not matter here.
        settings.write_text(change_config(settings.read_text(), http_url="", grpc_address=""))
        asyncio.run(_fill(folder, items))
        yield folder


async def _fill(folder: Path, items: int) -> None:
    school = open_school(folder)
    try:
        async with running(school.sequencer()) as sequencer:
            for start in range(0, items // BATCH, _WAITING_BATCHES):
                numbers = range(start, min(start + _WAITING_BATCHES, items // BATCH))
                await asyncio.gather(*(sequencer.append([school.issue(number)]) for number in numbers))
    finally:
        school.store.close()


def follow(folder: Path) -> float:
    """Items per second that a follower takes over gRPC, fully checked and durable; both ends in one process."""
    return asyncio.run(_follow(folder))


async def _follow(folder: Path) -> float:
    async with _serving(folder) as node, LedgerClient(node.address, timeout_seconds=60) as client:
        with tempfile.TemporaryDirectory() as name:
            store = LedgerStore.open(Path(name) / "ledger")
            try:
                puller = Puller(store, HeadEvents(), _NoKeys(), lambda: 0, daily_bytes=1 << 40)
                (head,) = await client.heads([node.log_id])
                started = time.perf_counter()
                size = await puller.pull(client, head)
                return (size - 1) * BATCH / (time.perf_counter() - started)
            finally:
                store.close()


def unary_calls(folder: Path) -> float:
    """`GetHeads` calls per second, one after the other, both ends in one event loop as U is."""

    async def measure() -> float:
        async with _serving(folder) as node, LedgerClient(node.address) as client:
            return await rate_of_calls(lambda: client.heads([node.log_id]))

    return asyncio.run(measure())


def tiles_served(folder: Path) -> float:
    """Full tiles served over HTTP per second."""

    async def measure() -> float:
        async with _serving(folder) as node:
            path = f"/log/{encode_log_id(node.log_id)}/{tiles.tile_path(0, 0)}"
            return await _fetch(f"{node.http_url}{path}")

    return asyncio.run(measure())


def bare_answers() -> float:
    """Answers of a tile's size per second by aiohttp with nothing behind it."""

    async def measure() -> float:
        data = os.urandom(tiles.TILE_WIDTH * 32)

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=data, content_type="application/octet-stream")

        app = web.Application()
        app.router.add_get("/tile", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            return await _fetch(f"http://{host}:{port}/tile")
        finally:
            await runner.cleanup()

    return asyncio.run(measure())


async def _fetch(url: str) -> float:
    async with aiohttp.ClientSession() as session:

        async def one() -> None:
            async with session.get(url) as response:
                if response.status != 200 or len(await response.read()) != tiles.TILE_WIDTH * 32:
                    raise SystemExit(f"{url}: answered {response.status}")

        return await rate_of_calls(one, calls=_TILE_CALLS)


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[Node]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with open_node(folder, only_copy=True, home=folder.parent / "state") as node:
        running_node = asyncio.create_task(node.run(stop, ready.set))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await ready.wait()
            yield node
        finally:
            stop.set()
            await running_node


def run_process(folder: Path) -> Process:
    """Start a node as its operator does, see when it answers, and watch it doing nothing."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "state")}
    command = [str(Path(sys.executable).with_name("cairn-node")), "run", str(folder), "--only-copy"]
    # A node that a kill left behind is what has to start quickly; its page cache is warm, as after an upgrade.
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        home = open_home(folder)
        while not home.is_running() or not home.socket_path().exists():
            if process.poll() is not None or time.perf_counter() - started > DEADLINE_SECONDS:
                raise SystemExit("the node did not start")
            time.sleep(0.005)
        seconds = time.perf_counter() - started
        time.sleep(2)
        before = _processor_seconds(process.pid)
        time.sleep(IDLE_SECONDS)
        idle = (_processor_seconds(process.pid) - before) / IDLE_SECONDS
        return Process(seconds, _resident_mebibytes(process.pid), idle)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        process.kill()
        shutil.rmtree(folder.parent / "state", ignore_errors=True)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mebibytes(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
