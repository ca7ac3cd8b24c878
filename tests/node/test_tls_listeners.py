"""A whole node with TLS on both listeners: what clients of HTTP see, while it runs and while it renews."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from ledger.errors import CairnError
from ledger.log.charter import Institution
from node.client.handshake import shake_hands
from node.client.http import LedgerHTTP, TransportError, get_bytes
from node.client.registrar import RegistrarClient
from node.run import Node, open_node
from node.tls.modes import Listener, TLSMode
from tests.end_to_end.world import Campus, found
from tests.node.tls.authority import DAY_MS, make_test_authority, trusting, write_files

DEADLINE_SECONDS = 30
AUTHORITY = make_test_authority()


@asynccontextmanager
async def running(campus: Campus, home: Path) -> AsyncIterator[Node]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_SECONDS), open_node(campus.directory, home=home) as node:
        task = asyncio.create_task(node.run(stop, ready.set))
        await asyncio.wait([asyncio.ensure_future(ready.wait()), task], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield node
        finally:
            stop.set()
            await task


def with_files(folder: Path, *hosts: str, **times: int) -> Campus:
    files = write_files(folder / "acme", AUTHORITY, *hosts, **times)
    return found(
        folder,
        "school",
        Institution.NETWORK,
        tls_certificate=str(files.certificate),
        tls_key=str(files.key),
        grpc_tls=TLSMode.SELF_MADE,
    )


def named(node: Node) -> str:
    """The HTTP address by a host name."""
    return node.http_url.replace("127.0.0.1", "localhost")


async def fetch(url: str, context: ssl.SSLContext) -> str:
    """One request; gives the fingerprint of the certificate that answers."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz", ssl=context) as response:
        assert (await response.json())["alive"] is True
    host, _, port = url.removeprefix("https://").rpartition(":")
    return (await shake_hands(host, int(port), context, "http/1.1")).fingerprint.hex()


async def test_http_speaks_tls_and_follows_a_renewal(tmp_path: Path) -> None:
    campus = with_files(tmp_path, "localhost")
    async with running(campus, tmp_path / "state") as node:
        assert node.http_url.startswith("https://127.0.0.1:")
        first = await fetch(named(node), trusting(AUTHORITY))
        assert first == node.side.certificates.pair_of(Listener.HTTP).fingerprint

        write_files(tmp_path / "acme", AUTHORITY, "localhost")
        node.side.certificates.refresh()

        assert await fetch(named(node), trusting(AUTHORITY)) != first


async def test_certificates_that_wallets_refuse_are_told_in_words(tmp_path: Path) -> None:
    campus = with_files(tmp_path, "localhost")
    async with running(campus, tmp_path / "state") as node:
        with pytest.raises(TransportError, match="its certificate is not trusted: ") as caught:
            await get_bytes(f"{named(node)}/healthz", max_bytes=1 << 16)
        assert "no authority this computer knows" in caught.value.hint
        with pytest.raises(TransportError, match="hung up without an answer") as caught:
            await get_bytes(f"{node.http_url.replace('https', 'http')}/healthz", max_bytes=1 << 16)
        assert "https://" in caught.value.hint


async def test_https_to_plain_text_is_told_in_words(tmp_path: Path) -> None:
    async with running(found(tmp_path, "school", Institution.SCHOOL), tmp_path / "state") as node:
        with pytest.raises(TransportError, match="answers without TLS"):
            await get_bytes(f"{node.http_url.replace('http', 'https')}/healthz", max_bytes=1 << 16)


async def test_a_trust_root_is_enough_for_a_self_made_certificate(tmp_path: Path) -> None:
    campus = found(tmp_path, "school", Institution.NETWORK, http_tls=TLSMode.SELF_MADE)
    other = found(tmp_path, "other", Institution.NETWORK)
    async with running(campus, tmp_path / "state") as node, running(other, tmp_path / "state") as stranger:
        assert node.trust is not None and stranger.trust is not None
        async with LedgerHTTP(node.http_url, trust=node.trust) as http:
            assert await http.list_logs() == (node.log_id,)
            assert await http.checkpoint(node.log_id)
            # Renewed between two requests: the next session looks anew.
            node.side.certificates._self_made.make(node.clock())
            node.side.certificates.refresh()
        async with LedgerHTTP(node.http_url, trust=node.trust) as http:
            await http.list_logs()
        with pytest.raises(TransportError, match="its certificate is that of log"):
            async with LedgerHTTP(node.http_url, trust=stranger.trust):
                pass
        with pytest.raises(TransportError, match="self-signed certificate"):
            async with LedgerHTTP(node.http_url) as http:
                await http.list_logs()


async def test_old_protocols_are_refused(tmp_path: Path) -> None:
    async with running(with_files(tmp_path, "localhost"), tmp_path / "state") as node:
        context = trusting(AUTHORITY)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(aiohttp.ClientError):
            await fetch(named(node), context)


async def test_handshakes_that_never_end_hold_nobody_up(tmp_path: Path) -> None:
    async with running(with_files(tmp_path, "localhost"), tmp_path / "state") as node:
        place = ("127.0.0.1", int(node.http_url.rpartition(":")[2]))
        idle = [socket.create_connection(place) for _ in range(64)]
        try:
            for number, one in enumerate(idle):
                one.sendall(b"\x16\x03\x01\x02\x00"[: number % 6])
            assert await fetch(named(node), trusting(AUTHORITY))
        finally:
            for one in idle:
                one.close()


async def test_an_ended_certificate_stops_nothing_and_is_told(tmp_path: Path) -> None:
    """The node runs, says so in its status, and clients are told the cause."""
    campus = with_files(tmp_path, "localhost", begins_in=-9 * DAY_MS, ends_in=-DAY_MS)
    async with running(campus, tmp_path / "state") as node:
        async with RegistrarClient(str(node.socket)) as desk:
            status = await desk.status()
        assert any(one.what.startswith("certificate of the HTTP listener: it ended on") for one in status.findings)
        ends = {item.listener: item.not_after for item in status.certificates}
        assert ends["http"] < node.clock() < ends["grpc"]
        with pytest.raises(aiohttp.ClientConnectorCertificateError, match="expired"):
            await fetch(named(node), trusting(AUTHORITY))


async def test_a_key_open_to_others_is_told_at_the_start(tmp_path: Path) -> None:
    campus = with_files(tmp_path, "localhost")
    (tmp_path / "acme" / "privkey.pem").chmod(0o644)

    with pytest.raises(CairnError, match=r"privkey\.pem: other accounts can open this key"):
        async with running(campus, tmp_path / "state"):
            pass
