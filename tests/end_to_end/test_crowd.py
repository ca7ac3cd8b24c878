"""A crowd at the door of a real node: connections that say nothing take neither its memory nor its files nor its time."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from ledger.log.charter import Institution
from node.client.ledger import LedgerClient
from node.client.registry import IssueRequest
from tests.end_to_end.learner import ACHIEVEMENTS
from tests.end_to_end.test_sigkill import ACHIEVEMENT, DIPLOMA, csv_of, may_sign
from tests.end_to_end.town import Neighbour, direct, eventually, found_neighbour

MEBIBYTE = 1024 * 1024


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@asynccontextmanager
async def lonely_school(folder: Path) -> AsyncIterator[Neighbour]:
    school = await found_neighbour(folder, DIPLOMA, Institution.SCHOOL, direct, {})
    await school.start()
    try:
        await eventually(lambda: may_sign(school))
        async with school.desk() as desk:
            await desk.publish((ACHIEVEMENTS / f"{DIPLOMA}.json").read_bytes())
        yield school
    finally:
        await school.stop()


async def stand_at_the_door(address: str, count: int) -> list[asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    writers = []
    for number in range(count):
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            continue  # refused is what the node may do
        writer.write((b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"PRI * HTTP/2.0\r\n")[number % 3])
        writers.append(writer)
    return writers


async def answers_within(school: Neighbour, seconds: float) -> None:
    """Everything the node is for: heads, health, awards, cuts."""
    started = time.monotonic()
    async with LedgerClient(school.grpc, timeout_seconds=seconds) as client:
        (head,) = await client.heads([school.log_id])
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{school.http}/healthz") as answer:
        assert json.loads(await answer.text())["size"] == head.size
    async with school.desk() as desk:
        await desk.issue(IssueRequest(data=csv_of(head.size * 3), achievement=ACHIEVEMENT))
        await desk.cut()
    assert time.monotonic() - started < seconds


async def crowd(folder: Path, each: int) -> None:
    async with lonely_school(folder) as school:
        await answers_within(school, 30)
        assert school.process is not None
        pid = school.process.pid
        before = resident_bytes(pid)
        writers = [
            *await stand_at_the_door(school.grpc, each),
            *await stand_at_the_door(school.http.removeprefix("http://"), each),
        ]
        try:
            assert len(writers) > each
            assert open_files(pid) > each
            await answers_within(school, 30)
            # A connection costs its buffers; nothing is kept for what was not asked.
            assert resident_bytes(pid) - before < 16 * MEBIBYTE + len(writers) * 64 * 1024
        finally:
            for writer in writers:
                writer.close()
        await answers_within(school, 30)


async def test_a_small_crowd(tmp_path: Path) -> None:
    """300 connections at each listener: everybody else is served."""
    await crowd(tmp_path, 300)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_large_crowd(tmp_path: Path) -> None:
    """5,000 at each."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 11_000:
        pytest.skip(f"this account may open {hard} files only, the test needs 11,000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await crowd(tmp_path, 5_000)
