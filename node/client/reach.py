"""How a command reaches a node's private listener: by its Unix socket, or from another computer by TLS.

A listener on another computer is known by its authority alone, which came with the invitation. Its address may be a tunnel
or change; a listener without a certificate of that authority is not answered.
"""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import aio

from ledger.errors import CairnError
from node import wire
from node.client.certificates import SERVER_NAME, encode_key
from node.client.failures import UnreachableError
from node.client.identity import Identity, Invitation, encode_certificate
from node.errors import NotAllowedError

PROBE_SECONDS = 5.0

_LOCAL_OPTIONS: Sequence[tuple[str, int]] = (("grpc.use_local_subchannel_pool", 1),)
_REMOTE_OPTIONS: Sequence[tuple[str, int | str]] = (
    *_LOCAL_OPTIONS,
    # The authority says which node it is; the address is only the way there.
    ("grpc.ssl_target_name_override", SERVER_NAME),
    # A proxy of this computer's browser has no business between a registrar and the node.
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """An open way to a private listener: what to call, what to name it in errors, what to do when nobody answers."""

    channel: aio.Channel
    where: str
    hint: str
    bearer: Identity | Invitation | None = None


def reach_socket(path: str) -> Reach:
    """By the Unix socket of a node on this computer; nothing is dialled yet."""
    channel = aio.insecure_channel(f"unix:{path}", options=_LOCAL_OPTIONS)
    return Reach(channel, path, "is the node running? `cairn-node run DIR`")


def reach_listener(bearer: Identity | Invitation) -> Reach:
    """By TLS, with the certificate of an identity or an invitation; nothing is dialled yet."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=encode_certificate(bearer.authority).encode("ascii"),
        private_key=encode_key(bearer.key),
        certificate_chain=encode_certificate(bearer.certificate).encode("ascii"),
    )
    channel = aio.secure_channel(bearer.address, credentials, options=_REMOTE_OPTIONS)
    hint = "is the node running, and may this computer reach that port?"
    return Reach(channel, bearer.address, hint, bearer)


@asynccontextmanager
async def translating(reach: Reach) -> AsyncIterator[None]:
    """Turn a failed call into the error that the node raised; of a call that reached nobody, find out why."""
    try:
        yield
    except aio.AioRpcError as error:
        raise await _decode(reach, error) from error


async def _decode(reach: Reach, error: aio.AioRpcError) -> CairnError:
    # Any: the typings describe metadata as a mapping; what comes is pairs.
    pairs: Any = error.trailing_metadata() or ()
    metadata = tuple((str(key), value) for key, value in pairs)
    decoded = wire.decode_error(error.code(), error.details() or "", metadata)
    if not isinstance(decoded, UnreachableError):
        return decoded
    if reach.bearer is not None and error.code() is grpc.StatusCode.UNAVAILABLE:
        refusal = await _probe(reach.bearer)
        if refusal is not None:
            return refusal
    return UnreachableError(f"{reach.where}: {decoded}", hint=reach.hint)


async def _probe(bearer: Identity | Invitation) -> CairnError | None:
    """Shake hands once more, to hear why the listener refuses; gRPC does not tell. None if that was not it."""
    host, _, port = bearer.address.rpartition(":")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(
                host.strip("[]"),
                int(port),
                ssl=_context(bearer.authority, bearer.certificate, bearer.key),
                server_hostname=SERVER_NAME,
            )
            try:
                # The listener judges the client's certificate last; its answer comes where data would.
                await reader.read(1)
            finally:
                writer.close()
    except ssl.SSLCertVerificationError as error:
        return NotAllowedError(
            f"{bearer.address}: is not the node that invited you: {error.verify_message}",
            hint="ask its operator whether the address or the node has changed",
        )
    except ssl.SSLError as error:
        reason = (error.reason or "refused").lower().replace("_", " ").partition("alert ")
        return NotAllowedError(
            f"{bearer.address}: refuses this computer's certificate: {reason[2] or reason[0]}",
            hint="ask the node's operator for a new invitation",
        )
    except (OSError, TimeoutError, ValueError):
        return None
    return None


def _context(
    authority: x509.Certificate, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=encode_certificate(authority))
    # OpenSSL wants a file; it is 0600 from its first byte, and gone at once.
    with tempfile.NamedTemporaryFile(prefix="cairn-") as file:
        file.write(encode_key(key) + encode_certificate(certificate).encode("ascii"))
        file.flush()
        context.load_cert_chain(file.name)
    return context
