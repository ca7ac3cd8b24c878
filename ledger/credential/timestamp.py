"""Points in time as Verifiable Credentials write them: xsd:dateTimeStamp, read into Unix milliseconds and written back.

Without an offset UTC is meant (VC Data Model 2.0 §4.9). Days that no calendar has, hour 24 and leap seconds are refused.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from ledger.credential.strict_json import JSONValue, name_type
from ledger.errors import MalformedError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_match = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))?", re.ASCII
).fullmatch


def parse_timestamp(value: JSONValue, *, where: str) -> int:
    """Unix ms of a date and time; digits beyond milliseconds are left out.

    Args:
        value: what the document holds.
        where: subject of error messages.

    Raises:
        MalformedError: no text, another form, no point in time between the years 1 and 9999 there, or in UTC one
            before the year 1.
    """
    if type(value) is not str:
        raise MalformedError(f"{where}: expected a date and time, found {name_type(value)}")
    match = _match(value)
    if match is None:
        raise MalformedError(f"{where}: {value[:40]!r} is no date and time like 2026-01-31T08:00:00Z")
    *numbers, fraction, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        year, month, day, hour, minute, second = map(int, numbers)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
        whole = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"{where}: {value[:40]!r} is no point in time") from error
    if whole < _FIRST:  # east of Greenwich year 1 begins earlier, and no calendar here could write that in UTC
        raise MalformedError(f"{where}: {value[:40]!r} is no point in time")
    return whole + int((fraction or "0").ljust(3, "0")[:3])


def format_timestamp(instant: int) -> str:
    """Unix ms as text in UTC, in whole seconds: `2026-01-31T08:00:00Z`."""
    return f"{_EPOCH + timedelta(milliseconds=instant):%Y-%m-%dT%H:%M:%SZ}"
