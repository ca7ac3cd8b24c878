"""The high-water file: how far this node has ever signed, kept outside its data directory.

It guards the time without witnesses. A data directory restored from an older copy would sign other entries at the indexes
it has forgotten, and nobody else could tell; the file, which no copy of the directory brings back, can. One file for each
log, `$XDG_STATE_HOME/cairn/<log id>`, holding a size in decimal.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.identity import LogId, encode_log_id
from node import durable

MAX_DIGITS = 16


def state_home(environment: Mapping[str, str]) -> Path:
    """The folder for what programs remember about this computer (XDG Base Directory Specification)."""
    configured = environment.get("XDG_STATE_HOME", "")
    return Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "state"


class HighWater:
    """The file of one log. `raise_to` is called by the writing thread alone."""

    def __init__(self, folder: Path, log: LogId) -> None:
        """Look for the file below `folder` (see `state_home`).

        Raises:
            MalformedError: the file holds something else than a size.
        """
        self.path = folder / "cairn" / encode_log_id(log)
        self.size = self._read()

    def raise_to(self, size: int) -> None:
        """Remember, durably, that entries up to `size` were signed; a smaller size changes nothing."""
        if self.size is not None and size <= self.size:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        durable.replace_file(self.path, f"{size}\n".encode())
        self.size = size

    def _read(self) -> int | None:
        try:
            text = self.path.read_text(encoding="ascii").removesuffix("\n")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise MalformedError(f"{self.path}: not a size") from error
        if not text.isdigit() or len(text) > MAX_DIGITS:
            raise MalformedError(f"{self.path}: expected a size in decimal, got {text[:20]!r}")
        return int(text)
