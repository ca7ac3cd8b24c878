"""The door: strangers are refused by the handshake and told why, and who came in is known by every call."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from node.client.certificates import SERVER_NAME, encode_key, make_key
from node.client.failures import UnreachableError
from node.client.identity import Identity, encode_certificate
from node.clock import system_clock, system_draw
from node.errors import NotAllowedError
from node.registrar.people import door as door_module
from node.registrar.people.authority import make_authority
from node.registrar.people.door import FOLDER_NAME, Door
from tests.node.registrar.people.offices import DAY_MS, SECONDS, Office, open_office, registrar_of, shortly


def stranger(office: Office, folder: Path) -> Identity:
    """A person of another node's authority."""
    folder.mkdir()
    return signed_by(office, make_authority(folder, "other", system_clock()))


def signed_by(office: Office, authority: object, end_ms: int = DAY_MS) -> Identity:
    key, now = make_key(), system_clock()
    start = now - 30 * DAY_MS
    der = authority.sign_client("k3j9x2ab", key.public_key(), start, now + end_ms)  # type: ignore[attr-defined]
    return Identity(
        address=office.address,
        authority=office.authority.certificate,
        key=key,
        certificate=x509.load_der_x509_certificate(der),
        person="k3j9x2ab",
        roles=("operator",),
        institution="x",
    )


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(vars(r)["reason"]) for r in caplog.records if r.getMessage() == "connection refused"]


async def test_a_certificate_of_another_authority_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The client says it in words, the node logs it."""
    async with open_office(tmp_path) as office, registrar_of(stranger(office, tmp_path / "other")) as client:
        with pytest.raises(NotAllowedError, match="refuses this computer's certificate: unknown ca") as refusal:
            await client.status()
        assert "new invitation" in refusal.value.hint
        assert reasons(caplog)[0].startswith("certificate refused: ")


async def test_an_expired_certificate_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_office(tmp_path) as office:
        async with registrar_of(signed_by(office, office.authority, -DAY_MS)) as client:
            with pytest.raises(NotAllowedError, match="certificate expired"):
                await client.status()
        assert reasons(caplog)[0] == "certificate refused: certificate has expired"


async def test_a_certificate_of_ours_that_the_node_does_not_know_is_refused(tmp_path: Path) -> None:
    """The database decides, as after a restore from an older backup; the trail has the certificate's first digits."""
    async with open_office(tmp_path) as office:
        async with registrar_of(signed_by(office, office.authority)) as client:
            with pytest.raises(NotAllowedError, match="no record of it"):
                await client.status()
        row = await office.last_row()
        assert (row.outcome, row.reason) == ("refused", "unknown")
        assert row.who.startswith("certificate:")


async def test_the_listeners_own_certificate_opens_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Server certificates are for servers."""
    async with open_office(tmp_path) as office:
        key, now = make_key(), system_clock()
        der = office.authority.sign_server(key.public_key(), now, now + DAY_MS)
        certificate = x509.load_der_x509_certificate(der)
        async with registrar_of(
            replace(signed_by(office, office.authority), key=key, certificate=certificate)
        ) as client:
            with pytest.raises(NotAllowedError, match="refuses this computer's certificate"):
                await client.status()
        assert reasons(caplog)[0].startswith("certificate refused: ")


async def test_a_registrar_cannot_pose_as_the_node(tmp_path: Path) -> None:
    """A client's certificate is not taken for a listener's, though the same authority signed it."""
    async with open_office(tmp_path) as office:
        thief = await office.let_in("reader")
        context = client_context(thief, purpose=ssl.PROTOCOL_TLS_SERVER)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with registrar_of(replace(await office.let_in("registrar"), address=address)) as client:
            with pytest.raises(NotAllowedError, match="is not the node that invited you"):
                await client.status()
        server.close()


@pytest.mark.parametrize(
    ("change", "alert", "logged"),
    [
        (lambda context: None, "certificate required", "no certificate was shown"),
        (lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2), "protocol version", "protocol"),
    ],
    ids=["no certificate", "TLS 1.2"],
)
async def test_who_shows_nothing_gets_an_alert(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[ssl.SSLContext], None], alert: str, logged: str
) -> None:
    async with open_office(tmp_path) as office:
        context = ssl.create_default_context(cadata=office.authority.pem)
        change(context)
        with pytest.raises(ssl.SSLError) as told:
            await talk(office, context)
        assert alert in str(told.value.reason).lower().replace("_", " ")
        assert logged in reasons(caplog)[0]


async def test_what_is_no_tls_is_hung_up_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_office(tmp_path) as office:
        reader, writer = await connect(office)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" * 10)
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):
                while await reader.read(4096):
                    pass
        writer.close()
        await shortly(lambda: reasons(caplog))


async def test_who_says_nothing_is_hung_up_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "HANDSHAKE_SECONDS", 0.05)
    async with open_office(tmp_path) as office:
        reader, writer = await connect(office)
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b""
        writer.close()
        assert reasons(caplog) == ["handshake took too long"]


async def test_strangers_cannot_take_all_places(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is hung up on; the Unix socket is not counted."""
    monkeypatch.setattr(door_module, "MAX_HANDSHAKES", 2)
    async with open_office(tmp_path) as office:
        silent = [await connect(office) for _ in range(2)]
        reader, writer = await connect(office)
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b""
        assert reasons(caplog) == ["too many connections"]
        async with office.local() as client:
            assert (await client.status()).size == 2
        for _, other in [*silent, (reader, writer)]:
            other.close()


