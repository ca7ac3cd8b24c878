"""Days: a date is a date, without hour and time zone, and every rule compares days with the `asOf` date.

`datetime.date` is arithmetic only; nothing here asks what day it is.
"""

import re
from datetime import date
from functools import lru_cache

from ledger.errors import MalformedError

_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII).fullmatch


@lru_cache(maxsize=1 << 15)
def parse_day(text: str) -> date:
    """The day that `YYYY-MM-DD` names.

    Raises:
        MalformedError: another spelling, or a day no calendar has.
    """
    if _is_day(text) is None:
        raise MalformedError(f"{text[:40]!r} is not a date (YYYY-MM-DD)")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{text} is not a day of the calendar") from error


def parse_optional_day(text: str) -> date | None:
    """As `parse_day`; nothing for an empty text."""
    return parse_day(text) if text else None


def is_within(day: date, start: date | None, end: date | None) -> bool:
    """Whether a day lies in a window; both ends count, an end that is not given is open."""
    return (start is None or start <= day) and (end is None or day <= end)


def is_recent(day: date, as_of: date, max_age_days: int | None) -> bool:
    """Whether at most `max_age_days` lie between a day and `as_of`; None sets no limit."""
    return max_age_days is None or as_of.toordinal() - day.toordinal() <= max_age_days


def age_on(born_on: date, day: date) -> int:
    """Birthdays reached: who was born on 29 February reaches them on 1 March of other years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))
