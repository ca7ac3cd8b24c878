"""What a value in `node.toml` must be: one check for each kind, which returns the value as the program uses it.

A check raises `RefusedError`, or `MalformedError` where it parses; the file and the key are added by `node.config`.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from node.address import Address, parse_address
from node.logs import LogFormat
from node.registrar.learners.schedule import parse_row
from node.tls.modes import TLSMode


class RefusedError(Exception):
    """Why a value is refused; `node.config.parse_config` adds the file and the key."""


def name(value: Any) -> str:  # Any here and below: what TOML gave, before it is checked
    """A name for people: 1 to 200 printable characters."""
    words = text(value)
    if not words or words != words.strip() or len(words) > 200 or not words.isprintable():
        raise RefusedError("expected 1 to 200 printable characters without a space at either end")
    return words


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise RefusedError(f"expected text in quotes, got {value!r}")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise RefusedError(f"expected true or false, got {value!r}")
    return value


def choice(*choices: str) -> Callable[[Any], str]:
    """One of these words."""

    def check(value: Any) -> str:
        if value not in choices:
            raise RefusedError(f"expected one of {', '.join(choices)}, got {value!r}")
        return text(value)

    return check


def log_format(value: Any) -> LogFormat:
    """How log lines are written."""
    return LogFormat(choice(*(item.value for item in LogFormat))(value))


def tls_mode(value: Any) -> TLSMode:
    """Where a certificate comes from."""
    return TLSMode(choice(*(item.value for item in TLSMode))(value))


def whole(minimum: int, maximum: int) -> Callable[[Any], int]:
    """A whole number from `minimum` to `maximum`."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise RefusedError(f"expected a whole number from {minimum} to {maximum}, got {value!r}")
        return value

    return check


def address(value: Any) -> str:
    """HOST:PORT to listen on."""
    parse_address(words := text(value))
    return words


def optional_address(value: Any) -> str:
    """Empty, or `HOST:PORT` to listen at."""
    return address(value) if value != "" else ""


def private_address(value: Any) -> str:
    """HOST:PORT on this computer, or nothing."""
    words = text(value)
    if words and not parse_address(words).is_loopback:
        raise RefusedError(
            "it must be on this computer, such as 127.0.0.1:8472: what is told there is for the operator alone"
        )
    return words


def public_address(value: Any) -> str:
    """HOST:PORT that others can dial, or nothing."""
    words = text(value)
    if words and parse_address(words).port == 0:
        raise RefusedError("port 0 means any free port, so nobody else could dial it")
    return words


def public_url(value: Any) -> str:
    """An http or https URL without / at the end, or nothing."""
    words = text(value)
    if not words:
        return words
    parts = urlsplit(words)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    if not is_web or parts.query or parts.fragment or words.endswith("/"):
        raise RefusedError(f"expected http:// or https:// and a host, without / at the end, got {value!r}")
    return words


def collector_url(value: Any) -> str:
    """An https URL, or http to this computer, or nothing."""
    words = public_url(value)
    parts = urlsplit(words)
    if parts.scheme == "http" and not Address(parts.hostname or "", 0).is_loopback:
        raise RefusedError("http:// is not encrypted: use https://, or a collector on this computer")
    return words


def texts(check: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    """A list of texts, each once."""

    def check_all(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise RefusedError(f"expected a list in square brackets, got {value!r}")
        texts = tuple(check(item) for item in value)
        if len(set(texts)) != len(texts):
            raise RefusedError("the same value stands in the list twice")
        return texts

    return check_all


def peer(value: Any) -> str:
    """HOST:PORT of another node."""
    if not value:
        raise RefusedError("an address is empty")
    return public_address(value)


def path(value: Any) -> str:
    """Path of a file."""
    words = text(value)
    if not words or "\0" in words:
        raise RefusedError("expected the path of a file")
    return words


def optional_path(value: Any) -> str:
    """Path of a file, or nothing."""
    return path(value) if value != "" else ""


def retention_row(value: Any) -> str:
    """A row of the retention table."""
    return parse_row(text(value)).text


def database_url(value: Any) -> str:
    """A PostgreSQL URL without a password, or nothing."""
    words = text(value)
    if not words:
        return words
    parts = urlsplit(words)
    if parts.scheme != "postgresql+psycopg" or not parts.path.strip("/"):
        raise RefusedError("expected postgresql+psycopg://USER@HOST/DATABASE, or nothing for a file beside this one")
    if parts.password is not None or "password=" in parts.query:
        raise RefusedError("holds a password; put it into the file that PGPASSFILE names, mode 0600")
    return words
