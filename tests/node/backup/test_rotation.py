"""Only the newest backups of one log stay, and nothing else is touched."""

from pathlib import Path

from node.backup.rotation import backup_name, drop_old, find_backups

LOG, OTHER = "abcdefgh" + "x" * 35, "zzzzzzzz" + "x" * 35
DAY = 86_400_000
NOW = 1_790_000_000_000


def test_the_newest_stay(tmp_path: Path) -> None:
    mine = [tmp_path / backup_name(LOG, NOW + day * DAY) for day in range(5)]
    other = [
        tmp_path / name
        for name in (
            backup_name(OTHER, NOW),
            backup_name(LOG, NOW).replace(".backup", ".keys.backup"),
            backup_name(LOG, NOW) + ".old",
            "my own.backup",
        )
    ]
    for path in (*mine, *other):
        path.write_bytes(b"")
    assert mine[0].name == "cairn-abcdefgh-20260921T141320Z.backup"
    assert find_backups(tmp_path, LOG) == mine[::-1]
    assert drop_old(tmp_path, LOG, 2) == [mine[2], mine[1], mine[0]]
    assert sorted(tmp_path.iterdir()) == sorted([*mine[3:], *other])
    assert drop_old(tmp_path, LOG, 2) == []
    assert drop_old(tmp_path, LOG, 0) == [mine[3]], "the last is never deleted"
