"""The values `node.toml` may hold: a check for each kind, which gives the value back or says why it is refused."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ledger.errors import MalformedError
from node.logs import LogFormat
from node.tls.modes import TLSMode


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


class RefusedValue(Exception):
    """Why a value is refused; `node.config.parse_config` adds the file and the key."""


def check_name(value: Any) -> str:  # Any here and below: what TOML gave, before it is checked
    """1 to 200 printable characters."""
    text = check_text(value)
    if not text or text != text.strip() or len(text) > 200 or not text.isprintable():
        raise RefusedValue("expected 1 to 200 printable characters without a space at either end")
    return text


def check_text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise RefusedValue(f"expected text in quotes, got {value!r}")
    return value


def check_flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise RefusedValue(f"expected true or false, got {value!r}")
    return value


def check_choice(*choices: str) -> Callable[[Any], str]:
    """One of these."""

    def check(value: Any) -> str:
        if value not in choices:
            raise RefusedValue(f"expected one of {', '.join(choices)}, got {value!r}")
        return check_text(value)

    return check


def check_log_format(value: Any) -> LogFormat:
    """How log lines are written."""
    return LogFormat(check_choice(*(item.value for item in LogFormat))(value))


def check_tls_mode(value: Any) -> TLSMode:
    """Where a listener has its certificate from."""
    return TLSMode(check_choice(*(item.value for item in TLSMode))(value))


def check_whole(minimum: int, maximum: int) -> Callable[[Any], int]:
    """A whole number, both ends included."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise RefusedValue(f"expected a whole number from {minimum} to {maximum}, got {value!r}")
        return value

    return check


def check_address(value: Any) -> str:
    """HOST:PORT to listen on."""
    parse_address(text := check_text(value))
    return text


def check_public_address(value: Any) -> str:
    """HOST:PORT that others dial; empty for none."""
    text = check_text(value)
    if text and parse_address(text).port == 0:
        raise RefusedValue("port 0 means any free port, so nobody else could dial it")
    return text


def check_public_url(value: Any) -> str:
    """A URL that others use; empty for none."""
    text = check_text(value)
    if not text:
        return text
    parts = urlsplit(text)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    if not is_web or parts.query or parts.fragment or text.endswith("/"):
        raise RefusedValue(f"expected http:// or https:// and a host, without / at the end, got {value!r}")
    return text


def check_texts(check: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    """A list of values of one kind, none of them twice."""

    def check_all(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise RefusedValue(f"expected a list in square brackets, got {value!r}")
        texts = tuple(check(item) for item in value)
        if len(set(texts)) != len(texts):
            raise RefusedValue("the same value stands in the list twice")
        return texts

    return check_all


def check_peer(value: Any) -> str:
    """HOST:PORT of another node."""
    if not value:
        raise RefusedValue("an address is empty")
    return check_public_address(value)


def check_path(value: Any) -> str:
    """The path of a file."""
    text = check_text(value)
    if not text or "\0" in text:
        raise RefusedValue("expected the path of a file")
    return text


def or_empty(check: Callable[[Any], str]) -> Callable[[Any], str]:
    """Empty, or what another check takes."""
    return lambda value: check(value) if value != "" else ""


def check_database_url(value: Any) -> str:
    """Where the PostgreSQL database is, without a password; empty for none."""
    text = check_text(value)
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme != "postgresql+psycopg" or not parts.path.strip("/"):
        raise RefusedValue("expected postgresql+psycopg://USER@HOST/DATABASE, or nothing for a file beside this one")
    if parts.password is not None or "password=" in parts.query:
        raise RefusedValue("holds a password; put it into the file that PGPASSFILE names, mode 0600")
    return text
