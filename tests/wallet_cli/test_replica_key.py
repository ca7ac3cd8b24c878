"""The key of an account's replicas: made once, kept to itself, and worth nothing unless whole."""

import stat
import sys
from pathlib import Path

import pytest

from wallet_cli.replica_key import FILE_NAME, KEY_BYTES, load_key, obtain_key


def test_it_is_made_once_and_stays(tmp_path: Path) -> None:
    """32 bytes, and the same ones ever after."""
    folder = tmp_path / "home"
    assert load_key(folder) is None
    key = obtain_key(folder)
    assert len(key) == KEY_BYTES
    assert load_key(folder) == obtain_key(folder) == key
    assert obtain_key(tmp_path / "another") != key


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """The file is 0600, in a folder that is 0700."""
    obtain_key(tmp_path / "home")
    assert stat.S_IMODE((tmp_path / "home" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"short", bytes(KEY_BYTES + 1)])
def test_half_a_key_is_none_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    """What a crash left is no key: replicas are checked whole until the next `sync` makes another."""
    (tmp_path / FILE_NAME).write_bytes(content)
    assert load_key(tmp_path) is None
    key = obtain_key(tmp_path)
    assert load_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
