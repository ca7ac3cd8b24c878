"""The demonstration, as `make demo` plays it: four real nodes, every verdict as expected, nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 280


@pytest.mark.timeout(DEADLINE_SECONDS + 20)
def test_everything_comes_out_as_expected(tmp_path: Path) -> None:
    """Exit code 0, the verdicts in the order of the story, and neither process nor file afterwards."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "KEEP": ""},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    verdicts = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and line.endswith(")")]
    story = ("Valid now (VALID)", "Not authentic (BAD_SIGNATURE)", "Valid now (VALID)", "Was valid, not now (REVOKED)")
    remaining = iter(verdicts)
    assert all(verdict in remaining for verdict in story), verdicts
    assert "clean: every log replays from zero" in done.stdout
    assert list(tmp_path.glob("cairn-demo-*")) == []
