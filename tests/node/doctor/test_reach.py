"""Ports, public addresses and certificates, as seen from the computer itself."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.log.charter import Institution
from node.config import parse_config
from node.doctor import reach
from node.doctor.check import Outcome
from tests.end_to_end.world import Campus, found, free_port, until
from tests.node.doctor.patients import check_words, now, patient_of
from tests.node.metrics.test_metrics import running


@asynccontextmanager
async def started(folder: Path, **config: object) -> AsyncIterator[Campus]:
    folder.mkdir(exist_ok=True)
    campus = found(folder, "school", Institution.SCHOOL, **config)
    await campus.start()
    try:
        await until(lambda: campus.node.startup.may_sign)
        yield campus
    finally:
        await campus.stop()


async def test_ports_of_a_node_that_runs_and_of_one_that_does_not(tmp_path: Path) -> None:
    """Answering or free; the other way round is a problem."""
    async with started(tmp_path) as campus:
        answering = list(reach.check_ports(patient_of(campus)))
        taken = list(reach.check_ports(patient_of(campus, is_running=False)))
        stopped = patient_of(campus, is_running=False), patient_of(campus)
    free, silent = (list(reach.check_ports(patient)) for patient in stopped)
    for checks in (answering, taken, free, silent):
        check_words(checks)
    # http_listen is any port here; gRPC has one of its own.
    assert [check.outcome for check in (answering[1], free[1])] == [Outcome.OK, Outcome.OK]
    assert (taken[1].outcome, "ss -ltnp" in taken[1].do) == (Outcome.PROBLEM, True)
    assert (silent[1].outcome, "does not answer" in silent[1].what) == (Outcome.PROBLEM, True)


async def test_public_addresses_lead_here(tmp_path: Path) -> None:
    """A whole node, asked under the names it tells others."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    campus = found(tmp_path, "school", Institution.SCHOOL, http_listen=f"127.0.0.1:{port}", http_url=url)
    async with running(campus, tmp_path / "state") as node:
        campus.side = node.side
        patient = patient_of(campus)
        checks = await reach.check_addresses(patient)
        check_words(checks)
        told = {check.what: check.outcome for check in checks}
        assert told[f"{url} leads here"] is Outcome.OK
        assert told[f"{campus.address} answers over gRPC and has this log"] is Outcome.OK
        # The charter was written before this test chose its port, as after a move that nobody told the ledger.
        moved = [check for check in checks if "the ledger tells others" in check.what]
        assert [check.outcome for check in moved] == [Outcome.WARNING]
        campus.side = None


async def test_addresses_that_lead_elsewhere(tmp_path: Path) -> None:
    """To something else, to another node, to nobody, or in plain text: each told apart."""

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"alive": True, "log": "another"})

    async def other(request: web.Request) -> web.Response:
        return web.json_response(["a web shop"])

    urls = []
    runners = []
    for handler in (healthz, other):
        app = web.Application()
        app.router.add_get("/healthz", handler)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runners[-1].addresses[0][1]}")
    try:
        checks = [await reach._check_url(url, "ours") for url in urls]
        checks.append(await reach._check_url(f"http://127.0.0.1:{free_port()}", "ours"))
        checks.append(await reach._check_url("http://school.example", "ours"))
    finally:
        for runner in runners:
            await runner.cleanup()
    check_words(checks)
    assert {check.outcome for check in checks} == {Outcome.PROBLEM}
    assert checks[0].why == "the node there has log another"
    assert checks[1].why == "something else answers there"
    assert "does not lead here" in checks[2].what
    assert "not encrypted" in checks[3].why


async def test_a_grpc_address_of_somebody_else(tmp_path: Path) -> None:
    async with started(tmp_path / "a") as ours, started(tmp_path / "b") as theirs:
        await ours.issue()
        check = await reach._check_grpc(patient_of(ours), theirs.address)
        assert (check.outcome, check.why) == (Outcome.PROBLEM, "it holds 0 of 2 entries of this log")
        silent = await reach._check_grpc(patient_of(ours), f"127.0.0.1:{free_port()}")
        assert (silent.outcome, "does not answer" in silent.what) == (Outcome.PROBLEM, True)


async def test_a_node_that_does_not_run_is_not_called_unreachable(tmp_path: Path) -> None:
    async with started(tmp_path) as campus:
        (check,) = await reach.check_addresses(patient_of(campus, is_running=False))
        (nameless,) = await reach.check_addresses(patient_of(campus, own=None))
    assert {check.outcome, nameless.outcome} == {Outcome.COULD_NOT_CHECK}


def certificate(folder: Path, days: float) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, good for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    moment = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - timedelta(days=90))
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.mark.parametrize(
    ("days", "is_trusted", "outcome", "words"),
    [
        (80.5, True, Outcome.OK, "is good for 80 more days"),
        (10.5, True, Outcome.WARNING, "is good for 10 more days"),
        (1.5, True, Outcome.PROBLEM, "is good for 1 more days"),
        (-1, True, Outcome.PROBLEM, "is refused"),
        (80.5, False, Outcome.PROBLEM, "is refused"),
    ],
)
async def test_certificates_as_the_public_address_shows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, is_trusted: bool, outcome: Outcome, words: str
) -> None:
    chain, key = certificate(tmp_path, days)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=server).start()
    port = runner.addresses[0][1]
    try:
        async with started(tmp_path) as campus:
            config = parse_config(f'name = "x"\nhttp_url = "https://localhost:{port}"\n')
            patient = patient_of(campus)
            object.__setattr__(patient.home, "config", config)
            (check,) = await reach.check_certificates(patient)
    finally:
        await runner.cleanup()
    check_words([check])
    assert (check.outcome, words in check.what) == (outcome, True), check


def test_a_certificate_that_cannot_be_seen() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        check = reach._check_certificate("127.0.0.1", closed.getsockname()[1], now())
    assert check.outcome is Outcome.COULD_NOT_CHECK
