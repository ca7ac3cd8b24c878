"""What can be looked at over the network about the node itself: its ports, its public addresses, its certificates."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from ledger.duration import DAY_MS
from ledger.errors import CairnError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import PublicKey
from node.address import Address, parse_address
from node.client.dial import DialPolicy
from node.client.failures import UntrustedPeerError
from node.client.http import TransportError, get_bytes, is_loopback, parse_json
from node.client.ledger import LedgerClient
from node.client.pin import Expectation
from node.doctor.check import Check, Topic, fine, from_finding, problem, unknown, warning
from node.doctor.patient import ANSWER_SECONDS, START, Patient
from node.tls.modes import Listener, TLSMode, tls_mode
from node.tls.report import (
    URGENT_FILES_MS,
    WARN_FILES_MS,
    find_certificate_trouble,
    read_reports,
)

HTTPS_PORT = 443
MAX_HEALTH_BYTES = 64 * 1024
LISTENERS = ("http_listen", "grpc_listen", "metrics_listen", "registrar_listen")


def check_ports(patient: Patient) -> Iterator[Check]:
    """Whether each listener's port answers while the node runs, and is free while it does not."""
    for key in LISTENERS:
        text = getattr(patient.home.config, key, "")
        if not text:
            continue
        address = parse_address(text)
        if address.port == 0:
            yield fine(Topic.PORTS, f"{key}: any free port")
        elif patient.is_running:
            yield _check_answering(key, address)
        else:
            yield _check_free(key, address)


def _check_answering(key: str, address: Address) -> Check:
    # Whoever listens everywhere answers here, too.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    try:
        with socket.create_connection((host, address.port), timeout=ANSWER_SECONDS):
            return fine(Topic.PORTS, f"{key}: port {address.port} answers")
    except OSError as error:
        return problem(
            Topic.PORTS,
            f"{key}: port {address.port} does not answer",
            why=error.strerror or str(error),
            do="start the node again: node.toml may have been changed since its start",
        )


def _check_free(key: str, address: Address) -> Check:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
            return fine(Topic.PORTS, f"{key}: port {address.port} is free")
    except OSError as error:
        return problem(
            Topic.PORTS,
            f"{key}: {address.host}:{address.port} cannot be had",
            why=error.strerror or str(error),
            do=f"find out who has it (ss -ltnp 'sport = :{address.port}'), or set another {key} in node.toml",
        )


async def check_addresses(patient: Patient) -> list[Check]:
    """Whether the addresses that others are told lead to this node, as seen from this computer."""
    config = patient.home.config
    if patient.own is None:
        do = "cure what the ledger store says first"
        return [unknown(Topic.ADDRESSES, "which log they should lead to is not known", do=do)]
    told = [text for text in (config.http_url, config.grpc_address) if text]
    if not patient.is_running and told:
        return [unknown(Topic.ADDRESSES, f"whether {' and '.join(told)} lead here: the node does not run", do=START)]
    checks = []
    if config.http_url:
        pin = _http_pin(patient)
        checks.append(await _check_url(config.http_url, encode_log_id(patient.own.state.log_id), pin))
    if config.grpc_address:
        checks.append(await _check_grpc(patient, config.grpc_address))
    return [*checks, *_compare_with_charter(patient)] or [
        fine(Topic.ADDRESSES, "none are told; the node is reached where it listens")
    ]


async def _check_url(url: str, log: str, pin: bytes | None = None) -> Check:
    """Ask `/healthz` under a public URL.

    Args:
        url: without / at the end.
        log: text of the id that the node there must have.
        pin: SHA-256 of the certificate that the node made itself; None for one that authorities vouch for.
    """
    try:
        data = await get_bytes(f"{url}/healthz", max_bytes=MAX_HEALTH_BYTES, timeout_seconds=ANSWER_SECONDS, pin=pin)
        answer = parse_json(data, url)
    except CairnError as error:
        do = (
            "check DNS, the reverse proxy and its certificate; a router may keep this computer from its own public name"
        )
        if not isinstance(error, TransportError):
            do = error.hint or "give http_url the https address that wallets shall use"
        return problem(Topic.ADDRESSES, f"{url} does not lead here", why=str(error), do=do)
    found = answer.get("log") if isinstance(answer, dict) else None
    if found != log:
        why = "something else answers there" if found is None else f"the node there has log {found}"
        return problem(Topic.ADDRESSES, f"{url} leads elsewhere", why=why, do="check DNS and the reverse proxy")
    return fine(Topic.ADDRESSES, f"{url} leads here")


