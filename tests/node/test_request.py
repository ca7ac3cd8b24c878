"""Requests for membership: what is asked is proven by the log key, and nothing else is accepted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, RuleError, SignatureError
from ledger.log.keys import SigningKey
from node.request import parse_request
from tests.node.governors import found_network, held, request_of
from tests.node.school import School, found_school

OTHER = SigningKey(b"\x77" * 32)


@pytest.fixture
def school(tmp_path: Path) -> School:
    return found_school(tmp_path / "granite")


@pytest.fixture
def network(tmp_path: Path) -> School:
    return found_network(tmp_path / "confluence")


def test_a_request_says_who_asks_whom(school: School, network: School) -> None:
    """What comes out of the file is what the institution's own log says."""
    request = parse_request(request_of(school, network))
    assert request.log == school.log.state.log_id
    assert request.network == network.log.state.log_id
    assert (request.boundary.size, request.boundary.root) == (1, school.log.state.frontier.root())
    assert (request.name, request.grpc, request.url) == (
        "Granite Hollow High",
        school.log.state.grpc,
        school.log.state.url,
    )
    assert request.witness.name == "granite.example/log/witness"


def change(data: bytes, **members: canonical.JSONValue) -> bytes:
    value = canonical.parse(data.rstrip(b"\n"), max_bytes=10**6)
    value.update(members)
    return canonical.encode(value) + b"\n"


CHANGES: list[tuple[str, Callable[[bytes, School], bytes], type[CairnError], str]] = [
    ("not JSON", lambda data, _: b"{" + data, MalformedError, "not json"),
    ("another format", lambda data, _: change(data, format="cairn/other/v1"), MalformedError, "expected cairn/memb"),
    ("a member too many", lambda data, _: change(data, extra=1), MalformedError, "unknown member"),
    ("another name", lambda data, _: change(data, name="Somebody Else"), SignatureError, "not by key"),
    ("another address", lambda data, _: change(data, grpc="evil.example:1"), SignatureError, "not by key"),
    (
        "another network",
        lambda data, _: change(data, network=base64url.encode(bytes(32))),
        SignatureError,
        "not by key",
    ),
    ("another log key", lambda data, _: change(data, log_key=OTHER.public.to_json()), RuleError, "not the one of"),
    (
        "another log's note",
        lambda data, network: change(data, note=base64url.encode(held(network).note)),
        SignatureError,
        "origin confluence.example/log is not granite.example/log",
    ),
    (
        "another log's charter",
        lambda data, network: change(data, entry=base64url.encode(held(network).charter)),
        RuleError,
        "not the one of the charter",
    ),
]


@pytest.mark.parametrize(("name", "alter", "error", "message"), CHANGES, ids=[row[0] for row in CHANGES])
def test_an_altered_request_is_refused(
    school: School,
    network: School,
    name: str,
    alter: Callable[[bytes, School], bytes],
    error: type[CairnError],
    message: str,
) -> None:
    """Every member is covered: by its form, by the charter, by the note, or by the signature."""
    data = alter(request_of(school, network), network)
    with pytest.raises(error, match=message):
        parse_request(data)


def test_a_signature_by_another_key_is_refused(school: School, network: School) -> None:
    """Only the log key speaks for the log; a request signed by somebody else names that key and is not believed."""
    with pytest.raises(RuleError, match="not the one of the charter"):
        parse_request(request_of(school, network, key=OTHER))
