"""The committed gRPC stubs are what `proto/generate.py` makes of the schema today."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stubs_in(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.py*")) if p.suffix in {".py", ".pyi"}}


def test_stubs_are_fresh(tmp_path: Path) -> None:
    """A fresh run writes, byte for byte, the stubs in `node/pb`; when not: `python proto/generate.py`."""
    command = [sys.executable, str(ROOT / "proto" / "generate.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=ROOT)
    assert stubs_in(tmp_path / "node" / "pb") == stubs_in(ROOT / "node" / "pb")


def test_stubs_load_on_this_runtime() -> None:
    """The installed protobuf and grpc accept the stubs."""
    script = "from node.pb import cairn_pb2_grpc as g; print(g.LedgerStub.__name__)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, cwd=ROOT, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "LedgerStub"), run.stderr
