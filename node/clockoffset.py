"""How far this computer's clock is from the clocks of others, as far as it can be told in passing.

No rule of the ledger uses this clock, but cosignatures carry its seconds, certificates expire by it and cuts are due by it:
an operator should hear of a clock that was set back or runs ahead. What is compared was asked for and answered within
seconds, so what is left beyond that time is the clocks' difference.
"""

from collections.abc import Collection

SECOND_MS = 1000
LIMIT_MS = 60_000
"""A minute: NTP keeps a clock within milliseconds, so this is a clock that nobody keeps."""
FAR_MS = 600_000


def offset_of(told: int, asked: int, answered: int) -> int:
    """How far the other clock is ahead of ours, in milliseconds; 0 where the time of the question explains it.

    Args:
        told: what the other side said the time was, cut down to whole seconds.
        asked: our time when we asked, Unix ms.
        answered: our time when the answer came, Unix ms.
    """
    latest = told + SECOND_MS - 1
    if latest < asked:
        return latest - asked
    return max(0, told - answered)


def judge_offsets(offsets: Collection[int]) -> int:
    """How far our own clock is behind, in milliseconds, as far as most of the others agree; 0 where nobody told.

    One clock that is off is its owner's problem; most of them at once means that ours is.
    """
    if not offsets:
        return 0
    ordered = sorted(offsets)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    # Of an even number the two in the middle may disagree: then only what both say is believed.
    return 0 if low < 0 < high else min(low, high, key=abs)


def describe_offset(offset: int) -> str:
    """`5 minutes behind`, said of our clock: theirs is `offset` milliseconds ahead."""
    seconds = abs(offset) // SECOND_MS
    length = f"{round(seconds / 60)} minutes" if seconds >= 120 else f"{seconds} seconds"
    return f"{length} {'behind' if offset > 0 else 'ahead'}"
