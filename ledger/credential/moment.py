"""The moment a verification asks about, as people write it: a day, or an instant of RFC 3339."""

import re
from datetime import UTC, date, datetime, timedelta

from ledger.credential.validity import format_instant
from ledger.duration import DAY_MS
from ledger.errors import MalformedError

CLOCKS_MS = 60_000
"""How far the clocks of whoever asks and whoever answers may differ."""
_EPOCH_DAY = date(1970, 1, 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII).fullmatch
_is_instant = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
).fullmatch
_HINT = "write a day such as 2026-06-30, or an instant such as 2026-06-30T12:00:00Z"


def parse_moment(text: str, now: int) -> int:
    """Read the moment a verification asks about.

    Args:
        text: `YYYY-MM-DD`, which means the end of that day in UTC (today: now), or an instant of RFC 3339.
        now: Unix milliseconds.

    Returns:
        Unix milliseconds, from 1970 on.

    Raises:
        MalformedError: it is neither, or has not come yet.
    """
    try:
        at = _read(text)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"as of {text[:40]!r}: no day and no instant", hint=_HINT) from error
    if _is_day(text) and at - DAY_MS < now <= at:
        return now
    check_moment(at, now)
    return at


def check_moment(at: int, now: int) -> None:
    """Check that a moment (Unix ms) is not still to come.

    Raises:
        MalformedError: it is.
    """
    if at > now + CLOCKS_MS:
        raise MalformedError(
            f"as of {format_instant(at)}: is still to come, now is {format_instant(now)}",
            hint="name a moment that is over; without one it is judged as of now",
        )


def _read(text: str) -> int:
    if _is_day(text):
        at = ((date.fromisoformat(text) - _EPOCH_DAY).days + 1) * DAY_MS - 1
    elif _is_instant(text):
        at = (datetime.fromisoformat(text.upper().replace(" ", "T")) - _EPOCH) // timedelta(milliseconds=1)
    else:
        raise ValueError("neither form")
    if at < 0:
        raise ValueError("before 1970")
    return at
