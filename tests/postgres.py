"""A real PostgreSQL server for tests: in a temporary folder, on a Unix socket and a free loopback port.

The server's programs are those of the system, or those that the package `pgserver` brings (extra `dev`). Where neither
is there, tests that need one skip and say so.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.end_to_end.world import free_port

USER = "cairn"
PASSWORD = "kept in a file"
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server whose databases are all ours."""

    sockets: Path
    port: int

    def url(self, database: str) -> str:
        """How `node.toml` names a database on the Unix socket, where no password is asked for."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.sockets}&port={self.port}"

    def host_url(self, database: str) -> str:
        """The same over the network, where the password is asked for."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database, unless it is there, and give its URL."""
        import psycopg

        with psycopg.connect(f"host={self.sockets} port={self.port} user={USER} dbname=postgres") as connection:
            connection.autocommit = True
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{database}"')  # type: ignore[arg-type]  # names of our own
        return self.url(database)


def find_programs() -> Path:
    """The folder with initdb and postgres; skips the test where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[dev]'")
    folders = [Path(found).parent for found in [shutil.which("initdb")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = find_spec("pgserver")
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parent / "pginstall" / "bin")
    found = next(
        (folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None
    )
    if found is None:
        pytest.skip("no PostgreSQL server: install Debian's postgresql, or pip install pgserver")
    return found


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server until the context ends; it forgets everything."""
    programs = find_programs()
    # Short: the path of a Unix socket has little room.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    account = _account(folder)
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        _run([programs / "initdb", "-D", folder / "data", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync",
              "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"], account)  # fmt: skip
        port = free_port()
        options = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": "50"}
        command = [programs / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port)]
        command += [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=log, user=account, group=account, extra_groups=_no_groups()
            )
        try:
            _wait(folder, port, process)
            yield Server(folder, port)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root: another account is given the folder then."""
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, nobody, nobody)
    folder.chmod(0o755)
    return nobody


def _no_groups() -> "list[int] | None":
    return [] if os.getuid() == 0 else None


def _run(command: list[object], account: int | None) -> None:
    words = list(map(str, command))
    done = subprocess.run(
        words, capture_output=True, timeout=START_SECONDS, user=account, group=account, extra_groups=_no_groups()
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def _wait(folder: Path, port: int, process: "subprocess.Popen[bytes]") -> None:
    import psycopg

    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"host={folder} port={port} user={USER} dbname=postgres").close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.05)
