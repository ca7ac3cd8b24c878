"""Where a new node listens and with which certificates, from the addresses under which others shall reach it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from node.address import Address, parse_address
from node.tls.modes import TLSMode

HTTP_HERE = "127.0.0.1:8470"
GRPC_HERE = "127.0.0.1:8471"
GRPC_PORT = 8471
HTTPS_PORT = 443
EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class ListenPlan:
    """HOST:PORT of both listeners, the public gRPC address, and the certificate of gRPC."""

    http_listen: str
    grpc_listen: str
    grpc_address: str
    grpc_tls: TLSMode


def plan_listeners(http_url: str, grpc_address: str, *, has_certificate: bool, insecure: bool = False) -> ListenPlan:
    """What makes the public addresses work with as little as possible to be decided.

    - An address of this computer is listened on as it stands.
    - https elsewhere: on every interface if there are certificate files, else on loopback, for a reverse proxy before it.
    - gRPC elsewhere: on every interface with a certificate the node makes itself, which peers check by the ledger; on
      loopback for port 443, which is a reverse proxy's, and with `insecure`, where nothing is opened without being asked.
    - Without a gRPC address it is the HTTP host's, on port 8471.

    Raises:
        MalformedError: the gRPC address is not HOST:PORT.
    """
    url = urlsplit(http_url)
    host = url.hostname or "localhost"
    if not grpc_address:
        is_here = Address(host, 0).is_loopback
        grpc_address = GRPC_HERE if is_here else f"{f'[{host}]' if ':' in host else host}:{GRPC_PORT}"
    grpc = parse_address(grpc_address)
    http_listen = HTTP_HERE
    if url.scheme == "http" and url.port and Address(host, url.port).is_loopback:
        http_listen = url.netloc
    elif has_certificate:
        http_listen = f"{EVERYWHERE}:{url.port or HTTPS_PORT}"
    if grpc.is_loopback:
        return ListenPlan(http_listen, grpc_address, grpc_address, TLSMode.AUTO)
    if grpc.port == HTTPS_PORT or insecure:
        return ListenPlan(http_listen, GRPC_HERE, grpc_address, TLSMode.OFF if has_certificate else TLSMode.AUTO)
    return ListenPlan(http_listen, f"{EVERYWHERE}:{grpc.port}", grpc_address, TLSMode.SELF_MADE)
