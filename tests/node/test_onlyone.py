"""One process holds a directory; a file that a killed one left holds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from node.errors import BusyError
from node.onlyone import LOCK_NAME, hold_directory

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from node.onlyone import hold_directory

with hold_directory(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=f"process {holder.pid}, a test"), hold_directory(tmp_path):
            pass
        holder.kill()
    assert (tmp_path / LOCK_NAME).read_text() == f"process {holder.pid}, a test\n"
    with hold_directory(tmp_path, "the next"):
        assert "the next" in (tmp_path / LOCK_NAME).read_text()


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError), hold_directory(tmp_path):
            raise ValueError
