"""`node.toml`: every key is documented, checked and refused with its file, name and reason."""

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from node.address import Address, parse_address
from node.config import NodeConfig, change_config, parse_config, render_config
from node.logs import LogFormat

EXAMPLE = Path(__file__).parents[2] / "deploy" / "node.example.toml"


def test_the_example_parses_and_lists_every_key() -> None:
    text = EXAMPLE.read_text()

    parse_config(text, str(EXAMPLE))

    assert [item.name for item in dataclasses.fields(NodeConfig)] == list(tomllib.loads(text))


def test_the_example_carries_the_explanation_of_every_key() -> None:
    assert render_config(parse_config(EXAMPLE.read_text())) == EXAMPLE.read_text()


def test_only_the_name_is_required() -> None:
    config = parse_config('name = "Granite Hollow High"')

    assert config == NodeConfig(name="Granite Hollow High")
    assert config.http_bind() == Address("127.0.0.1", 8470)
    assert config.grpc_bind() == Address("127.0.0.1", 8471)
    assert config.log_format is LogFormat.LOGFMT


@given(
    st.builds(
        NodeConfig,
        name=st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text == text.strip()),
        http_url=st.sampled_from(["", "https://cairn.example/x"]),
        insecure=st.booleans(),
        log_format=st.sampled_from(list(LogFormat)),
        networks=st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), unique=True).map(tuple),
        offer_lifetime_days=st.integers(1, 3650),
        registrar_group=st.text(max_size=5),
        log_level=st.just("debug"),
        peers=st.just(("[::1]:1", "peer.example:8471")),
    )
)
def test_what_is_rendered_is_read_back(config: NodeConfig) -> None:
    assert parse_config(render_config(config)) == config


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("http_lisen = 1", "http_lisen: no such key"),
        ("http_listen = 8470", "http_listen: expected text in quotes, got 8470"),
        ('http_listen = "8470"', "http_listen: expected HOST:PORT, got '8470'"),
        ('http_listen = "::1:8470"', "http_listen: expected HOST:PORT"),
        ('http_listen = "127.0.0.1:65536"', "http_listen: expected HOST:PORT"),
        ('http_listen = "127.0.0.1:8471"', "grpc_listen: 127.0.0.1:8471 is already taken by http_listen"),
        ('registrar_listen = "127.0.0.1:8471"', "registrar_listen: 127.0.0.1:8471 is already taken by grpc_listen"),
        ('http_listen = "0.0.0.0:8470"', "http_listen: 0.0.0.0 can be reached from other computers"),
        (
            'grpc_listen = "school.example:8471"\ngrpc_tls = "off"',
            "grpc_listen: school.example can be reached from other computers",
        ),
        ('http_tls = "on"', "http_tls: expected one of auto, files, self-made, off, got 'on'"),
        ('grpc_tls = "files"', "grpc_tls: says files, and tls_certificate names none"),
        ('tls_certificate = "a.pem"', "tls_key: missing, and the other of the pair is given"),
        ('tls_key = "a.pem"', "tls_certificate: missing, and the other of the pair is given"),
        ('http_url = "school.example"', "http_url: expected http:// or https://"),
        ('http_url = "https://school.example/"', "http_url: expected http:// or https://"),
        ('grpc_address = "school.example:0"', "grpc_address: port 0"),
        ('insecure = "yes"', "insecure: expected true or false, got 'yes'"),
        ("insecure = 1", "insecure: expected true or false, got 1"),
        ('log_format = "xml"', "log_format: expected one of logfmt, json, got 'xml'"),
        ('log_level = "loud"', "log_level: expected one of debug, info, warning, error, got 'loud'"),
        ('peers = "a:1"', "peers: expected a list in square brackets"),
        ('peers = ["a:1", "a:1"]', "peers: the same value stands in the list twice"),
        ('peers = [""]', "peers: an address is empty"),
        ('witness_urls = ["w.example"]', 'witness_urls: expected "NAME URL"'),
        (
            'witness_urls = ["w.example ftp://w.example"]',
            "witness_urls: address 'ftp://w.example' is not an http or https URL",
        ),
        ('witness_urls = ["w.example http://w.example"]', "witness_urls: address 'http://w.example' is not encrypted"),
        ('witness_urls = ["w+1 https://w.example"]', "witness_urls: the name of the key: must not hold a plus sign"),
        ("networks = [1]", "networks: expected text in quotes, got 1"),
        ('networks = [""]', "networks: expected the path of a file"),
        ("offer_lifetime_days = 0", "offer_lifetime_days: expected a whole number from 1 to 3650, got 0"),
        ("offer_lifetime_days = true", "offer_lifetime_days: expected a whole number"),
        ("offer_lifetime_days = 1.5", "offer_lifetime_days: expected a whole number"),
        ("offer_lifetime_days = ", "not valid TOML"),
    ],
)
def test_a_bad_value_is_refused_by_file_key_and_reason(line: str, reason: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_config(f'name = "x"\n{line}\n', "/srv/cairn/node.toml")

    assert str(caught.value).startswith("/srv/cairn/node.toml: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["", " x", "a\tb", "x" * 201])
def test_a_name_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match=r"node\.toml: name: expected 1 to 200 printable"):
        parse_config(render_config(NodeConfig(name=name)))


def test_a_missing_name_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"node\.toml: name: missing"):
        parse_config("")


def test_a_misspelt_key_gets_a_suggestion() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_config('name = "x"\nhttp_lisen = "127.0.0.1:1"\n')

    assert caught.value.hint == "did you mean http_listen?"


def test_insecure_allows_a_listener_beyond_loopback() -> None:
    config = parse_config('name = "x"\nhttp_listen = "0.0.0.0:80"\ninsecure = true\n')

    assert not config.http_bind().is_loopback


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:1", Address("localhost", 1)),
        ("[::1]:0", Address("::1", 0)),
        ("127.3.2.1:9", Address("127.3.2.1", 9)),
    ],
)
def test_loopback_addresses_are_known(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert address.is_loopback


def test_a_change_keeps_every_other_line() -> None:
    text = '# mine\nname = "x" # why\npeers = [\n  "a:1", # old\n]\ninsecure = false\n'

    changed = change_config(text, peers=("a:1", "b:2"), log_level="debug")

    assert changed == '# mine\nname = "x" # why\npeers = ["a:1", "b:2"]\ninsecure = false\nlog_level = "debug"\n'


def test_a_change_to_a_refused_value_is_refused() -> None:
    with pytest.raises(MalformedError, match="peers: expected HOST:PORT"):
        change_config('name = "x"\n', peers=("nowhere",))
