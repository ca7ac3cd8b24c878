"""What is remembered is public, small, and written whole."""

import stat
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from wallet_cli import files, remembered
from wallet_cli.remembered import Remembered


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    assert remembered.load(folder) == Remembered()
    known = Remembered(trust=tmp_path / "trust", replica=tmp_path / "replica", nodes=("https://a", "https://b"))
    remembered.save(folder, known)
    assert remembered.load(folder) == known
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [item.name for item in folder.iterdir()] == [remembered.FILE_NAME]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"nodes":1}', b"\xff"])
def test_a_damaged_file_is_told_by_its_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / remembered.FILE_NAME).write_bytes(data)
    with pytest.raises(MalformedError, match=r"remembered\.json cannot be read"):
        remembered.load(tmp_path)


def test_it_stands_beside_the_vault(tmp_path: Path) -> None:
    assert remembered.folder_of(tmp_path / "stick" / "vault") == tmp_path / "stick"
    assert remembered.folder_of() == Path("~/.cairn").expanduser()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def pause(step: str) -> None:
        if step == "rename":
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, b"new", pause=pause)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(11))
    assert len(files.read_bounded(tmp_path / "file", 11)) == 11
    with pytest.raises(MalformedError, match="longer than 10 bytes"):
        files.read_bounded(tmp_path / "file", 10)
