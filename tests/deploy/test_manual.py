"""The operator's manual is true: its commands exist, its links lead somewhere, and what it says is shown is shown."""

import re
from pathlib import Path

import pytest

from ledger.log.didkey import encode_did_key
from node.config import parse_config
from tests.deploy.places import DEPLOY, NODE_DIRECTORY, ROOT, read, typed_commands, unknown_words
from tests.docs.pages import Typed, compare, read_steps
from tests.node.commands.cli import Shell, running
from tests.node.doctor.patients import change_config
from tests.node.governors import GOVERNORS

PAGES = ("README.md", "upgrade.md")
HOST = re.compile(r"\b(?:pypi|pythonhosted|docker\.io|ghcr\.io|quay\.io|conda)\b", re.IGNORECASE)


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    """Subcommands and options, in running text and in blocks."""
    commands = typed_commands(read(page))
    assert len(commands) > 4
    assert [problem for command in commands for problem in unknown_words(command)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """Links are relative to this folder; pages of docs/ and files of deploy/ are named from the project's."""
    text = read(page)
    missing = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not (DEPLOY / link).exists()]
    missing += [name for name in re.findall(r"\b(?:docs|deploy)/[\w./-]+\.\w+", text) if not (ROOT / name).exists()]
    assert missing == []


def test_every_file_of_the_folder_is_named() -> None:
    named = set(re.findall(r"\]\(([^)#]+)\)", read("README.md")))
    files = {path.relative_to(DEPLOY).as_posix() for path in DEPLOY.rglob("*") if path.is_file()}
    unnamed = {name for name in files if not any(name == link or name.startswith(link) for link in named)}
    assert unnamed == {"README.md"}


def test_settings_told_are_settings() -> None:
    for line in re.findall(r'`([a-z_]+ = "[^"]+")`', read("README.md")):
        parse_config(f'name = "x"\n{line}\n')


def test_units_are_installed_under_their_names() -> None:
    """What is copied exists, and what is started was copied."""
    text = read("README.md")
    copied = {Path(name).name for name in re.findall(r"deploy/systemd/\S+", text)}
    assert copied == {path.name for path in (DEPLOY / "systemd").iterdir()}
    started = re.findall(r"systemctl (?:enable --now|start|stop) ([\w.-]+)", text + read("upgrade.md"))
    assert {name if "." in name else f"{name}.service" for name in started} <= copied


def test_the_folders_of_the_manual_are_those_of_the_units() -> None:
    units = "".join(path.read_text() for path in (DEPLOY / "systemd").iterdir())
    for place in (
        NODE_DIRECTORY,
        "/opt/cairn",
        "/mnt/backup/cairn",
        "/etc/cairn/backup.passphrase",
        "/var/lib/cairn-node",
    ):
        assert place in units and place in read("README.md"), place


def test_no_package_host_is_named() -> None:
    """Where packages and images come from is the reader's own setting."""
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert not HOST.search(path.read_text(encoding="utf-8")), path


def test_what_the_manual_shows_is_shown(shell: Shell) -> None:
    """Its console lines on a real node: founded, running, looked at, backed up. Only names of places are changed."""
    home = shell.folder / "cairn"
    home.mkdir()
    steps = [step for step in read_steps(DEPLOY / "README.md") if isinstance(step, Typed)]
    assert sum("cairn-node" in step.line for step in steps) == 4
    founding, *rest = steps
    code = _play(shell, home, founding, 0)
    assert code == 0
    directory = home / "node"
    # The manual's host is not ours, and other tests may have the usual ports.
    here = {"http_listen": '"127.0.0.1:0"', "grpc_listen": '"127.0.0.1:0"', "http_url": '""', "grpc_address": '""'}
    change_config(directory, **here)
    with running(directory, shell.folder / "state"):
        for step in rest:
            code = _play(shell, home, step, code)


def _play(shell: Shell, home: Path, step: Typed, code: int) -> int:
    """Type one line; gives its exit code."""
    at_home = {"/srv/cairn": str(home), "did:key:…": encode_did_key(GOVERNORS[0].public), "sudo -u cairn ": ""}
    line, shown = step.line, step.shown
    for there, here in at_home.items():
        line = line.replace(there, here)
        shown = tuple(text.replace(there, here) for text in shown)
    if line == "echo $?":
        assert shown == (str(code),), f"README.md:{step.number}: exit code {code}"
        return code
    words = _split(line)
    assert words[0] == "cairn-node"
    secret = shell.secret if "backup" in words else ()
    said = shell(*words[1:], *secret)
    seen = tuple(" ".join(text.split()) for text in (said.out + said.err).splitlines())
    wrong = compare(tuple(" ".join(text.split()) for text in shown), seen, {})
    assert not wrong, f"README.md:{step.number}: {wrong}\n{said.out}{said.err}"
    return said.code


def _split(line: str) -> list[str]:
    return [quoted or word for quoted, word in re.findall(r"'([^']*)'|(\S+)", line)]
