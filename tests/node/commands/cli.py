"""Running `cairn-node` in the test's own process, and a node in another, as operators have it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from ledger.log.keyfile import LEAST_COST
from node import main
from node.keystore import create_key_file
from tests.node.governors import GOVERNORS
from tests.node.school import make_draw

ROOT = Path(__file__).resolve().parents[3]
PASSPHRASE = "a cheap passphrase"
START_SECONDS = 60


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


class Shell:
    """Runs command lines; `capsys` collects what they say."""

    def __init__(self, capsys: "pytest.CaptureFixture[str]", folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        (folder / "passphrase").write_text(f"{PASSPHRASE}\n")
        self.secret = ("--passphrase-file", str(folder / "passphrase"))

    def __call__(self, *words: str | Path) -> Said:
        self._capsys.readouterr()
        code = main.run([str(word) for word in words])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def good(self, *words: str | Path) -> str:
        said = self(*words)
        assert said.code == 0, said
        assert said.err.splitlines()[-1].startswith("next: "), "every command ends by naming the next one"
        return said.out

    def governor_keys(self) -> list[Path]:
        """The governors' key files, cheap to open."""
        paths = [self.folder / f"governor-{number}.key" for number in range(len(GOVERNORS))]
        for path, key in zip(paths, GOVERNORS, strict=True):
            if not path.exists():
                create_key_file(path, PASSPHRASE, make_draw(path.name), cost=LEAST_COST, key=key)
        return paths

    def found(self, name: str, kind: str = "school", *more: str, threshold: int = 1) -> Path:
        """An institution whose root keys are the governors'."""
        directory = self.folder / name
        self.good(
            "init", directory, "--name", name.title(), "--kind", kind, "--origin", f"{name}.example/log",
            "--root-key", *self.governor_keys(), "--threshold", str(threshold), "--batch-interval", "0", *more,
        )  # fmt: skip
        return directory


@contextmanager
def running(directory: Path, state_home: Path) -> Iterator[None]:
    """`cairn-node run DIRECTORY` as a process of its own, until the context ends."""
    environment = {**os.environ, "XDG_STATE_HOME": str(state_home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    log = directory.with_name(f"{directory.name}.log")
    with log.open("wb") as errors:
        node = subprocess.Popen(
            [sys.executable, "-m", "node.main", "run", str(directory)],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=directory.parent,
        )
    deadline = Timer(START_SECONDS, node.kill)
    deadline.start()
    try:
        with node:
            assert node.stdout is not None
            line = node.stdout.readline().decode()
            assert line.startswith("running: "), log.read_text(errors="replace")
            yield
            node.terminate()
            assert node.wait(timeout=30) == 0, log.read_text(errors="replace")
    finally:
        deadline.cancel()
        if node.poll() is None:
            node.kill()
