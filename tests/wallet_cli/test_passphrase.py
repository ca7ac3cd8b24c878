"""The passphrase comes from a file or a person, and a new one is not accepted by accident."""

import getpass
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from wallet_cli.passphrase import read_passphrase


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A person at a terminal who types these, in order."""
    given: list[str] = []
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]  # stands for a terminal
    monkeypatch.setattr(sys, "stdin", stream)
    monkeypatch.setattr(getpass, "getpass", lambda *_: given.pop(0))
    yield given


@pytest.mark.parametrize("data", [b"four owls", b"four owls\n", b"four owls\r\nrest", b"\xef\xbb\xbffour owls\n"])
def test_the_first_line_of_a_file_counts(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    assert read_passphrase(tmp_path / "file") == "four owls"


def test_spaces_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b" four owls \n")
    assert read_passphrase(tmp_path / "file") == " four owls "


@pytest.mark.parametrize(("data", "match"), [(b"", "is empty"), (b"\nx", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_an_unusable_file_is_refused(tmp_path: Path, data: bytes, match: str) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(MalformedError, match=match):
        read_passphrase(tmp_path / "file")


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="none cannot be read: No such file"):
        read_passphrase(tmp_path / "none")


def test_a_new_one_is_asked_for_twice(answers: list[str]) -> None:
    answers += ["four owls", "four owls"]
    assert read_passphrase(None, confirm=True) == "four owls"
    answers += ["four owls", "four howls"]
    with pytest.raises(MalformedError, match="differ"):
        read_passphrase(None, confirm=True)


def test_a_short_new_one_is_refused(answers: list[str]) -> None:
    answers += ["1234567"]
    with pytest.raises(MalformedError, match="7 characters, at least 8"):
        read_passphrase(None, confirm=True)
    answers += ["1234567"]
    assert read_passphrase(None) == "1234567"


def test_nobody_to_ask_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("four owls\n"))
    with pytest.raises(MalformedError, match="not a terminal") as caught:
        read_passphrase(None)
    assert "--passphrase-file" in caught.value.hint
