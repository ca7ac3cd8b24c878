"""Other people's software: one Node.js process with the npm packages of `package.json`, and `openvc-core` from pip.

`make interop` installs both. Where they are not installed the tests are skipped, and say why.
"""

import json
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECONDS = 60.0
"""How long one answer may take; starting takes a second or two on a busy computer."""


def missing_npm() -> str:
    """Why the npm packages cannot be asked; empty where they can."""
    if shutil.which("node") is None:
        return "Node.js is not installed; `make interop` needs it"
    wanted = json.loads((HERE / "package.json").read_bytes())["dependencies"]
    for name, version in wanted.items():
        file = HERE / "node_modules" / name / "package.json"
        if not file.exists():
            return f"{name} is not installed: make interop"
        if json.loads(file.read_bytes())["version"] != version:
            return f"{name} is not of version {version}: make interop"
    return ""


class NodePeer:
    """The process behind `peer.mjs`, asked one question after the other."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            ["node", str(HERE / "peer.mjs")],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, action: str, **request: Any) -> dict[str, Any]:
        """Its answer; TimeoutError where there is none in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": action, **request}).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], SECONDS)[0]:
            raise TimeoutError(f"{action}: no answer within {SECONDS} seconds")
        line = self._process.stdout.readline()
        assert line, f"{action}: the process ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate(timeout=SECONDS)
