"""The dates of a credential, a verification step of its own: `nbf` and `exp` of a JWT (RFC 7519 §4.1.4, §4.1.5), or those
of a Verifiable Credential.

JWTs count seconds since 1970, possibly with fractions; everything here is Unix milliseconds, like `now` everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ledger.credential.strict_json import JSONValue, name_type
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import MalformedError, RuleError

MAX_SECONDS = 253_402_300_799
"""The last second of the year 9999; later dates are refused rather than misprinted."""
MAX_QUORUM_AHEAD_MS = 3_600_000
"""How far the time of a quorum may lie ahead of the verifier's clock: a head from the future would never grow old."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a token may be used, in Unix ms; None where the token sets no bound."""

    not_before: int | None
    """First millisecond at which it may be used."""
    expires: int | None
    """First millisecond at which it may no longer be used."""

    def is_early(self, now: int) -> bool:
        """Whether `now` (Unix ms) is before the first moment of validity."""
        return self.not_before is not None and now < self.not_before

    def is_expired(self, now: int) -> bool:
        """Whether `now` (Unix ms) is at or after the moment of expiry."""
        return self.expires is not None and now >= self.expires


def parse_validity(payload: Mapping[str, JSONValue], *, where: str = "jwt") -> Validity:
    """The dates a JWT payload sets.

    Raises:
        MalformedError: a date is no number of seconds from 1970 to 9999.
    """
    return Validity(parse_seconds(payload, "nbf", where), parse_seconds(payload, "exp", where))


def parse_document_validity(document: Mapping[str, JSONValue]) -> Validity:
    """The dates a Verifiable Credential sets: `validFrom`, `validUntil`, or their names in data model 1.1.

    Raises:
        MalformedError: a date is no date and time.
    """
    begins, ends = (
        next((parse_timestamp(document[name], where=name) for name in names if name in document), None)
        for names in (("validFrom", "issuanceDate"), ("validUntil", "expirationDate"))
    )
    return Validity(begins, ends)


def check_dates(payload: Mapping[str, JSONValue], now: int, *, where: str = "jwt") -> None:
    """Check that a JWT is neither too early nor expired at `now` (Unix ms).

    Raises:
        MalformedError: a date is unreadable.
        RuleError: `now` is before `nbf`, or not before `exp`.
    """
    not_before = parse_seconds(payload, "nbf", where)
    expires = parse_seconds(payload, "exp", where)
    if not_before is not None and now < not_before:
        raise RuleError(f"{where}: valid from {format_instant(not_before)}, now is {format_instant(now)}")
    if expires is not None and now >= expires:
        raise RuleError(f"{where}: expired at {format_instant(expires)}, now is {format_instant(now)}")


def parse_seconds(payload: Mapping[str, JSONValue], name: str, where: str) -> int | None:
    """A NumericDate claim in Unix ms, None where it is absent.

    Raises:
        MalformedError: no number of seconds from 1970 to 9999.
    """
    value = payload.get(name)
    if value is None and name not in payload:
        return None
    if type(value) is not int and type(value) is not float:
        raise MalformedError(f"{where}: expected seconds since 1970 in {name!r}, found {name_type(value)}")
    if not 0 <= value <= MAX_SECONDS:
        raise MalformedError(f"{where}: {name!r} is not between 1970 and 9999")
    return round(value * 1000)


@lru_cache(maxsize=4096)
def format_instant(instant: int) -> str:
    """Unix ms as people read it: `2026-01-31 23:59:59 UTC`. Times of witnesses may lie beyond any calendar."""
    if instant > MAX_SECONDS * 1000:
        return "after the year 9999"
    return f"{_EPOCH + timedelta(milliseconds=instant):%Y-%m-%d %H:%M:%S} UTC"
