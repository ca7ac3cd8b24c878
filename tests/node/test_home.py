"""A node's directory: what is there, and whether a node runs in it."""

import socket
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from node.home import open_home
from tests.node.school import found_school


def test_a_home_is_opened_by_its_configuration(tmp_path: Path) -> None:
    """Config, keys and folders of an institution that was founded."""
    school = found_school(tmp_path / "granite")
    home = open_home(tmp_path / "granite")
    assert home.config.name == "Granite Hollow High"
    assert home.keystore().list_root == school.keys.list_root
    assert (home.ledger.is_dir(), home.networks.is_dir()) == (True, True)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "no node is here"), (b"\xff", "not UTF-8"), (b"a = 1", "no such key")]
)
def test_what_is_no_home_is_refused(tmp_path: Path, text: bytes | None, message: str) -> None:
    """Nothing there, not text, or a key nobody knows."""
    if text is not None:
        (tmp_path / "node.toml").write_bytes(text)
    with pytest.raises(MalformedError, match=message):
        open_home(tmp_path)


def test_a_socket_left_behind_is_no_node(tmp_path: Path) -> None:
    """Only one that answers counts: a killed node leaves its socket file."""
    found_school(tmp_path / "granite")
    home = open_home(tmp_path / "granite")
    assert not home.is_running()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home.socket_path()))
        assert not home.is_running()
        listener.listen(1)
        assert home.is_running()
    assert home.socket_path().exists()
    assert not home.is_running()
