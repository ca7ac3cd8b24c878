"""How many calls one caller may have under way, so that one that takes nothing leaves room for the others.

A caller is an IP address, an IPv6 one as its whole /64. Behind a reverse proxy everybody has the proxy's address and shares
a quarter of the node; telling callers apart is the proxy's business then. The private socket has one caller, the school's own
staff, who is not counted.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from node.errors import BusyError

MAX_CALLS = 64


class Callers:
    """Counts calls by caller. Used in one event loop."""

    def __init__(self, limit: int = MAX_CALLS) -> None:
        """Allow each caller `limit` calls at a time."""
        self._limit = limit
        self._calls: Counter[str] = Counter()

    @contextmanager
    def hold(self, peer: str) -> Iterator[None]:
        """Count one call while it is under way.

        Args:
            peer: as gRPC tells it: "ipv4:1.2.3.4:50", "ipv6:%5B::1%5D:50", "unix:…".

        Raises:
            BusyError: this caller has too many.
        """
        caller = name_caller(peer)
        if not caller:
            yield
            return
        if self._calls[caller] >= self._limit:
            raise BusyError(f"call: {self._limit} calls of this address are under way", hint="wait for some to end")
        self._calls[caller] += 1
        try:
            yield
        finally:
            self._calls[caller] -= 1
            if not self._calls[caller]:
                del self._calls[caller]


def name_caller(peer: str) -> str:
    """The caller's address without its port, IPv6 as a /64; empty for the private socket."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    host = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
