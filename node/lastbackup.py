"""When the last backup of a node was made: `DIR/last-backup.json`, written by whoever made one.

A backup that silently stopped being made is found out on the day it is needed; this is what status and doctor look at
before. The file is a remark, not a secret, and what it says is not proof that the backup can be read.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from ledger.duration import DAY_MS
from node import durable
from node.client.finding import Finding, FindingCode, Severity, describe_duration

FILE_NAME = "last-backup.json"
OLD_MS = 8 * DAY_MS
"""A nightly backup that has failed for a week, or a weekly one that was missed."""

_MAX_BYTES = 4096


def note_backup(directory: Path, at: int) -> None:
    """Remember that a backup was made and read back at `at`, Unix ms.

    Raises:
        OSError: the directory cannot be written.
    """
    durable.replace_file(directory / FILE_NAME, json.dumps({"at": at}).encode() + b"\n", mode=0o644)


def last_backup(directory: Path) -> int | None:
    """When the last backup was made, Unix ms; None where none is known."""
    try:
        with (directory / FILE_NAME).open("rb") as file:
            at = json.loads(file.read(_MAX_BYTES))["at"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return at if isinstance(at, int) else None


def find_old_backup(directory: Path, now: int) -> Iterator[Finding]:
    """Tell when backups were made and no longer are; a node that never had one is for `doctor` to say.

    Args:
        directory: of the node.
        now: Unix ms.
    """
    at = last_backup(directory)
    if at is not None and now - at > OLD_MS:
        yield Finding(
            code=FindingCode.BACKUP_OLD,
            severity=Severity.WARNING,
            since=at,
            what=f"the last backup is {describe_duration(now - at)} old",
            why="the one that should follow was not made, or could not be read back",
            do="run what makes it by hand and read what it says: cairn-node backup DIR -o FILE",
        )
