"""Time and randomness as values that are passed, so that a test can own both.

Nothing below the commands calls `time.time` or `os.urandom` by itself: it takes a `Clock` and a `Draw`.
"""

import os
import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the time now in Unix milliseconds."""

Draw = Callable[[int], bytes]
"""Returns that many bytes nobody can predict."""


def system_clock() -> int:
    """Unix milliseconds by this computer's clock, which may jump when somebody sets it."""
    return time.time_ns() // 1_000_000


def system_draw(length: int) -> bytes:
    """`length` bytes from the operating system's generator."""
    return os.urandom(length)
