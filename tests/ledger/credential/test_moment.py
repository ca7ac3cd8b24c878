"""Moments as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.credential.moment import CLOCKS_MS, parse_moment
from ledger.credential.validity import format_instant
from ledger.duration import DAY_MS
from ledger.errors import MalformedError

NOON = 1_782_820_800_000
"""2026-06-30 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-06-29", NOON - DAY_MS // 2 - 1),
        ("2026-06-30", NOON),
        ("1970-01-01", DAY_MS - 1),
        ("2026-06-30T12:00:00Z", NOON),
        ("2026-06-30t12:00:00z", NOON),
        ("2026-06-30 12:00:00Z", NOON),
        ("2026-06-30T14:00:00+02:00", NOON),
        ("2026-06-30T11:59:59.25Z", NOON - 750),
        ("2026-06-30T11:59:59.999999Z", NOON - 1),
    ],
)
def test_a_day_is_its_end_and_today_is_now(text: str, at: int) -> None:
    assert parse_moment(text, NOON) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "20260630",
        "2026-6-30",
        "2026-06-31",
        "2026-W27-1",
        "30.06.2026",
        "2026-06-30T12:00Z",
        "2026-06-30T12:00:00",
        "2026-06-30T25:00:00Z",
        "2026-06-30T12:00:60Z",
        "2026-06-30T12:00:00+0200",
        "2026-06-30T12:00:00.1234567Z",
        "1969-12-31",
        "1969-12-31T23:59:59Z",
        "\u0662026-06-30",
        "2026-06-30\n",
    ],
)
def test_what_is_neither_a_day_nor_an_instant(text: str) -> None:
    with pytest.raises(MalformedError, match="no day and no instant") as caught:
        parse_moment(text, NOON)
    assert "2026-06-30T12:00:00Z" in caught.value.hint


@pytest.mark.parametrize("text", ["2026-07-01", "2026-06-30T12:01:01Z", "9999-12-31"])
def test_what_is_still_to_come(text: str) -> None:
    with pytest.raises(MalformedError, match="is still to come, now is 2026-06-30 12:00:00 UTC"):
        parse_moment(text, NOON)


@given(st.integers(0, NOON // 1000 + CLOCKS_MS // 1000))
def test_an_instant_reads_back(seconds: int) -> None:
    text = format_instant(seconds * 1000)
    assert parse_moment(f"{text[:10]}T{text[11:19]}Z", NOON) == seconds * 1000


@given(st.text(max_size=40))
def test_nothing_escapes_as_another_error(text: str) -> None:
    try:
        parse_moment(text, NOON)
    except MalformedError:
        return
