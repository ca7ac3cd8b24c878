"""TLS of gRPC listeners: a certificate that can be replaced while the server runs."""

from collections.abc import Callable
from typing import Protocol

import grpc
from grpc import aio

from ledger.errors import CairnError


class ServerCertificate(Protocol):
    """What a listener shows and signs with, both PEM."""

    @property
    def chain(self) -> bytes:
        """Certificates, the listener's own first."""
        ...

    @property
    def key(self) -> bytes:
        """The private key."""
        ...


def listen_secure(server: aio.Server, address: str, current: Callable[[], ServerCertificate]) -> int:
    """Bind "host:port" (port 0: any free one) with TLS 1.2 or newer; gives the port.

    Args:
        server: not started yet.
        address: where to listen.
        current: gives the certificate to show; asked for each connection, from threads of gRPC's own.

    Raises:
        CairnError: the address cannot be bound.
    """
    shown = current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        newest = current()
        if newest is shown:
            return None
        shown = newest
        return _configure(newest)

    # The typings leave out that None, "as before", may be returned (grpc's own documentation).
    credentials = grpc.dynamic_ssl_server_credentials(_configure(shown), fetch)  # type: ignore[arg-type]
    try:
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise CairnError(f"{address}: cannot listen: {error}", hint="another program may use this port") from error


def _configure(certificate: ServerCertificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(certificate.key, certificate.chain)])
