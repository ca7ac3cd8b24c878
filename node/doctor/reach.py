"""What can be looked at over the network about the node itself: its ports, its public addresses, its certificates."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from ledger.errors import CairnError
from ledger.log.identity import encode_log_id
from node.client.http import TransportError, get_json
from node.client.ledger import TLS_PORT, LedgerClient
from node.config import Address, NodeConfig, parse_address
from node.doctor.check import Check, Topic, fine, problem, unknown, warning
from node.doctor.patient import ANSWER_SECONDS, START, Patient
from node.health import CERTIFICATE_PROBLEM_MS, CERTIFICATE_WARNING_MS

DAY_MS = 86_400_000
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
        checks.append(await _check_url(config.http_url, encode_log_id(patient.own.state.log_id)))
    if config.grpc_address:
        checks.append(await _check_grpc(patient, config.grpc_address))
    return [*checks, *_compare_with_charter(patient)] or [
        fine(Topic.ADDRESSES, "none are told; the node is reached where it listens")
    ]


async def _check_url(url: str, log: str) -> Check:
    try:
        answer = await get_json(f"{url}/healthz", max_bytes=MAX_HEALTH_BYTES, timeout_seconds=ANSWER_SECONDS)
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
    try:
        async with asyncio.timeout(2 * ANSWER_SECONDS), LedgerClient(address, timeout_seconds=ANSWER_SECONDS) as client:
            (head,) = await client.heads([patient.own.state.log_id])
    except (CairnError, TimeoutError) as error:
        do = "check DNS, firewall and reverse proxy; a router may keep this computer from its own public name"
        why = str(error) or "no answer in time"
        return problem(Topic.ADDRESSES, f"{address} does not answer over gRPC", why=why, do=do)
    if head.size < patient.own.state.size:
        why = f"it holds {head.size} of {patient.own.state.size} entries of this log"
        do = "check DNS and the reverse proxy"
        return problem(Topic.ADDRESSES, f"{address} leads to another node", why=why, do=do)
    return fine(Topic.ADDRESSES, f"{address} answers over gRPC and has this log")


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
    """How long the certificates that the public addresses show are good."""
    places = list(_tls_places(patient.home.config))
    if not places:
        return [fine(Topic.CERTIFICATES, "no public address with TLS is told")]
    now = patient.clock()
    return [await asyncio.to_thread(_check_certificate, host, port, now) for host, port in places]


def _tls_places(config: NodeConfig) -> Iterator[tuple[str, int]]:
    parts = urlsplit(config.http_url)
    if parts.scheme == "https" and parts.hostname:
        yield parts.hostname, parts.port or 443
    if config.grpc_address.endswith(TLS_PORT):
        address = parse_address(config.grpc_address)
        yield address.host, address.port


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
    if left >= CERTIFICATE_WARNING_MS:
        return fine(topic, words)
    judge = problem if left < CERTIFICATE_PROBLEM_MS else warning
    return judge(topic, words, why="its renewal failed", do="run the ACME client that renews it, and read what it says")
