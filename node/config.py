"""`node.toml`: what one node's operator decides, as a frozen value.

Every key is one field of `NodeConfig`, with its unit in the name and its meaning beside it; `render_config` writes the
same words into the file, so the file explains itself. What a verifier trusts is not configuration: that is a trust
root file, named here by `networks` and parsed by `ledger.log.policy`. Secrets are files of their own, under `keys/`.
"""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import MalformedError
from node import configvalue
from node.address import Address, parse_address
from node.logs import LogFormat
from node.registrar.people.roles import ACTS
from node.tls.modes import TLSMode, check_listeners
from node.witnessurls import check_witness_url

MAX_CONFIG_BYTES = 256 * 1024
FILE_NAME = "node.toml"

_LOG_LEVELS = ("debug", "info", "warning", "error")


def _about(comment: str, check: Callable[[Any], Any]) -> dict[str, Any]:
    """What belongs to a configuration key: the sentence that stands above it in the file, and its check."""
    return {"comment": comment, "check": check}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Everything one node's operator decides; paths that do not begin with / are relative to the node's directory."""

    name: str = field(metadata=_about("What people call this node. Required.", configvalue.name))
    http_listen: str = field(
        default="127.0.0.1:8470",
        metadata=_about(
            "HOST:PORT for HTTP: tiles, bodies, claims, /healthz. Port 0 takes any free port. Behind a reverse proxy "
            "all callers share one limit on claims, 20 a second: let the proxy limit each.",
            configvalue.address,
        ),
    )
    grpc_listen: str = field(
        default="127.0.0.1:8471",
        metadata=_about("HOST:PORT for gRPC between nodes. Port 0 takes any free port.", configvalue.address),
    )
    http_url: str = field(
        default="",
        metadata=_about(
            "URL under which others reach http_listen, without / at the end. Empty: http:// and where it listens.",
            configvalue.public_url,
        ),
    )
    grpc_address: str = field(
        default="",
        metadata=_about(
            "HOST:PORT under which other nodes reach grpc_listen. Empty: where it listens.", configvalue.public_address
        ),
    )
    tls_certificate: str = field(
        default="",
        metadata=_about("PEM file of the listeners' certificate, full chain. Empty: none.", configvalue.optional_path),
    )
    tls_key: str = field(
        default="", metadata=_about("PEM file of its key, mode 0600 or 0640.", configvalue.optional_path)
    )
    http_tls: TLSMode = field(
        default=TLSMode.AUTO,
        metadata=_about("auto (files, if tls_certificate names one), files, self-made or off.", configvalue.tls_mode),
    )
    grpc_tls: TLSMode = field(
        default=TLSMode.AUTO,
        metadata=_about(
            "auto (files if named, else self-made beyond this computer), files, self-made or off.", configvalue.tls_mode
        ),
    )
    accept_authorities: bool = field(
        default=True,
        metadata=_about(
            "false talks only to peers whose certificate their institution's keys vouch for.", configvalue.flag
        ),
    )
    insecure: bool = field(
        default=False,
        metadata=_about(
            "true allows listening beyond this computer, and calling peers there, without TLS, where claims can be read.",
            configvalue.flag,
        ),
    )
    registrar_socket: str = field(
        default="",
        metadata=_about(
            "Unix socket of the private listener. Empty: registrar.sock beside this file, or as registrar.path says.",
            configvalue.optional_path,
        ),
    )
    registrar_group: str = field(
        default="",
        metadata=_about(
            "Group that may use the private listener. Empty: the group of the node's process.", configvalue.text
        ),
    )
    metrics_listen: str = field(
        default="",
        metadata=_about(
            "HOST:PORT of this computer for /metrics, as Prometheus asks it. Empty: only the Unix socket beside the "
            "private listener, registrar.metrics.",
            configvalue.private_address,
        ),
    )
    otlp_endpoint: str = field(
        default="",
        metadata=_about(
            "URL of an OpenTelemetry collector's OTLP/gRPC listener, for durations of calls and cuts; needs the extra "
            "otel. Plain http:// only on this computer. Empty: nothing is sent.",
            configvalue.collector_url,
        ),
    )
    registrar_database: str = field(
        default="",
        metadata=_about(
            "PostgreSQL for the registrar's database: postgresql+psycopg://USER@HOST/DATABASE, no password (PGPASSFILE). "
            "Empty: the file registrar.db beside this one.",
            configvalue.database_url,
        ),
    )
    registrar_listen: str = field(
        default="",
        metadata=_about(
            "HOST:PORT for registrars at other computers, always with TLS. Empty: none.", configvalue.optional_address
        ),
    )
    registrar_address: str = field(
        default="",
        metadata=_about("HOST:PORT under which they reach it. Empty: where it listens.", configvalue.public_address),
    )
    registrar_certificate_days: int = field(
        default=90, metadata=_about("Days a registrar's certificate is good; use renews it.", configvalue.whole(1, 825))
    )
    four_eyes: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            f"Acts that need a second person's approval: {', '.join(ACTS)}.",
            configvalue.texts(configvalue.choice(*ACTS)),
        ),
    )
    log_format: LogFormat = field(
        default=LogFormat.LOGFMT, metadata=_about("logfmt for people or json for collectors.", configvalue.log_format)
    )
    log_level: str = field(
        default="info", metadata=_about(f"One of {', '.join(_LOG_LEVELS)}.", configvalue.choice(*_LOG_LEVELS))
    )
    peers: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            "gRPC addresses (HOST:PORT) to follow beside the members of the networks.",
            configvalue.texts(configvalue.peer),
        ),
    )
    networks: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            "Trust root files of the networks this node belongs to or follows.", configvalue.texts(configvalue.path)
        ),
    )
    follow_interval_seconds: int = field(
        default=60,
        metadata=_about(
            "Seconds between two looks at a quiet peer; news is told at once.", configvalue.whole(1, 86_400)
        ),
    )
    peer_timeout_seconds: int = field(
        default=30, metadata=_about("Seconds a peer may take for one answer.", configvalue.whole(1, 3_600))
    )
    daily_quota_mebibytes: int = field(
        default=64,
        metadata=_about(
            "MiB one log may grow in a day before its follower waits for the next.", configvalue.whole(1, 1_048_576)
        ),
    )
    witness_timeout_seconds: int = field(
        default=10, metadata=_about("Seconds one witness may take to cosign a checkpoint.", configvalue.whole(1, 3_600))
    )
    witness_urls: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            'Witnesses that only speak HTTP, as "NAME URL": the name of the key, and what stands before /add-checkpoint.',
            configvalue.texts(check_witness_url),
        ),
    )
    cut_timeout_seconds: int = field(
        default=60,
        metadata=_about(
            "Seconds a cut waits for its quorum before it goes on and asks again.", configvalue.whole(1, 86_400)
        ),
    )
    offer_lifetime_days: int = field(
        default=30, metadata=_about("Days a claim link can be used.", configvalue.whole(1, 3_650))
    )
    access_token_minutes: int = field(
        default=10, metadata=_about("Minutes a wallet has to finish a claim it began.", configvalue.whole(1, 1_440))
    )
    retention: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            'What is erased when, each as "WHAT NUMBER days|years after EVENT", such as "awards 60 years after decision"; '
            "docs/rights.md lists them. Applied once a day. Empty: nothing is erased by itself.",
            configvalue.texts(configvalue.retention_row),
        ),
    )

    def http_bind(self) -> Address:
        """Where to listen for HTTP."""
        return parse_address(self.http_listen)

    def grpc_bind(self) -> Address:
        """Where to listen for gRPC."""
        return parse_address(self.grpc_listen)


def parse_config(text: str, file: str = FILE_NAME) -> NodeConfig:
    """Read a `node.toml`; nothing but `text` is looked at.

    Args:
        text: the file's content.
        file: what to call it in errors.

    Raises:
        MalformedError: it is not TOML, a key is unknown, missing or refused, or a listener is open to others without
            `insecure = true`. The message names file, key and reason.
    """
    if len(text) > MAX_CONFIG_BYTES:
        raise MalformedError(f"{file}: more than {MAX_CONFIG_BYTES} characters")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(f"{file}: not valid TOML: {error}") from error
    known = {item.name: item for item in dataclasses.fields(NodeConfig)}
    for key in table:
        if key not in known:
            raise MalformedError(f"{file}: {key}: no such key", hint=_suggest(key, list(known)))
    values: dict[str, Any] = {}  # Any: each value has the type its field's check returns
    for key, item in known.items():
        if key in table:
            values[key] = _check(item.metadata["check"], table[key], f"{file}: {key}")
        elif item.default is dataclasses.MISSING:
            raise MalformedError(f"{file}: {key}: missing, and it has no default")
    config = NodeConfig(**values)
    check_listeners(config, file)
    _check_ports(config, file)
    return config


def render_config(config: NodeConfig) -> str:
    """The file that `parse_config` reads back as `config`, every key with its explanation."""
    lines = ["# A Cairn node. Changes take effect at the next start.", ""]
    for item in dataclasses.fields(NodeConfig):
        lines += [f"# {item.metadata['comment']}", f"{item.name} = {_toml(getattr(config, item.name))}", ""]
    return "\n".join(lines[:-1]) + "\n"


def change_config(text: str, file: str = FILE_NAME, **changes: str | int | bool | tuple[str, ...]) -> str:
    """The same file with some keys set anew; every other line, comments included, stays as the operator wrote it.

    Raises:
        MalformedError: `text` or the outcome is not a valid configuration.
    """
    parse_config(text, file)
    for key, value in changes.items():
        text = _set_key(text, key, _toml(value))
    parse_config(text, file)
    return text


def _check(check: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return check(value)
    except (configvalue.RefusedError, MalformedError) as error:
        raise MalformedError(f"{where}: {error}") from error


def _check_ports(config: NodeConfig, file: str) -> None:
    taken: dict[str, str] = {}
    for key in ("http_listen", "grpc_listen", "metrics_listen", "registrar_listen"):
        text = getattr(config, key)
        if text in taken and parse_address(text).port != 0:
            raise MalformedError(f"{file}: {key}: {text} is already taken by {taken[text]}")
        if text:
            taken[text] = key


def _suggest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"


def _toml(value: str | int | bool | tuple[str, ...]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # JSON strings without escaped non-ASCII characters are TOML basic strings, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(value, str) else str(value)


def _set_key(text: str, key: str, value: str) -> str:
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if line.partition("=")[0].strip() == key:
            end = next(end for end in range(start + 1, len(lines) + 1) if _is_toml("\n".join(lines[start:end])))
            return "\n".join([*lines[:start], f"{key} = {value}", *lines[end:]]) + "\n"
    return "\n".join([*lines, f"{key} = {value}"]) + "\n"


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
