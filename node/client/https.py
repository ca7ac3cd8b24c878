"""What stands between a wallet and an https listener: certificates that nodes make themselves, and failures in words."""

import asyncio
import ssl
import time
from urllib.parse import urlsplit

import aiohttp

from ledger.log.policy import TrustRoot
from node.client.handshake import describe_os_error, describe_tls_error, is_plain_text, look
from node.client.pin import Expectation, verify_pin

HANDSHAKE_SECONDS = 10.0


def expect_trust_root(trust: TrustRoot) -> Expectation:
    """Who may vouch for a node as far as a trust root tells: the network's log key and its witnesses."""
    keys = {(trust.network, trust.log_key), *((witness.log, witness.key.key) for witness in trust.witnesses)}
    return Expectation(frozenset(keys), is_named=True)


async def find_pin(url: str, trust: TrustRoot) -> bytes | None:
    """The fingerprint of a self-made certificate that an institution of the trust root vouches for; see `find_pin_of`."""
    return await find_pin_of(url, expect_trust_root(trust))


async def find_pin_of(url: str, expected: Expectation) -> bytes | None:
    """The fingerprint of a self-made certificate that one of those expected vouches for.

    None where the certificate carries no voucher, so that the usual authorities judge it, and where nobody speaks TLS, which
    the request itself will tell.

    Raises:
        UntrustedPeerError: it carries a voucher, and nobody who is expected stands behind it; or it has ended.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            certificate = await look(parts.netloc, parts.hostname, parts.port or 443, "http/1.1")
    except TimeoutError:
        return None
    if certificate is None or certificate.voucher is None:
        return None
    verify_pin(certificate, expected, time.time_ns() // 1_000_000, parts.netloc)
    return certificate.fingerprint


def describe_failure(url: str, error: aiohttp.ClientError | OSError) -> tuple[str, str]:
    """What went wrong on the way to a server, and what to do: message and hint."""
    host = urlsplit(url).netloc
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _describe_refusal(host, error.certificate_error)
    if isinstance(error, aiohttp.ServerFingerprintMismatch):
        return f"{host} shows another certificate than a moment ago", "try again; if it stays so, try another node"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        inner = error.os_error
        if isinstance(inner, ssl.SSLError) and is_plain_text(inner):
            return f"{host} answers without TLS", "its operator has to turn TLS on; nothing was sent"
        reason = describe_tls_error(inner) if isinstance(inner, ssl.SSLError) else str(inner)
        return f"{host} cannot be reached: the TLS handshake failed: {reason}", "try another node"
    if isinstance(error, aiohttp.ServerDisconnectedError) and url.startswith("http://"):
        return f"{host} hung up without an answer", "if the node speaks TLS, its address begins with https://"
    reason = describe_os_error(error.os_error) if isinstance(error, aiohttp.ClientConnectorError) else str(error)
    return f"{host} cannot be reached: {reason}", "check the address and the network, or try another node"


def _describe_refusal(host: str, error: Exception) -> tuple[str, str]:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{host}: its certificate is not trusted: {error}", "try another node"
    message = f"{host}: its certificate is not trusted: {describe_tls_error(error)}"
    if "expired" in error.verify_message or "not yet valid" in error.verify_message:
        return message, "its operator has to renew it, or this computer's clock is wrong; nothing was sent"
    if "mismatch" in error.verify_message:
        return message, "the address may be misspelt, or its operator has to get a certificate for this name"
    return message, (
        "no authority this computer knows signed it. A node's own certificate is accepted by cairn sync with the trust "
        "root of its network; for anything else its operator needs one of an authority"
    )
