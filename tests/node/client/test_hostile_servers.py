"""Servers that talk for ever, a byte at a time, or nonsense: a wallet hears an error in time and in words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ledger.errors import CairnError, MalformedError
from ledger.log.identity import LogId
from node.client import http
from node.client.http import LedgerHTTP, TransportError
from wallet_cli.claim import fetch_offer
from wallet_cli.offer import OfferLink

LOG = LogId(bytes(32))
Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def serving(behave: Behave) -> AsyncIterator[str]:
    """A server that reads a request and then behaves as it likes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await behave(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, asyncio.timeout(30):
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def repeat(writer: asyncio.StreamWriter, piece: bytes, pause: float = 0.0) -> None:
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def dripping_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK")
    await repeat(writer, b" ", 0.02)


async def dripping_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    await repeat(writer, b"x", 0.02)


async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    await repeat(writer, b"X-More: " + b"x" * 1000 + b"\r\n")


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Connection: close\r\n\r\n")
    await repeat(writer, bytes(1 << 16))


async def endless_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await repeat(writer, b"1\r\nx\r\n" * 1000)


async def huge_promise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 99999999999999\r\n\r\n")
    await repeat(writer, bytes(1 << 16))


async def endless_interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await repeat(writer, b"HTTP/1.1 103 Early Hints\r\n\r\n")


async def endless_redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def cut_short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\nhalf")


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await repeat(writer, bytes(range(256)) * 16)


SERVERS: list[tuple[Behave, type[CairnError] | tuple[type[CairnError], ...]]] = [
    (silent, TransportError),
    (dripping_head, TransportError),
    (dripping_body, TransportError),
    (endless_head, TransportError),
    (endless_body, MalformedError),
    # Single bytes reach the limit or the deadline first, as the machine is quick or busy.
    (endless_chunks, (MalformedError, TransportError)),
    (huge_promise, MalformedError),
    (endless_interim, TransportError),
    (endless_redirects, TransportError),
    (cut_short, TransportError),
    (nonsense, TransportError),
]


@pytest.mark.parametrize(("behave", "error"), SERVERS, ids=[behave.__name__ for behave, _ in SERVERS])
async def test_a_wallet_is_told_in_time(behave: Behave, error: type[CairnError] | tuple[type[CairnError], ...]) -> None:
    """One error of ours within the deadline, whatever the server does, and no more than the limit is kept."""
    async with serving(behave) as url:
        started = asyncio.get_running_loop().time()
        with pytest.raises(error):
            await http.get_bytes(url + "/x", max_bytes=100_000, timeout_seconds=0.5)
        assert asyncio.get_running_loop().time() - started < 10


@pytest.mark.parametrize("behave", [behave for behave, _ in SERVERS], ids=[behave.__name__ for behave, _ in SERVERS])
async def test_every_call_of_a_replica_is_bounded(behave: Behave) -> None:
    """Lists, checkpoints, tiles, bundles, bodies and evidence, over one shared session."""
    async with serving(behave) as url, LedgerHTTP(url, timeout_seconds=0.2) as node:
        calls = (
            node.list_logs(),
            node.checkpoint(LOG),
            node.tile(LOG, 0, 0),
            node.entry_bundle(LOG, 0),
            node.body(LOG, 0, max_bytes=1000),
            node.evidence(LOG),
        )
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, CairnError), outcome


@pytest.mark.parametrize("content", [b"[" * 16_000, b'{"a":' * 3_000, b'{"error":"\\ud800"}', b"9" * 16_000, b"\xff"])
async def test_a_refusal_of_any_content_is_told_in_words(content: bytes) -> None:
    """Whoever makes a claim link chooses what its server answers."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()

    async with serving(refuse) as url, http.open_session() as session:
        with pytest.raises(TransportError) as refused:
            await fetch_offer(OfferLink(url), session)
    assert refused.value.status == 400


@pytest.mark.parametrize("data", [b"[" * 200_000, b'"\\ud800"', b"NaN", b"1e999", b"\xff\xfe", b""])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Half a character would come out of the terminal, or out of what is signed next, as a crash."""
    with pytest.raises(MalformedError, match="is not JSON"):
        http.parse_json(data, "a server")
