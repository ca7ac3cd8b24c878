"""Passphrases come from a file or a person, never in pieces, never silently weak."""

from pathlib import Path

import pytest

from ledger.errors import MalformedError
from node.passphrase import read_passphrase


@pytest.mark.parametrize(
    "data", [b"four unrelated words\n", b"four unrelated words", b"\xef\xbb\xbffour unrelated words\r\nnote"]
)
def test_the_first_line_counts(tmp_path: Path, data: bytes) -> None:
    """Without its line end, whatever the editor, and without a byte order mark."""
    (tmp_path / "p").write_bytes(data)
    assert read_passphrase(tmp_path / "p", "passphrase", confirm=True) == "four unrelated words"


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b"\nsecond", "is empty"), (b"\xff\xfe", "not UTF-8"), (b"short\n", "at least 8")],
)
def test_unusable_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """Empty, another encoding, or too short for a new key."""
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(MalformedError, match=message):
        read_passphrase(tmp_path / "p", "passphrase", confirm=True)


def test_a_missing_file_and_a_missing_person(tmp_path: Path) -> None:
    """Both say what to do; neither waits for input that cannot come."""
    with pytest.raises(MalformedError, match="cannot be read"):
        read_passphrase(tmp_path / "missing", "passphrase")
    with pytest.raises(MalformedError, match="the input is not a terminal"):
        read_passphrase(None, "passphrase")


def test_the_option_of_a_second_secret_is_the_one_named() -> None:
    with pytest.raises(MalformedError, match="passphrase of the key backup") as caught:
        read_passphrase(None, "passphrase of the key backup", option="--keys-passphrase-file")
    assert "--keys-passphrase-file" in caught.value.hint
