"""Backups in one folder, for a nightly timer: a name for each, and only the newest kept.

The name has the beginning of the log id and the second it was made, in UTC, so that names sort by age and backups of
two nodes can lie in one folder. Only files with exactly such a name are ever deleted.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from node import durable

SUFFIX = ".backup"
_LOG_CHARACTERS = 8


def backup_name(log: str, made_at: int) -> str:
    """The name of a backup of this log (text of its id) made at this instant (Unix ms)."""
    stamp = datetime.fromtimestamp(made_at / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"cairn-{log[:_LOG_CHARACTERS]}-{stamp}{SUFFIX}"


def find_backups(folder: Path, log: str) -> list[Path]:
    """The backups of this log in a folder, newest first."""
    pattern = re.compile(rf"cairn-{re.escape(log[:_LOG_CHARACTERS])}-[0-9]{{8}}T[0-9]{{6}}Z{re.escape(SUFFIX)}")
    found = [path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: path.name, reverse=True)


def drop_old(folder: Path, log: str, keep: int) -> list[Path]:
    """Delete all but the `keep` newest backups of this log; returns those deleted."""
    old = find_backups(folder, log)[max(keep, 1) :]
    for path in old:
        path.unlink()
    if old:
        durable.sync_directory(folder)
    return old
