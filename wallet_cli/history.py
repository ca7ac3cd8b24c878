"""What was shown to whom: the learner's own account, kept in the vault and nowhere else."""

from collections.abc import Sequence

from wallet_cli.holdings import Contents, Presented
from wallet_cli.records import day_and_time

HEADINGS = ("when", "to whom", "what", "usable until", "file")


def history_rows(contents: Contents, audience: str = "") -> tuple[Presented, ...]:
    """Return the presentations, newest first; with `audience` only those made for it."""
    return tuple(item for item in reversed(contents.history) if not audience or item.audience == audience)


def row_cells(item: Presented) -> Sequence[str]:
    """Return one presentation as cells of a table; foreign text is not escaped yet."""
    what = "; ".join(f"{one.holding}: {', '.join(one.fields) or 'nothing but the achievement'}" for one in item.shown)
    return day_and_time(item.at), item.audience, what, day_and_time(item.expires_at), item.file


def overlaps(contents: Contents) -> tuple[str, ...]:
    """Say in words which receivers could find out that they met the same person: they saw the same copy."""
    audiences: dict[bytes, dict[str, None]] = {}
    for item in contents.history:
        for one in item.shown:
            audiences.setdefault(one.commitment, {})[item.audience] = None
    groups = dict.fromkeys(tuple(names) for names in audiences.values() if len(names) > 1)
    return tuple(f"{', '.join(names[:-1])} and {names[-1]} have seen the same copy" for names in groups)
