"""Dialling over real sockets: who is talked to, who is not, and what is said about it."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc import aio

from ledger.log.identity import LogId
from ledger.log.keys import SigningKey
from node.client.dial import DialPolicy
from node.client.failures import UnreachableError, UntrustedPeerError
from node.client.ledger import LedgerClient
from node.client.pin import Expectation
from node.pb import cairn_pb2_grpc as rpc
from node.service.boundary import ErrorBoundary
from node.service.secure import listen_secure
from node.service.server import listen, make_server
from node.tls.pair import CertificatePair
from tests.end_to_end.hostile import HostilePeer
from tests.node.tls.authority import DAY_MS, make_test_authority, self_made, trusting, write_files

LOG = LogId(b"l" * 32)
KEY, STRANGER = SigningKey(b"k" * 32), SigningKey(b"s" * 32)
AUTHORITY = make_test_authority()
EXPECTED = Expectation(frozenset({(LOG, KEY.public)}), is_named=True)
DEADLINE_SECONDS = 30


def strict(**changes: object) -> DialPolicy:
    """As for an address beyond this computer, where the ledger names one log."""
    rules: dict[str, object] = {
        "expect": lambda address: EXPECTED,
        "may_be_plain": lambda host: False,
        "authorities": lambda: trusting(AUTHORITY),
    }
    return DialPolicy(**{**rules, **changes})  # type: ignore[arg-type]  # each test names real fields


@asynccontextmanager
async def answering(current: Callable[[], CertificatePair] | None, port: int = 0) -> AsyncIterator[int]:
    """A peer on loopback, with TLS or in plain text; gives its port."""
    server: aio.Server = make_server(ErrorBoundary())
    rpc.add_LedgerServicer_to_server(HostilePeer(), server)
    address = f"127.0.0.1:{port}"
    bound = listen(server, address) if current is None else listen_secure(server, address, current)
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(None)


async def ask(address: str, policy: DialPolicy | None = None) -> LogId | None:
    """Make one call; gives whose node the certificate told."""
    async with asyncio.timeout(DEADLINE_SECONDS), LedgerClient(address, timeout_seconds=10, policy=policy) as client:
        assert await client.list_logs() == ()
        return await client.peer_log()


async def test_a_pinned_certificate_is_enough(tmp_path: Path) -> None:
    pair = self_made(tmp_path, LOG, KEY)
    async with answering(lambda: pair) as port:
        assert await ask(f"127.0.0.1:{port}", strict()) == LOG
        assert await ask(f"localhost:{port}", strict()) == LOG


async def test_a_certificate_of_an_authority_is_judged_by_the_host_name(tmp_path: Path) -> None:
    pair = write_files(tmp_path, AUTHORITY, "localhost").pair()
    async with answering(lambda: pair) as port:
        assert await ask(f"localhost:{port}", strict()) is None
        with pytest.raises(UntrustedPeerError, match=r"not trusted: ip address mismatch.*127\.0\.0\.1"):
            await ask(f"127.0.0.1:{port}", strict())
        with pytest.raises(UntrustedPeerError, match="carries no voucher") as caught:
            await ask(f"localhost:{port}", strict(accepts_authorities=False))
        assert "self-made" in caught.value.hint
        with pytest.raises(UntrustedPeerError, match="not trusted: "):
            await ask(f"localhost:{port}", strict(authorities=lambda: trusting(make_test_authority("another"))))


@pytest.mark.parametrize(
    ("log", "signer", "ends_in", "reason"),
    [
        (LOG, STRANGER, DAY_MS, "not signed by a key that the ledger names"),
        (LogId(b"m" * 32), KEY, DAY_MS, "its certificate is that of log"),
        (LOG, KEY, -1000, "its certificate ended on"),
        (None, KEY, DAY_MS, "its certificate is not trusted: self-signed certificate"),
    ],
)
async def test_a_wrong_certificate_is_refused_before_anything_is_said(
    tmp_path: Path, log: LogId | None, signer: SigningKey, ends_in: int, reason: str
) -> None:
    pair = self_made(tmp_path, log, signer, ends_in=ends_in)
    async with answering(lambda: pair) as port:
        with pytest.raises(UntrustedPeerError, match=reason):
            await ask(f"127.0.0.1:{port}", strict())


async def test_an_ended_certificate_of_an_authority_is_told_as_such(tmp_path: Path) -> None:
    pair = write_files(tmp_path, AUTHORITY, "localhost", begins_in=-2 * DAY_MS, ends_in=-DAY_MS).pair()
    async with answering(lambda: pair) as port:
        with pytest.raises(UntrustedPeerError, match="its certificate ended on") as caught:
            await ask(f"localhost:{port}", strict())
        assert "renew" in caught.value.hint


async def test_an_authority_does_not_help_a_voucher_that_fails(tmp_path: Path) -> None:
    """Somebody with a good certificate for the host, and a voucher of the wrong key in it, is refused."""
    pair = self_made(tmp_path, LOG, STRANGER)
    knows_it = ssl.create_default_context(cadata=pair.chain.decode())
    async with answering(lambda: pair) as port:
        with pytest.raises(UntrustedPeerError, match="not signed by a key"):
            await ask(f"localhost:{port}", strict(authorities=lambda: knows_it))


async def test_plain_text_is_for_this_computer_alone() -> None:
    async with answering(None) as port:
        assert await ask(f"127.0.0.1:{port}") is None
        with pytest.raises(UntrustedPeerError, match="answers without TLS") as caught:
            await ask(f"127.0.0.1:{port}", strict())
        assert "insecure = true" in caught.value.hint


async def test_a_plain_client_meets_words_at_a_tls_listener(tmp_path: Path) -> None:
    """An older program that knows no TLS: the connection ends, and nothing hangs."""
    pair = self_made(tmp_path, LOG, KEY)
    async with answering(lambda: pair) as port, aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await channel.unary_unary("/cairn.v1.Ledger/ListLogs")(b"", timeout=10)
        assert "Socket closed" in (caught.value.details() or "")


async def test_a_renewed_certificate_is_found_by_the_same_client(tmp_path: Path) -> None:
    """The connection under way stays; the next one sees the new certificate, also after the server came back."""
    pairs = [self_made(tmp_path, LOG, KEY)]
    async with asyncio.timeout(DEADLINE_SECONDS):
        async with answering(lambda: pairs[-1]) as port:
            address = f"127.0.0.1:{port}"
            async with LedgerClient(address, timeout_seconds=10, policy=strict()) as client:
                await client.list_logs()
                pairs.append(self_made(tmp_path, LOG, KEY))
                await client.list_logs()
                assert await ask(address, strict()) == LOG
        async with LedgerClient(address, timeout_seconds=10, policy=strict()) as client:
            async with answering(lambda: pairs[0], port):
                await client.list_logs()
            async with answering(lambda: pairs[1], port):
                with pytest.raises(UnreachableError):
                    await client.list_logs()
                await client.list_logs()


async def test_a_line_is_judged_again_when_the_ledger_changes(tmp_path: Path) -> None:
    """The ledger names another institution at that address now: the open connection is not used any more."""
    pair = self_made(tmp_path, LOG, KEY)
    expected = [EXPECTED]
    policy = strict(expect=lambda address: expected[-1], judged_for_seconds=0)
    async with answering(lambda: pair) as port:
        client = LedgerClient(f"127.0.0.1:{port}", timeout_seconds=10, policy=policy)
        async with client, asyncio.timeout(DEADLINE_SECONDS):
            await client.list_logs()
            expected.append(Expectation(frozenset({(LOG, STRANGER.public)}), is_named=True))
            with pytest.raises(UntrustedPeerError, match="not signed by a key"):
                await client.list_logs()
            expected.append(EXPECTED)
            await client.list_logs()


async def test_old_protocols_are_refused(tmp_path: Path) -> None:
    pair = self_made(tmp_path, LOG, KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2"])
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with answering(lambda: pair) as port:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def test_handshakes_that_never_end_hold_nobody_up(tmp_path: Path) -> None:
    pair = self_made(tmp_path, LOG, KEY)
    async with answering(lambda: pair) as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
        try:
            for number, one in enumerate(idle):
                one.sendall(b"\x16\x03\x01\x02\x00"[: number % 6])
            assert await ask(f"127.0.0.1:{port}", strict()) == LOG
        finally:
            for one in idle:
                one.close()


async def test_a_silent_peer_meets_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        async with LedgerClient(address, timeout_seconds=0.2) as client:
            with pytest.raises(UnreachableError, match="no answer to the TLS handshake in time"):
                await client.list_logs()
        assert time.monotonic() - start < DEADLINE_SECONDS


async def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    with pytest.raises(UnreachableError, match="cannot be reached: connection refused"):
        await ask(address)
    with pytest.raises(UnreachableError, match="is not HOST:PORT"):
        await ask("127.0.0.1:0")