async def _check_grpc(patient: Patient, address: str) -> Check:
    assert patient.own is not None, "checked by the caller"
    # A certificate that a node made itself must be ours; another is for authorities to judge.
    expected = Expectation(frozenset(_own_keys(patient)), is_named=True)
    insecure = patient.home.config.insecure
    policy = DialPolicy(
        expect=lambda asked: expected, may_be_plain=lambda host: insecure or is_loopback(host), now=patient.clock
    )
    try:
        async with (
            asyncio.timeout(2 * ANSWER_SECONDS),
            LedgerClient(address, timeout_seconds=ANSWER_SECONDS, policy=policy) as client,
        ):
            (head,) = await client.heads([patient.own.state.log_id])
    except UntrustedPeerError as error:
        do = "check DNS and firewall: another node may answer there, or none of ours with TLS"
        return problem(Topic.ADDRESSES, f"{address} leads elsewhere", why=str(error), do=do)
    except (CairnError, TimeoutError) as error:
        do = "check DNS, firewall and reverse proxy; a router may keep this computer from its own public name"
        why = str(error) or "no answer in time"
        return problem(Topic.ADDRESSES, f"{address} does not answer over gRPC", why=why, do=do)
    if head.size < patient.own.state.size:
        why = f"it holds {head.size} of {patient.own.state.size} entries of this log"
        do = "check DNS and the reverse proxy"
        return problem(Topic.ADDRESSES, f"{address} leads to another node", why=why, do=do)
    return fine(Topic.ADDRESSES, f"{address} answers over gRPC and has this log")


def _own_keys(patient: Patient) -> Iterator[tuple[LogId, PublicKey]]:
    assert patient.own is not None, "checked by the caller"
    log = patient.own.state.log_id
    yield log, patient.own.state.log_key
    for network in patient.networks:
        standing = network.state.members.standing_of(log)
        if standing is not None and standing.witness is not None:
            yield log, standing.witness.key


def _compare_with_charter(patient: Patient) -> Iterator[Check]:
    """Peers read addresses from the ledger: what node.toml says is told to nobody."""
    assert patient.own is not None, "checked by the caller"
    config, state = patient.home.config, patient.own.state
    for key, ours, told in (
        ("http_url", config.http_url, state.url),
        ("grpc_address", config.grpc_address, state.grpc),
    ):
        if ours and told and ours != told:
            yield warning(
                Topic.ADDRESSES,
                f"{key} is {ours}, and the ledger tells others {told}",
                why="the charter was not amended when the address changed",
                do="ask the network's governors to amend the member entry, or set the old address again",
            )


async def check_certificates(patient: Patient) -> list[Check]:
    """The certificates on this computer, and the one that the public URL shows where something else speaks TLS for it."""
    topic, now = Topic.CERTIFICATES, patient.clock()
    checks = []
    for report in read_reports(patient.home.directory, patient.home.config):
        trouble = [from_finding(topic, finding) for finding in find_certificate_trouble(report, now)]
        days = 0 if report.not_after is None else (report.not_after - now) // DAY_MS
        kind = "made by the node itself" if report.mode is TLSMode.SELF_MADE else str(report.file)
        checks += trouble or [fine(topic, f"{report.listener}: good for {days} more days, {kind}")]
    parts = urlsplit(patient.home.config.http_url)
    if parts.scheme == "https" and parts.hostname and not _is_self_made(patient):
        where = parts.hostname, parts.port or HTTPS_PORT
        checks.append(await asyncio.to_thread(_check_certificate, *where, now))
    return checks or [fine(topic, "no listener and no public URL speaks TLS")]


def _is_self_made(patient: Patient) -> bool:
    return tls_mode(patient.home.config, Listener.HTTP) is TLSMode.SELF_MADE


def _http_pin(patient: Patient) -> bytes | None:
    if not _is_self_made(patient):
        return None
    reports = read_reports(patient.home.directory, patient.home.config)
    pairs = [report.pair for report in reports if report.listener is Listener.HTTP and report.pair is not None]
    return bytes.fromhex(pairs[0].fingerprint) if pairs else None


def _check_certificate(host: str, port: int, now: int) -> Check:
    topic, where = Topic.CERTIFICATES, f"{host}:{port}"
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_SECONDS) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        do = "renew the certificate, or give the listener its full chain"
        return problem(topic, f"the certificate at {where} is refused", why=error.verify_message, do=do)
    except OSError as error:
        why = error.strerror or str(error)
        do = "cure what is said about the addresses first"
        return unknown(topic, f"the certificate at {where} could not be seen", why=why, do=do)
    ends = shown.get("notAfter")
    left = 0 if not isinstance(ends, str) else int(ssl.cert_time_to_seconds(ends) * 1000) - now
    words = f"the certificate at {where} is good for {left // DAY_MS} more days"
    if left >= WARN_FILES_MS:
        return fine(topic, words)
    judge = problem if left < URGENT_FILES_MS else warning
    return judge(topic, words, why="its renewal failed", do="run the ACME client that renews it, and read what it says")
