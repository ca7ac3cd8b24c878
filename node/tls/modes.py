"""Where the certificate of each listener comes from, as `node.toml` says, and what is refused beyond this computer."""

from enum import StrEnum
from typing import TYPE_CHECKING

from ledger.errors import MalformedError

if TYPE_CHECKING:
    from node.config import NodeConfig


class TLSMode(StrEnum):
    """What `http_tls` and `grpc_tls` may say."""

    AUTO = "auto"
    """The certificate files where there are any; else, beyond this computer, a self-made one for gRPC alone."""
    FILES = "files"
    SELF_MADE = "self-made"
    OFF = "off"


class Listener(StrEnum):
    """The two public listeners."""

    HTTP = "http"
    GRPC = "grpc"


def tls_mode(config: "NodeConfig", listener: Listener) -> TLSMode:
    """What a listener does: files, self-made or off."""
    said = config.http_tls if listener is Listener.HTTP else config.grpc_tls
    bind = config.http_bind() if listener is Listener.HTTP else config.grpc_bind()
    if said is not TLSMode.AUTO:
        return said
    if config.tls_certificate:
        return TLSMode.FILES
    # Peers check a self-made certificate by the ledger. Browsers and wallets cannot, so HTTP gets one only if told.
    is_pinned = listener is Listener.GRPC and not bind.is_loopback and not config.insecure
    return TLSMode.SELF_MADE if is_pinned else TLSMode.OFF


def check_listeners(config: "NodeConfig", file: str) -> None:
    """Refuse what would listen to others without TLS, or with half a certificate.

    Args:
        config: every key is good by itself.
        file: what to call it in errors.

    Raises:
        MalformedError: the message names file and key.
    """
    if bool(config.tls_certificate) != bool(config.tls_key):
        missing = "tls_key" if config.tls_certificate else "tls_certificate"
        raise MalformedError(
            f"{file}: {missing}: missing, and the other of the pair is given",
            hint="a certificate works only with its key: tls_certificate (full chain) and tls_key",
        )
    for listener in Listener:
        key = f"{listener}_listen"
        bind = config.http_bind() if listener is Listener.HTTP else config.grpc_bind()
        mode = tls_mode(config, listener)
        if mode is TLSMode.FILES and not config.tls_certificate:
            raise MalformedError(f"{file}: {listener}_tls: says files, and tls_certificate names none")
        if mode is TLSMode.OFF and not bind.is_loopback and not config.insecure:
            raise MalformedError(
                f"{file}: {key}: {bind.host} can be reached from other computers, and there is no TLS",
                hint=f'name tls_certificate and tls_key, or set {listener}_tls = "self-made", or listen on 127.0.0.1 '
                "behind a reverse proxy that speaks TLS, or set insecure = true",
            )
