"""`cairn-node` as a whole: quick help, one form of errors, every subcommand explained."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ledger.errors import RuleError
from node import main

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("grpc", "plyvel", "sqlalchemy", "aiohttp", "rich", "cryptography")

_WITHOUT_PLYVEL = "import sys; sys.modules['plyvel'] = None; from node.main import main; main()"


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers without grpc, LevelDB or a database."""
    script = f"import sys; from node import main; main.run(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_subcommand_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each one loads, has a help text, and the leaves show an example."""
    assert main.run([name, "--help"]) == 0
    said = capsys.readouterr().out
    command = main.cairn_node.get_command(click.Context(main.cairn_node), name)
    assert command is not None
    assert command.help
    leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    assert all(leaf.epilog and leaf.epilog.startswith("Example:  cairn-node ") for leaf in leaves), said


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["frobnicate"], 2, "no such command 'frobnicate'"),
        (["issue"], 2, "missing argument 'DIR'"),
        (["status", "/nowhere"], 2, "/nowhere: no node is here, since there is no node.toml"),
        (["sign", "/nowhere/p", "--key", "k"], 2, "/nowhere/p: no such file or directory"),
    ],
)
def test_errors_have_one_form(words: list[str], code: int, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`cairn-node: error: …` on stderr, no traceback, and the exit code of the contract."""
    assert main.run(words) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"cairn-node: error: {error}"), said.err
    assert "Traceback" not in said.err


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """An installation for learners has no plyvel; asking it for a node is answered in words."""
    command = [sys.executable, "-c", _WITHOUT_PLYVEL, "status", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "plyvel is not installed" in ended.stderr
    assert "cairn-ledger[node]" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_traceback_is_shown_on_request(tmp_path: Path) -> None:
    """With -v the error goes up, so that the interpreter prints where it came from."""
    (tmp_path / "there").mkdir()
    init = ["init", str(tmp_path / "there"), "--name", "N", "--kind", "school", "--origin", "n.example/log"]
    assert main.run(init) == 1
    with pytest.raises(RuleError, match="exists already"):
        main.run(["-v", *init])


def test_a_full_disk_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Founding on a disk without room: words, a hint, and no folder left behind."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("long enough for a test")
    words = ["init", str(tmp_path / "school"), "--name", "School", "--kind", "school", "--origin", "s.example/log"]
    assert main.run([*words, "--passphrase-file", str(passphrase)]) == 2
    told = capsys.readouterr().err
    assert "no space left on device" in told and "hint: free space" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["passphrase"]
