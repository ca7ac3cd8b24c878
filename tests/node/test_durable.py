"""Files that are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from ledger.errors import PolicyError
from node import durable


def test_a_new_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    durable.create_file(tmp_path / "a.key", b"secret")

    assert (tmp_path / "a.key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["file", "link"])
def test_creating_refuses_whatever_stands_there(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.key"
    if kind == "file":
        path.write_bytes(b"old")
    else:
        path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileExistsError):
        durable.create_file(path, b"new")

    assert kind == "link" or path.read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_placing_never_takes_the_place_of_anything(tmp_path: Path, kind: str) -> None:
    """The whole file stands there, or what stood there before; no other file is left."""
    path = tmp_path / "maya.json"
    durable.place_file(path, b"new", mode=0o644)
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o644
    path.unlink()
    if kind == "file":
        path.write_bytes(b"old")
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()

    with pytest.raises(FileExistsError):
        durable.place_file(path, b"new")

    assert kind != "file" or path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["maya.json"]


def test_replacing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(b"old")

    durable.replace_file(path, b"new", mode=0o640)

    assert path.read_bytes() == b"new"
    assert [item.name for item in tmp_path.iterdir()] == ["node.toml"]


def test_a_replacement_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()

    with pytest.raises(OSError):
        durable.replace_file(path, b"new")

    assert [item.name for item in tmp_path.iterdir()] == ["folder"]


def test_a_secret_that_others_can_open_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    durable.create_file(path, b"secret")
    assert durable.read_secret(path, max_bytes=6) == b"secret"
    os.chmod(path, 0o640)

    with pytest.raises(PolicyError, match=r"mode 0640, expected 0600"):
        durable.read_secret(path, max_bytes=6)


def test_a_secret_beyond_its_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    durable.create_file(path, b"secret!")

    with pytest.raises(PolicyError, match="more than 6 bytes"):
        durable.read_secret(path, max_bytes=6)
