"""Starting `cairn` costs little, and whatever goes wrong leaves in one form."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wallet_cli import main

HEAVY = ("aiohttp", "asyncio", "rich", "grpc", "plyvel", "sqlalchemy", "cryptography", "nacl", "orjson")


def test_the_first_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from wallet_cli.main import run; assert run(['--help']) == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["list", "show", "history", "present"])
def test_looking_at_what_is_held_imports_no_network(name: str) -> None:
    program = (
        "import sys; from wallet_cli.main import run; run(sys.argv[1:]); "
        "import wallet_cli.records, wallet_cli.present, wallet_cli.held; "
        "print([name for name in ('aiohttp', 'grpc', 'rich') if name in sys.modules])"
    )
    arguments = [name, "c1"] if name == "show" else [name]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--vault", "/nowhere/vault"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_nothing_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 2
    assert "Usage: cairn" in capsys.readouterr().err


def test_a_traceback_is_shown_on_request_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["list", "--vault", "/nowhere/vault"]) == 2
    with pytest.raises(Exception, match="there is no vault"):
        main.run(["-v", "list", "--vault", "/nowhere/vault"])
    assert "cairn: error: there is no vault" in capsys.readouterr().err


def test_an_unreadable_file_is_told_by_its_name(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["receive", "/nowhere/file.sdjwt"]) == 2
    assert "cairn: error: /nowhere/file.sdjwt: no such file or directory" in capsys.readouterr().err


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cairn ")


def test_a_reader_that_went_away_is_neither_a_yes_nor_a_no() -> None:
    """A pipe that was closed before all was said: a script must not take it for a verdict."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from wallet_cli.main import main; main()", "--help"]
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")


def test_a_full_disk_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Making a key on a disk without room: words, a hint, and no file left behind."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("long enough for a test")
    assert main.run(["keygen", str(tmp_path / "office.key"), "--passphrase-file", str(passphrase)]) == 2
    told = capsys.readouterr().err
    assert "no space left on device" in told and "hint: free space" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["passphrase"]