async def test_many_strangers_are_one_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At most every ten seconds, with how many there were."""
    async with open_office(tmp_path) as office:
        context = ssl.create_default_context(cadata=office.authority.pem)
        for seconds in (0, 1, 2, 11):
            office.clock.now += seconds * 1000
            with pytest.raises(ssl.SSLError):
                await talk(office, context)
        counts = [vars(r)["count"] for r in caplog.records if r.getMessage() == "connection refused"]
        assert counts == [1, 3]


async def test_nobody_answering_is_told_as_such(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        identity = await office.let_in("reader")
    async with registrar_of(identity) as client:
        with pytest.raises(UnreachableError) as refusal:
            await client.status()
        assert "is the node running" in refusal.value.hint


async def test_an_account_of_this_computer_is_told_apart_by_its_number(tmp_path: Path) -> None:
    async with open_office(tmp_path) as office:
        await office.invite("reader")
        assert (await office.last_row()).who == f"uid:{os.getuid()}"
        assert office.socket.stat().st_mode & 0o777 == 0o660


async def test_who_did_not_come_by_the_door_is_nobody(tmp_path: Path) -> None:
    """Even on the inner socket: a connection without a name the door gave makes no call."""
    async with open_office(tmp_path) as office:
        from node.client.registrar import RegistrarClient

        inner = office.entrance.door.inner.removeprefix("unix:")
        assert Path(inner).parent.stat().st_mode & 0o777 == 0o700
        async with RegistrarClient(inner, timeout_seconds=SECONDS) as client:
            with pytest.raises(NotAllowedError, match="did not come by this node's door"):
                await client.status()


async def test_a_socket_left_by_a_killed_node_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "test.sock"))
    left.close()
    async with open_office(tmp_path) as office, office.local() as client:
        assert (await client.status()).size == 2


async def test_a_closed_door_leaves_nothing(tmp_path: Path) -> None:
    """Neither in a short directory, where what a killed node left is replaced, nor elsewhere for a long one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        (Path(short) / FOLDER_NAME / "left").mkdir(parents=True)
        for directory in (Path(short), tmp_path / ("x" * 90)):
            door = Door(directory, system_clock, system_draw)
            folder = Path(door.inner.removeprefix("unix:")).parent
            assert (folder.parent == directory) is (directory == Path(short))
            assert list(folder.iterdir()) == []
            assert folder.stat().st_mode & 0o777 == 0o700
            await door.close()
            assert not folder.exists()


async def test_a_long_upload_passes_the_door(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Megabytes in pieces, by TLS, counted at the other end."""
    from node.client.registry import IssueRequest
    from tests.node.registrar.desks import DIPLOMA

    caplog.set_level(logging.INFO)
    async with open_office(tmp_path) as office, registrar_of(await office.let_in("registrar")) as client:
        lines = [b"learner_id,name,awarded_on,padding"]
        lines += [b"L%d,Learner,2026-06-15,%s" % (n, b"x" * 100_000) for n in range(100)]
        request = IssueRequest(data=b"\n".join(lines), achievement=DIPLOMA, ignore=("padding",), dry_run=True)
        assert (await client.issue(request)).new == 100
        assert (await office.last_row()).outcome == "tried"


def client_context(identity: Identity, purpose: int = ssl.PROTOCOL_TLS_CLIENT) -> ssl.SSLContext:
    context = ssl.SSLContext(purpose)
    with tempfile.NamedTemporaryFile() as file:
        file.write(encode_key(identity.key) + encode_certificate(identity.certificate).encode())
        file.flush()
        context.load_cert_chain(file.name)
    return context


async def connect(
    office: Office, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = office.address.rpartition(":")
    name = None if context is None else SERVER_NAME
    return await asyncio.open_connection(host, int(port), ssl=context, server_hostname=name)


async def talk(office: Office, context: ssl.SSLContext) -> None:
    """Shake hands and hear what comes back."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await connect(office, context)
        try:
            await reader.read()
        finally:
            writer.close()
