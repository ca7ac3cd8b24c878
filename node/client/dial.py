"""Dialling another node: TLS first, whom it belongs to second, the call last.

What a node's address tells is HOST:PORT and nothing about TLS, so the certificate is looked at before anything is said:

1. TLS is tried. Whoever answers in plain text is talked to in plain text only where `may_be_plain` says so: on this
   computer, and everywhere if the operator set `insecure`. Otherwise the dial ends with words.
2. A certificate with a voucher is judged by the ledger (`node.client.pin`), and by nothing else: an authority's word does
   not help a voucher that fails.
3. A certificate without one is judged by the usual authorities (`SSL_CERT_FILE` adds a private one), its end and the host
   name dialled, unless the operator accepts vouchers alone.
4. gRPC then gets exactly this certificate as its only root: what answers there must have its key. A renewed one fails, and is
   looked at anew.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
from grpc import aio

from ledger.log.identity import LogId
from node.client.failures import UnreachableError, UntrustedPeerError
from node.client.handshake import describe_os_error, describe_tls_error, look, shake_hands
from node.client.http import is_loopback
from node.client.pin import (
    ANYBODY,
    TLS_NAME,
    Expect,
    Expectation,
    PeerCertificate,
    check_validity,
    verify_pin,
)

HANDSHAKE_SECONDS = 10.0
"""How long one look at a certificate may take; the deadline of the call may be shorter."""

H2 = "h2"
"""How gRPC introduces itself in a handshake."""

Options = Sequence[tuple[str, int | str]]


_log = logging.getLogger(__name__)


def _anybody(address: str) -> Expectation:
    return ANYBODY


def _system_now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DialPolicy:
    """What this node demands of those it dials.

    Attributes:
        expect: who should answer at an address.
        may_be_plain: given the host; whether it may be talked to without TLS.
        accepts_authorities: whether a certificate without a voucher can do.
        authorities: makes the context that verifies those.
        judged_for_seconds: how long a line is used before it is compared with the ledger again, which costs a look at every
            member.
        now: Unix milliseconds.
    """

    expect: Expect = _anybody
    may_be_plain: Callable[[str], bool] = is_loopback
    accepts_authorities: bool = True
    authorities: Callable[[], ssl.SSLContext] = ssl.create_default_context
    judged_for_seconds: float = 60.0
    now: Callable[[], int] = _system_now


@dataclass(frozen=True, slots=True)
class Line:
    """An open way to one node.

    Attributes:
        channel: for gRPC; closed by whoever opened the line.
        certificate: that of the other side; None in plain text.
        expected: under which it was judged.
        log: whose node it is, where a voucher told.
    """

    channel: aio.Channel
    certificate: PeerCertificate | None
    expected: Expectation
    log: LogId | None


async def open_line(address: str, policy: DialPolicy, options: Options, timeout_seconds: float) -> Line:
    """Look who answers at "host:port", and prepare to call them.

    Raises:
        UntrustedPeerError: somebody else than expected, or plain text where that is not allowed.
        UnreachableError: nobody, or not in time.
    """
    host, port = _split(address)
    expected = policy.expect(address)
    try:
        async with asyncio.timeout(min(timeout_seconds, HANDSHAKE_SECONDS)):
            certificate = await look(address, host, port, H2)
            if certificate is None:
                return _plain(address, host, policy, expected, options)
            if certificate.voucher is None:
                certificate = await _look_verified(address, host, port, certificate, policy)
    except TimeoutError as error:
        raise UnreachableError(f"{address}: no answer to the TLS handshake in time") from error
    log = None if certificate.voucher is None else verify_pin(certificate, expected, policy.now(), address)
    # A voucher is of an institution and not of a host, so its certificate has one name everywhere.
    named: Options = () if log is None else (("grpc.ssl_target_name_override", TLS_NAME),)
    credentials = grpc.ssl_channel_credentials(root_certificates=certificate.pem)
    channel = aio.secure_channel(address, credentials, options=[*options, *named])
    return Line(channel, certificate, expected, log)


def judge_again(line: Line, address: str, policy: DialPolicy) -> Line:
    """The line as it stands now that the ledger may name somebody else there; the same if nothing changed.

    Raises:
        UntrustedPeerError: it is not who is expected any more, or its certificate has ended.
    """
    expected = policy.expect(address)
    if line.certificate is None or line.certificate.voucher is None or expected == line.expected:
        return line
    log = verify_pin(line.certificate, expected, policy.now(), address)
    return Line(line.channel, line.certificate, expected, log)


def _plain(address: str, host: str, policy: DialPolicy, expected: Expectation, options: Options) -> Line:
    if not policy.may_be_plain(host):
        raise UntrustedPeerError(
            f"{address}: answers without TLS, so anybody could stand between",
            hint="its operator has to turn TLS on (docs/tls.md); insecure = true in node.toml here does without",
        )
    if not is_loopback(host):
        _log.warning("peer called without TLS, since insecure = true", extra={"peer": address})
    return Line(aio.insecure_channel(address, options=list(options)), None, expected, None)


async def _look_verified(
    address: str, host: str, port: int, seen: PeerCertificate, policy: DialPolicy
) -> PeerCertificate:
    """The certificate shown to a client that verifies it by the usual authorities and the host name."""
    if not policy.accepts_authorities:
        raise UntrustedPeerError(
            f"{address}: its certificate carries no voucher of an institution",
            hint='its operator sets grpc_tls = "self-made"; or accept_authorities = true in node.toml here',
        )
    check_validity(seen, policy.now(), address)
    try:
        return await shake_hands(host, port, policy.authorities(), H2)
    except ssl.SSLCertVerificationError as error:
        raise UntrustedPeerError(
            f"{address}: its certificate is not trusted: {describe_tls_error(error)}",
            hint="it carries no voucher of an institution, so an authority that this computer knows must have signed it",
        ) from error
    except OSError as error:
        raise UnreachableError(f"{address}: cannot be reached: {describe_os_error(error)}") from error


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UnreachableError(f"{address}: is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
