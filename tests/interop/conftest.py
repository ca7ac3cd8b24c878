"""Peers of a test module, and the documents they look up."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.credential.dataintegrity.issuer_document import document_of_keys
from ledger.log.didkey import encode_did_key
from ledger.log.keys import SigningKey
from tests.interop import peers
from tests.ledger.credential.badges import VECTORS, url_of
from tests.shared import shared_path


@pytest.fixture(scope="session")
def node_peer() -> Iterator[peers.NodePeer]:
    """The npm packages."""
    reason = peers.missing_npm()
    if reason:
        pytest.skip(reason)
    peer = peers.NodePeer()
    yield peer
    peer.close()


@pytest.fixture(scope="session")
def contexts() -> dict[str, Any]:
    """JSON-LD contexts by URL."""
    folder = shared_path(f"{VECTORS}/contexts")
    index = json.loads((folder / "index.json").read_bytes())
    return {url: json.loads((folder / name).read_bytes()) for url, name in index.items() if (folder / name).exists()}


@pytest.fixture(scope="session")
def documents(contexts: dict[str, Any]) -> Any:
    """Contexts, and the controller documents of these keys, as a document loader gives them."""

    def make(*keys: SigningKey) -> dict[str, Any]:
        found = dict(contexts)
        for key in keys:
            did = encode_did_key(key.public)
            found[did] = document_of_keys(did, [key.public])
            method = found[did]["verificationMethod"][0]
            found[url_of(key)] = {"@context": "https://w3id.org/security/multikey/v1", **method}
        return found

    return make


@pytest.fixture(scope="session")
def openvc() -> Any:
    """`openvc-core`, skipped where it is not installed."""
    return pytest.importorskip("openvc", reason="openvc-core is not installed: make interop")
