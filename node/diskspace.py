"""How much room a directory's disk has left, and when that is too little.

A full disk stops a node cleanly, but it stops it. The bounds are in bytes, not in shares: what a node writes in a day does
not grow with the disk.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.client.finding import Finding, FindingCode, Severity

LOW_BYTES = 2 * 1024**3
"""Somebody should look: at 64 MiB a log and day a small network fills this in weeks."""
VERY_LOW_BYTES = 256 * 1024**2
"""One cut with its bodies and LevelDB's own work may need this much at once."""
LOW_INODES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpace:
    """What is left for an account without special rights.

    Attributes:
        free_bytes, total_bytes: of the file system.
        free_inodes: how many further files it can hold; None where it does not count them.
    """

    free_bytes: int
    total_bytes: int
    free_inodes: int | None

    @property
    def is_low(self) -> bool:
        """Whether somebody should make room within days."""
        return self.free_bytes < LOW_BYTES or self._has_few_inodes(LOW_INODES)

    @property
    def is_very_low(self) -> bool:
        """Whether the next cut may not fit."""
        return self.free_bytes < VERY_LOW_BYTES or self._has_few_inodes(LOW_INODES // 10)

    def describe(self) -> str:
        """`12.0 GiB free of 40.0 GiB`, and the number of further files where that is the smaller problem."""
        text = f"{describe_bytes(self.free_bytes)} free of {describe_bytes(self.total_bytes)}"
        return f"{text}, room for {self.free_inodes:,} more files" if self._has_few_inodes(LOW_INODES) else text

    def _has_few_inodes(self, bound: int) -> bool:
        return self.free_inodes is not None and self.free_inodes < bound


def measure_disk(directory: Path) -> DiskSpace:
    """Ask the file system that holds a directory.

    Raises:
        OSError: it cannot be asked.
    """
    status = os.statvfs(directory)
    return DiskSpace(
        free_bytes=status.f_bavail * status.f_frsize,
        total_bytes=status.f_blocks * status.f_frsize,
        # File systems that make inodes as they need them say 0 of 0.
        free_inodes=status.f_favail if status.f_files else None,
    )


def find_low_disk(directory: Path) -> Iterator[Finding]:
    """The disk of a node's directory, if it is nearly full."""
    disk = measure_disk(directory)
    if disk.is_low:
        yield Finding(
            code=FindingCode.DISK_LOW,
            severity=Severity.PROBLEM if disk.is_very_low else Severity.WARNING,
            what="the disk is nearly full",
            why=disk.describe(),
            do="make room on that disk; on a full one the node writes nothing, loses nothing, and goes on by itself",
        )


def measure_files(directory: Path) -> int:
    """Bytes of all files directly in a directory; 0 where there is none."""
    total = 0
    try:
        for entry in os.scandir(directory):
            if entry.is_file(follow_symlinks=False):
                total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        # LevelDB removes files while we look.
        return total
    return total


def describe_bytes(count: int) -> str:
    """`512 B`, `12.0 MiB`, `1.5 GiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
