"""`HOST:PORT`: where a node listens, or is dialled."""

import ipaddress
from dataclasses import dataclass

from ledger.errors import MalformedError


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or to dial: a host name or IP address, and a port (0: any free one)."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`; an IPv6 address stands in square brackets, as in `[::1]:8471`.

    Raises:
        MalformedError: there is no port from 0 to 65535, or no host.
    """
    host, separator, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        separator = ""
    if not separator or not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise MalformedError(f"expected HOST:PORT, got {text!r}")
    return Address(host, int(port))
