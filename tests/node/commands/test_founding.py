"""keygen and init: keys and institutions come into being once, and say what to do next."""

import json
from pathlib import Path

import pytest

from ledger.duration import DAY_MS
from ledger.log.didkey import encode_did_key, parse_did_key
from node.config import parse_config
from node.keystore import open_key_file
from tests.node.commands.cli import PASSPHRASE, Shell
from tests.node.governors import GOVERNORS


def test_keygen_makes_one_encrypted_key(shell: Shell, tmp_path: Path) -> None:
    """The public half is printed, the secret half is in the file and opens with the passphrase."""
    path = tmp_path / "root.key"
    public = shell.good("keygen", path, *shell.secret).strip()
    assert parse_did_key(public) == open_key_file(path, PASSPHRASE).public
    again = shell("keygen", path, *shell.secret)
    assert (again.code, "exists already" in again.err) == (1, True)


def test_keygen_refuses_a_short_passphrase(shell: Shell, tmp_path: Path) -> None:
    """A root key is worth more than seven characters."""
    (tmp_path / "short").write_text("1234567\n")
    said = shell("keygen", tmp_path / "root.key", "--passphrase-file", tmp_path / "short")
    assert said.code == 2
    assert "at least 8 are needed" in said.err
    assert not (tmp_path / "root.key").exists()


def test_init_with_root_keys(shell: Shell, tmp_path: Path) -> None:
    """Governors' keys as text or as files; the threshold is theirs; the addresses are in node.toml."""
    texts = [encode_did_key(GOVERNORS[0].public), str(shell.governor_keys()[1])]
    words = ("--name", "Confluence", "--kind", "network", "--origin", "c.example/log", "--root-key", *texts)
    said = json.loads(
        shell.good(
            "init", tmp_path / "net", *words, "--threshold", "2", "--http", "http://127.0.0.1:9001/",
            "--grpc", "ledger.c.example:443", "--json",
        )
    )  # fmt: skip
    assert said["roots"] == [encode_did_key(key.public) for key in GOVERNORS[:2]]
    assert said["root_key_file"] is None
    config = parse_config((tmp_path / "net" / "node.toml").read_text())
    assert (config.http_listen, config.http_url) == ("127.0.0.1:9001", "http://127.0.0.1:9001")
    # Somebody else's name stands for a proxy in front of the node.
    assert (config.grpc_listen, config.grpc_address) == ("127.0.0.1:8471", "ledger.c.example:443")


def test_init_without_root_key_makes_one_beside(shell: Shell, tmp_path: Path) -> None:
    """It is never inside the node's directory, and the operator is told to move it."""
    said = shell("init", tmp_path / "s", "--name", "S", "--kind", "school", "--origin", "s.example/log", *shell.secret)
    assert said.code == 0
    assert "move it off this computer now" in said.err
    assert open_key_file(tmp_path / "s.root.key", PASSPHRASE)
    assert not list((tmp_path / "s").rglob("s.root.key"))


def test_init_warns_of_cuts_on_command(shell: Shell, tmp_path: Path) -> None:
    """Interval 0 shows when something happens; the daily default is silent."""
    quiet = shell("init", tmp_path / "a", "--name", "A", "--kind", "school", "--origin", "a.example/log", *shell.secret)
    assert "warning" not in quiet.err
    shell.found("b")
    key = shell.governor_keys()[0]
    words = ("--kind", "school", "--root-key", key, "--batch-interval")
    loud = shell("init", tmp_path / "c", "--name", "C", "--origin", "c.example/log", *words, "0")
    assert "warning: cuts are made on command" in loud.err


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("--batch-interval", "5", "'5' is not a time such as 30m"),
        ("--batch-interval", "soon", "'soon' is not a time"),
        ("--batch-at", "24:00", "24:00 is no time of day"),
        ("--learners", "20001", "20001, expected 1 to 20000"),
        ("--threshold", "2", "threshold 2 is above the 1 keys"),
        ("--origin", "with space", ""),
        ("--grpc", "nowhere", "expected HOST:PORT"),
    ],
)
def test_init_refuses_before_it_writes(shell: Shell, tmp_path: Path, option: str, value: str, error: str) -> None:
    """Nothing is left of an institution that could not be founded."""
    key = shell.governor_keys()[0]
    words = {"--name": "S", "--kind": "school", "--origin": "s.example/log", "--root-key": str(key), option: value}
    said = shell("init", tmp_path / "s", *(part for pair in words.items() for part in pair))
    assert said.code in (1, 2)
    assert error in said.err
    assert sorted(path.name for path in tmp_path.iterdir() if "governor" not in path.name) == ["passphrase"]


def test_an_interval_is_read_in_its_unit(shell: Shell, tmp_path: Path) -> None:
    """12h is half a day."""
    from node.access import open_access
    from node.home import open_home

    key = shell.governor_keys()[0]
    words = ("--name", "S", "--kind", "school", "--origin", "s.example/log", "--root-key", key)
    shell.good("init", tmp_path / "s", *words, "--batch-interval", "12h", "--batch-at", "03:15")

    async def read() -> tuple[int, int]:
        async with open_access(open_home(tmp_path / "s")) as access:
            batch = (await access.held_log()).state.batch
            return batch.interval, batch.minute

    import asyncio

    assert asyncio.run(read()) == (DAY_MS // 2, 195)


def test_init_for_an_https_address(shell: Shell, tmp_path: Path) -> None:
    """With certificate files the node answers by itself; without, a proxy before it does, and the operator is told."""
    key = shell.governor_keys()[0]
    words = (
        "--name",
        "S",
        "--kind",
        "school",
        "--origin",
        "s.example/log",
        "--root-key",
        key,
        "--http",
        "https://s.example",
    )
    said = shell("init", tmp_path / "proxied", *words)
    assert said.code == 0
    assert "https://s.example has to be answered by a reverse proxy before 127.0.0.1:8470" in said.err
    assert "gRPC listens on 0.0.0.0:8471 with a certificate the node makes itself" in said.err
    config = parse_config((tmp_path / "proxied" / "node.toml").read_text())
    assert (config.grpc_address, config.grpc_tls) == ("s.example:8471", "self-made")

    said = shell("init", tmp_path / "own", *words, "--tls-certificate", "full.pem", "--tls-key", "key.pem")
    assert said.code == 0 and "reverse proxy" not in said.err
    config = parse_config((tmp_path / "own" / "node.toml").read_text())
    assert (config.http_listen, config.tls_key) == ("0.0.0.0:443", str(Path("key.pem").absolute()))

    said = shell("init", tmp_path / "half", *words, "--tls-certificate", "full.pem")
    assert said.code == 2 and "tls_key: missing" in said.err
    assert not (tmp_path / "half").exists()
