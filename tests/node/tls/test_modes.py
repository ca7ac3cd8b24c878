"""Which listener gets which certificate, and what is refused."""

from dataclasses import replace

import pytest

from ledger.errors import MalformedError
from node.config import NodeConfig
from node.tls.modes import Listener, TLSMode, check_listeners, tls_mode

HERE = NodeConfig(name="x")
OPEN = replace(HERE, http_listen="0.0.0.0:443", grpc_listen="0.0.0.0:8471")
FILES = {"tls_certificate": "fullchain.pem", "tls_key": "privkey.pem"}


@pytest.mark.parametrize(
    ("config", "http", "grpc"),
    [
        (HERE, TLSMode.OFF, TLSMode.OFF),
        (replace(HERE, grpc_listen="0.0.0.0:8471"), TLSMode.OFF, TLSMode.SELF_MADE),
        (replace(HERE, grpc_listen="0.0.0.0:8471", insecure=True), TLSMode.OFF, TLSMode.OFF),
        (replace(OPEN, **FILES), TLSMode.FILES, TLSMode.FILES),
        (replace(HERE, **FILES), TLSMode.FILES, TLSMode.FILES),
        (replace(OPEN, **FILES, grpc_tls=TLSMode.SELF_MADE), TLSMode.FILES, TLSMode.SELF_MADE),
        (replace(OPEN, http_tls=TLSMode.SELF_MADE), TLSMode.SELF_MADE, TLSMode.SELF_MADE),
        (replace(HERE, **FILES, http_tls=TLSMode.OFF), TLSMode.OFF, TLSMode.FILES),
    ],
)
def test_auto_means_what_is_safe_and_works(config: NodeConfig, http: TLSMode, grpc: TLSMode) -> None:
    check_listeners(config, "node.toml")

    assert tls_mode(config, Listener.HTTP) is http
    assert tls_mode(config, Listener.GRPC) is grpc


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (OPEN, r"http_listen: 0\.0\.0\.0 can be reached from other computers, and there is no TLS"),
        (replace(OPEN, **FILES, http_tls=TLSMode.OFF), "http_listen: "),
        (replace(OPEN, **FILES, grpc_tls=TLSMode.OFF), "grpc_listen: "),
        (replace(HERE, tls_key="x"), "tls_certificate: missing"),
        (replace(HERE, http_tls=TLSMode.FILES), "http_tls: says files, and tls_certificate names none"),
    ],
)
def test_what_would_be_open_to_others_is_refused(config: NodeConfig, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        check_listeners(config, "node.toml")
