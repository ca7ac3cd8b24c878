"""Trust roots: one file, one spelling, every member checked."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import MalformedError
from ledger.log.checkpoint import log_verifier_key
from ledger.log.policy import QuorumRule, TrustRoot, encode_trust_root, parse_trust_root
from tests.simulator import found_network, trust_of

NETWORK, MEMBERS = found_network("granite", "lantern")
TRUST = replace(trust_of(NETWORK), http=("https://confluence.example",), grpc=("confluence.example:8471",))
DATA = encode_trust_root(TRUST)


def changed(path: str, value: object) -> bytes:
    whole = json.loads(DATA)
    place: Any = whole
    *parents, last = path.split(".")
    for parent in parents:
        place = place[int(parent) if parent.isdigit() else parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return canonical.encode(whole)


def test_the_file_reads_back_as_itself() -> None:
    assert parse_trust_root(DATA) == TRUST
    assert parse_trust_root(DATA + b"\n") == TRUST
    assert len(TRUST.witnesses) == 3


def test_the_members_of_the_file() -> None:
    value = json.loads(DATA)
    assert sorted(value) == [
        "head", "log_key", "max_age", "name", "network", "nodes", "origin", "quorum", "v", "witnesses",
    ]  # fmt: skip
    assert value["network"] == base64url.encode(NETWORK.log_id)
    assert value["head"] == {"root": base64url.encode(NETWORK.state.frontier.root()), "size": NETWORK.size}
    assert (value["quorum"], value["max_age"], value["v"]) == ("majority", 172_800_000, 1)
    assert sorted(value["witnesses"][0]) == ["key", "log"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA + b"\n\n", "not in canonical form|not json"),
        (b" " + DATA, "canonical"),
        (b"", "not json"),
        (changed("v", 2), "newer cairn"),
        (changed("quorum", "some"), "neither majority nor none"),
        (changed("quorum", ...), "quorum is missing"),
        (changed("head.size", 0), "size 0"),
        (changed("head.root", base64url.encode(bytes(31))), "root"),
        (changed("head.more", 1), "unknown member 'more'"),
        (changed("nodes.more", 1), "unknown member 'more'"),
        (changed("more", 1), "unknown member 'more'"),
        (changed("network", "AA"), "32"),
        (changed("max_age", 0), "max_age 0"),
        (changed("origin", "a b"), "white space"),
        (changed("name", " x"), "white space"),
        (changed("log_key", {}), "alg is missing"),
        (changed("nodes.http", ["confluence.example"]), "not an absolute http or https URL"),
        (changed("nodes.http", ["https://x.example"] * 101), "101 items, more than 100"),
        (changed("nodes.grpc", ["x" * 501]), "gRPC address is too long"),
        (changed("witnesses", [{}]), "log is missing"),
        (
            changed("witnesses.0.key", log_verifier_key("granite.example/log", MEMBERS[0].log_signer.public).encode()),
            "not of the cosignature type",
        ),
        (changed("witnesses.0.more", 1), "unknown member 'more'"),
        (b"{" + b" " * 256 * 1024 + b"}", "exceed the limit"),
    ],
)
def test_parse_refuses(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_trust_root(data)


@given(
    st.builds(
        TrustRoot,
        network=st.just(TRUST.network),
        name=st.sampled_from(["Confluence", "Réseau", "網絡"]),
        origin=st.just(TRUST.origin),
        log_key=st.just(TRUST.log_key),
        head_size=st.integers(1, 2**53 - 1),
        head_root=st.binary(min_size=32, max_size=32),
        witnesses=st.lists(st.sampled_from(TRUST.witnesses), max_size=5).map(tuple),
        quorum=st.sampled_from(QuorumRule),
        max_age=st.integers(1, 2**53 - 1),
        http=st.lists(st.just("https://x.example/a"), max_size=3).map(tuple),
        grpc=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    )
)
def test_parse_inverts_encode(trust: TrustRoot) -> None:
    data = encode_trust_root(trust)
    assert parse_trust_root(data) == trust and encode_trust_root(parse_trust_root(data)) == data
