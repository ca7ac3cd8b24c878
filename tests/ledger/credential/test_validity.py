"""Tests of ledger.credential.validity."""

from typing import Any

import pytest

from ledger.credential.validity import Validity, check_dates, format_instant, parse_validity
from ledger.errors import MalformedError, RuleError

NOW = 1_767_225_600_000


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, Validity(None, None)),
        ({"nbf": 0}, Validity(0, None)),
        ({"nbf": 1.5, "exp": 2}, Validity(1500, 2000)),
        ({"exp": 253_402_300_799}, Validity(None, 253_402_300_799_000)),
    ],
)
def test_dates_become_milliseconds(payload: dict[str, Any], expected: Validity) -> None:
    """Seconds, with fractions or without; absent ones set no bound."""
    assert parse_validity(payload) == expected


@pytest.mark.parametrize("value", [None, "1767225600", True, [], -1, 253_402_300_800, 1e300])
@pytest.mark.parametrize("name", ["nbf", "exp"])
def test_unreadable_dates_are_refused(name: str, value: Any) -> None:
    """A date nobody can read never means that there is no date."""
    for read in (lambda: parse_validity({name: value}), lambda: check_dates({name: value}, NOW)):
        with pytest.raises(MalformedError, match=name):
            read()


def test_the_bounds_are_exact() -> None:
    """Valid from the millisecond of `nbf` to the one before `exp`."""
    payload = {"nbf": NOW // 1000, "exp": NOW // 1000 + 1}
    validity = parse_validity(payload)
    for now in (NOW, NOW + 999):
        check_dates(payload, now)
        assert not validity.is_early(now)
        assert not validity.is_expired(now)
    assert validity.is_early(NOW - 1)
    assert validity.is_expired(NOW + 1000)
    with pytest.raises(RuleError, match="valid from 2026-01-01 00:00:00 UTC, now is 2025-12-31 23:59:59 UTC"):
        check_dates(payload, NOW - 1)
    with pytest.raises(RuleError, match="expired at 2026-01-01 00:00:01 UTC, now is 2026-01-01 00:00:01 UTC"):
        check_dates(payload, NOW + 1000)


def test_without_dates_everything_is_valid() -> None:
    """An open end is no end."""
    check_dates({}, NOW)
    assert not Validity(None, None).is_early(0)
    assert not Validity(None, None).is_expired(NOW)


def test_instants_are_written_for_people() -> None:
    """Date, time and zone."""
    assert format_instant(0) == "1970-01-01 00:00:00 UTC"
    assert format_instant((2**63 - 1) * 1000) == "after the year 9999"
