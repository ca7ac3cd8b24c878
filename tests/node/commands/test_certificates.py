"""Certificates as the operator meets them: `status` of a running node, and a start that is refused."""

import json
import subprocess
import sys
from pathlib import Path

from node.config import change_config
from node.tls.modes import TLSMode
from tests.node.commands.cli import Shell, running
from tests.node.tls.authority import DAY_MS, make_test_authority, write_files

REPOSITORY = Path(__file__).resolve().parents[3]
HOST = "cairn.granite.example"


def with_files(shell: Shell, folder: Path, ends_in: int) -> Path:
    """A node on free ports of this computer: HTTP with files, gRPC with its own certificate."""
    files = write_files(folder / "acme", make_test_authority(), HOST, ends_in=ends_in)
    directory = shell.found("school")
    path = directory / "node.toml"
    changed = change_config(
        path.read_text(),
        http_listen="127.0.0.1:0",
        grpc_listen="127.0.0.1:0",
        http_url=f"https://{HOST}",
        grpc_address="",
        tls_certificate=str(files.certificate),
        tls_key=str(files.key),
        grpc_tls=TLSMode.SELF_MADE,
    )
    path.write_text(changed)
    return directory


def test_status_tells_until_when_certificates_are_good(shell: Shell, tmp_path: Path) -> None:
    """Both are listed; the one that ends soon is among the things to look at, with its remedy."""
    directory = with_files(shell, tmp_path, 12 * DAY_MS + DAY_MS // 2)
    file = tmp_path / "acme" / "fullchain.pem"
    with running(directory, tmp_path / "state"):
        said = shell("status", directory)
        certificates = json.loads(shell("status", directory, "--json").out)["certificates"]
    assert said.code == 1
    assert f"UTC, {file}\n" in said.out and "certificate of grpc: until " in said.out and "UTC, self-made\n" in said.out
    assert "  warning: certificate of the HTTP listener ends in 12 days, on " in said.out
    assert f"do:  renew {file}; the running node takes the new one over by itself\n" in said.out
    assert [(item["listener"], item["is_self_made"]) for item in certificates] == [("http", False), ("grpc", True)]


def test_a_key_open_to_others_is_told_in_words_at_the_start(shell: Shell, tmp_path: Path) -> None:
    directory = with_files(shell, tmp_path, 60 * DAY_MS)
    (tmp_path / "acme" / "privkey.pem").chmod(0o644)
    # A process of its own: `run` configures logging for good.
    command = [sys.executable, "-m", "node.main", "run", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=False)
    assert done.returncode == 1
    assert "privkey.pem: other accounts can open this key (mode 0644, expected 0600 or 0640)" in done.stderr
    assert "cairn-node: hint: chmod 640" in done.stderr and "Traceback" not in done.stderr
