"""Days: windows, ages and limits, each at its edge."""

from datetime import date

import pytest

from ledger.errors import MalformedError
from ledger.mastery import days

DAY = date(2026, 6, 15)


@pytest.mark.parametrize(
    "text", ["", "2026-6-1", "20260601", "2026-02-29", "2026-13-01", "2026-06-15T00:00", "٢٠٢٦-01-01"]
)
def test_other_spellings_are_refused(text: str) -> None:
    """A day is YYYY-MM-DD and exists."""
    with pytest.raises(MalformedError, match=r"is not a date|is not a day"):
        days.parse_day(text)


@pytest.mark.parametrize(
    ("start", "end", "is_in"),
    [
        (None, None, True),
        (DAY, DAY, True),
        (date(2026, 6, 16), None, False),
        (None, date(2026, 6, 14), False),
        (None, DAY, True),
    ],
)
def test_both_ends_of_a_window_count(start: date | None, end: date | None, is_in: bool) -> None:
    """Ends count, missing ends are open."""
    assert days.is_within(DAY, start, end) is is_in


@pytest.mark.parametrize(("limit", "is_recent"), [(None, True), (10, True), (9, False), (10**9, True)])
def test_the_limit_itself_is_recent(limit: int | None, is_recent: bool) -> None:
    """Equal still counts."""
    assert days.is_recent(date(2026, 6, 5), DAY, limit) is is_recent


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2008, 6, 15), DAY, 18),
        (date(2008, 6, 16), DAY, 17),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
    ],
)
def test_age_counts_birthdays_reached(born: date, day: date, age: int) -> None:
    """The birthday itself counts; 29 February is reached on 1 March."""
    assert days.age_on(born, day) == age
