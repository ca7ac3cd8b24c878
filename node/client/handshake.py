"""TLS handshakes for their certificate alone: nothing is said afterwards."""

import asyncio
import os
import socket
import ssl

from ledger.errors import MalformedError
from node.client.failures import UnreachableError, UntrustedPeerError
from node.client.pin import PeerCertificate, parse_certificate

# How OpenSSL names the first bytes of something that is not TLS.
_PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "PACKET_LENGTH_TOO_LONG"})


async def look(address: str, host: str, port: int, protocol: str) -> PeerCertificate | None:
    """The certificate somebody shows, unproven; None where plain text is spoken.

    Args:
        address: what to call the place in errors.
        host: to connect to.
        port: there.
        protocol: offered by ALPN, such as "h2".

    Raises:
        UntrustedPeerError: the handshake failed, or the certificate cannot be read.
        UnreachableError: nobody is there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return await shake_hands(host, port, context, protocol)
    except ssl.SSLError as error:
        # A server of plain text may also just hang up on what it does not understand.
        if is_plain_text(error) or isinstance(error, ssl.SSLEOFError):
            return None
        raise UntrustedPeerError(f"{address}: the TLS handshake failed: {describe_tls_error(error)}") from error
    except ConnectionResetError:
        return None
    except OSError as error:
        raise UnreachableError(f"{address}: cannot be reached: {describe_os_error(error)}") from error
    except MalformedError as error:
        raise UntrustedPeerError(f"{address}: {error}") from error


async def shake_hands(host: str, port: int, context: ssl.SSLContext, protocol: str) -> PeerCertificate:
    """Shake hands under a context's rules, TLS 1.2 or newer; gives what the other side showed, and hangs up.

    Raises:
        OSError: as ssl.SSLError where the handshake fails, as ssl.SSLCertVerificationError where the rules refuse.
        MalformedError: the certificate cannot be read.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([protocol])
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return parse_certificate(der or b"")
    finally:
        writer.transport.abort()


def is_plain_text(error: ssl.SSLError) -> bool:
    """Whether a handshake failed because the other side spoke plain text."""
    return error.reason in _PLAIN_TEXT


def describe_tls_error(error: ssl.SSLError) -> str:
    """What OpenSSL found, without its file names and numbers."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".").lower() or "it cannot be verified"
    return (error.reason or str(error)).replace("_", " ").lower()


def describe_os_error(error: OSError) -> str:
    """Why a connection failed; asyncio's own text names the address once more and not the reason."""
    if isinstance(error, socket.gaierror) or error.errno is None or error.errno <= 0:
        return error.strerror or str(error)
    return os.strerror(error.errno).lower()
