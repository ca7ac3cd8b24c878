"""When a disk is too full, and how that is told."""

from pathlib import Path

import pytest

from node.diskspace import LOW_BYTES, LOW_INODES, VERY_LOW_BYTES, DiskSpace, describe_bytes, measure_disk, measure_files

TOTAL = 40 * 1024**3


@pytest.mark.parametrize(
    ("free", "inodes", "low", "very_low"),
    [
        (LOW_BYTES, None, False, False),
        (LOW_BYTES - 1, None, True, False),
        (VERY_LOW_BYTES, LOW_INODES, True, False),
        (VERY_LOW_BYTES - 1, None, True, True),
        (TOTAL, LOW_INODES - 1, True, False),
        (TOTAL, LOW_INODES // 10 - 1, True, True),
        (TOTAL, LOW_INODES, False, False),
    ],
)
def test_bounds(free: int, inodes: int | None, low: bool, very_low: bool) -> None:
    space = DiskSpace(free_bytes=free, total_bytes=TOTAL, free_inodes=inodes)
    assert (space.is_low, space.is_very_low) == (low, very_low)


def test_words() -> None:
    assert DiskSpace(free_bytes=3 << 29, total_bytes=TOTAL, free_inodes=None).describe() == "1.5 GiB free of 40.0 GiB"
    few = DiskSpace(free_bytes=TOTAL, total_bytes=TOTAL, free_inodes=1200)
    assert few.describe() == "40.0 GiB free of 40.0 GiB, room for 1,200 more files"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (64 << 20, "64.0 MiB"),
        (1 << 40, "1.0 TiB"),
        (1 << 50, "1024.0 TiB"),
    ],
)
def test_sizes_in_words(count: int, words: str) -> None:
    assert describe_bytes(count) == words


def test_a_real_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b").write_bytes(bytes(100))
    assert measure_files(tmp_path) == 10
    assert measure_files(tmp_path / "missing") == 0
    assert 0 < measure_disk(tmp_path).free_bytes <= measure_disk(tmp_path).total_bytes
