"""Where a node listens when only its public addresses are known."""

from urllib.parse import urlsplit

from node.config import Address


def listen_where(url: str, default: str) -> str:
    """A URL of this computer tells where to listen; any other stands for a reverse proxy in front of the node.

    Args:
        url: public URL, or "//HOST:PORT".
        default: "HOST:PORT" to listen on behind a proxy.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "http") and parts.hostname and parts.port:
        address = Address(parts.hostname, parts.port)
        if address.is_loopback:
            return parts.netloc
    return default
