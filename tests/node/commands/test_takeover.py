"""key announce, takeover, charter and key rotate --role witness, with no node running: what they say, and exit codes."""

import json
from pathlib import Path

import pytest

from ledger import base64url
from node.keystore import KeyRole, open_keystore
from tests.node.commands.cli import Shell
from tests.node.governors import GOVERNORS


@pytest.fixture(autouse=True)
def high_water(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def school(shell: Shell) -> Path:
    """A school without a network: nobody witnesses its log."""
    return shell.found("school")


def signed(shell: Shell, school: Path, *proposals: Path) -> None:
    shell.good("sign", *proposals, "--key", shell.governor_keys()[0], *shell.secret, "--yes")


def test_a_log_goes_on_under_a_new_key_and_address(shell: Shell, school: Path, tmp_path: Path) -> None:
    """The rotation and the address become entries in one step; a second run finds it done."""
    move, address = tmp_path / "move.proposal", tmp_path / "address.proposal"
    shell.good("key", "rotate", school, "--role", "log", "-o", move)
    said = shell.good("charter", "amend", school, "--grpc", "new.example:443", "-o", address)
    assert "gRPC address becomes new.example:443" in said
    signed(shell, school, move, address)
    done = json.loads(shell.good("takeover", school, move, address, "--json"))
    assert (done["size"], done["witnessed"], done["replaced"], done["witnesses"]) == (3, 1, 0, [])
    assert [item["index"] for item in done["entries"]] == [1, 2]
    assert "goes on here already, 3 entries" in shell.good("takeover", school, move)
    listed = {
        row["role"]: row
        for row in json.loads(shell.good("key", "list", school, "--json"))
        if "in force" in row["state"]
    }
    assert listed["log"]["here"] is True


def test_what_is_no_rotation_takes_nothing_over(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Another decision, and too few signatures."""
    address, move = tmp_path / "address.proposal", tmp_path / "move.proposal"
    shell.good("charter", "amend", school, "--name", "New Name", "-o", address)
    shell.good("key", "rotate", school, "--role", "log", "-o", move)
    for command in (("takeover", school), ("key", "announce", school)):
        other = shell(*command, address)
        assert (other.code, "does not rotate the log key but says: change the charter" in other.err) == (1, True)
        early = shell(*command, move)
        assert (early.code, "0 have signed, 1 more must" in early.err) == (1, True)


def test_a_key_that_is_not_here_takes_nothing_over(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Whoever has only the proposal cannot go on with the log."""
    move = tmp_path / "move.proposal"
    shell.good("key", "rotate", school, "--role", "log", "-o", move)
    signed(shell, school, move)
    (school / "keys" / "log-2.key").unlink()
    said = shell("takeover", school, move)
    assert (said.code, "has no file of the new log key" in said.err) == (1, True)


def test_an_announcement_to_nobody_says_who_did_not_answer(shell: Shell, school: Path, tmp_path: Path) -> None:
    """Addresses can be named; what does not answer is told, and the exit code says that it is not decided."""
    move = tmp_path / "move.proposal"
    shell.good("key", "rotate", school, "--role", "log", "-o", move)
    signed(shell, school, move)
    said = shell("key", "announce", school, move, "--to", "127.0.0.1:1", "--json")
    (answer,) = json.loads(said.out)
    assert (said.code, answer["cosigned"], "cannot be reached" in answer["problem"]) == (3, None, True)


def test_a_charter_change_needs_a_change(shell: Shell, school: Path, tmp_path: Path) -> None:
    said = shell("charter", "amend", school, "-o", tmp_path / "p")
    assert (said.code, "say what shall change: --name, --url, --grpc" in said.err) == (2, True)


def test_a_member_asks_its_governors_for_another_witness_key(shell: Shell, tmp_path: Path) -> None:
    """The request names the new key; the governor's proposal keeps the rights and says the key in words."""
    network = shell.found("network", "network", "--grpc", "network.example:443", threshold=2)
    school = shell.found("school")
    shell.good("trust", "export", network, "--quorum", "none", "-o", tmp_path / "trust.json")
    shell.good("join", school, "--trust", tmp_path / "trust.json", "-o", tmp_path / "school.request")
    asked = json.loads(
        shell.good("key", "rotate", school, "--role", "witness", "-o", tmp_path / "witness.request", "--json")
    )
    assert (school / "keys" / "witness-2.key").is_file()
    assert asked["witness"].startswith("school.example/log/witness+")
    stranger = shell(
        "member", "propose", network, "--amend", "School", "--request", tmp_path / "witness.request", "-o", tmp_path / "p"
    )  # fmt: skip
    assert (stranger.code, "no member is called that" in stranger.err) == (1, True)
    alone = shell(
        "member",
        "propose",
        network,
        "--request",
        tmp_path / "witness.request",
        "--remove",
        "School",
        "-o",
        tmp_path / "p",
    )
    assert (alone.code, "--request goes with --amend" in alone.err) == (2, True)


def test_impact_tells_of_keys_that_sign_no_credential(shell: Shell, school: Path) -> None:
    """What a thief can do with each, and the command that ends it."""
    keys = open_keystore(school / "keys")
    for role, key, words, following in (
        ("log", keys.newest(KeyRole.LOG).public, "a thief can sign a second history", "--role log"),
        (
            "witness",
            keys.newest(KeyRole.WITNESS).public,
            "how far this node has seen the logs of others",
            "--role witness",
        ),
        ("root", GOVERNORS[0].public, "a thief of fewer than the threshold decides nothing", "replace-roots"),
    ):
        said = shell("key", "impact", school, base64url.encode(key.id))
        assert (said.code, words in said.out, following in said.err) == (0, True, True)
        assert json.loads(shell.good("key", "impact", school, base64url.encode(key.id), "--json"))["role"] == role


def test_a_key_id_that_begins_with_a_dash_is_no_option(shell: Shell, school: Path, tmp_path: Path) -> None:
    """One in 64 does; it is looked up like any other."""
    for words in (("impact",), ("retire", "-o", tmp_path / "p"), ("compromise", "--since", "1", "-o", tmp_path / "p")):
        said = shell("key", words[0], school, "-KSKTwsGGyFW", *words[1:])
        assert "no such option" not in said.err
        assert (said.code, "-KSKTwsGGyFW" in said.err or "no node runs here" in said.err) != (2, False)
