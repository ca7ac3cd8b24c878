"""Tests of ledger.credential.timestamp, and of the dates of documents."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.credential.timestamp import format_timestamp, parse_timestamp
from ledger.credential.validity import MAX_SECONDS, Validity, format_instant, parse_document_validity
from ledger.errors import MalformedError


@given(st.integers(-62_000_000_000, 253_402_300_799))
def test_what_is_written_is_read(seconds: int) -> None:
    """Every whole second of the years that have four digits."""
    if datetime.fromtimestamp(seconds, UTC).year >= 1000:
        assert parse_timestamp(format_timestamp(seconds * 1000), where="t") == seconds * 1000


@given(st.datetimes(), st.sampled_from(("Z", "+14:00", "-14:00", "+00:01", "-23:59")))
@example(datetime.min, "+00:01")
@example(datetime.min, "Z")
def test_what_is_read_can_be_written_for_people(moment: datetime, offset: str) -> None:
    """A date in a file that nobody has signed yet comes out in a message."""
    try:
        instant = parse_timestamp(moment.isoformat(timespec="seconds") + offset, where="t")
    except MalformedError:
        assert moment.year == 1
        return
    assert "UTC" in format_instant(instant) or moment.year == 9999
    if instant <= MAX_SECONDS * 1000:
        assert format_timestamp(instant).endswith("Z")


@given(st.text(alphabet="0123456789-:TZ+.", max_size=35))
def test_hostile_text_is_refused_or_read(text: str) -> None:
    """Nothing but MalformedError escapes."""
    try:
        parse_timestamp(text, where="t")
    except MalformedError:
        return


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T22:30:00-01:30", 0),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("1970-01-01T00:00:01.0019Z", 1_001),
    ],
)
def test_spellings(text: str, instant: int) -> None:
    """Offsets, fractions, and none at all, which means UTC."""
    assert parse_timestamp(text, where="t") == instant


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z", "2026-01-31 00:00:00Z",
        "2026-01-31T00:00:00z", "0000-01-01T00:00:00Z", "2026-01-31T00:00:00+24:00", "٢٠٢٦-01-31T00:00:00Z", 4, None,
        "0001-01-01T00:00:00+10:00 ", "0001-01-01T00:00:00+00:01", "0001-01-01T13:59:59.999+14:00",
    ],
)  # fmt: skip
def test_other_texts_are_refused(text: str | int | None) -> None:
    """No date, no such day, no such hour, no such offset."""
    with pytest.raises(MalformedError, match=r"^t: "):
        parse_timestamp(text, where="t")


def test_dates_of_documents() -> None:
    """Both data models; a date that is none is an error of its member."""
    assert parse_document_validity({"validFrom": "1970-01-01T00:00:01Z"}) == Validity(1_000, None)
    old = {"issuanceDate": "1970-01-01T00:00:01Z", "expirationDate": "1970-01-01T00:00:02Z"}
    assert parse_document_validity(old) == Validity(1_000, 2_000)
    with pytest.raises(MalformedError, match="validUntil"):
        parse_document_validity({"validUntil": 4})
