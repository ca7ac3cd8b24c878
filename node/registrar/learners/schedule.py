"""Rows of the retention table in `node.toml`: what is kept, how long, after what event (`retention` applies them)."""

import re
from dataclasses import dataclass

from ledger.duration import DAY_MS
from ledger.errors import MalformedError

EVENTS = {
    ("awards", "decision"): "awards with their copies, decisions and claim links, counted from the decision",
    ("awards", "expiry"): "the same, counted from the last day on which the award is valid",
    ("awards", "ending"): "the same, of awards that were revoked or replaced, counted from then",
    ("addresses", "decision"): "e-mail addresses of awards, counted from the decision",
    ("reasons", "decision"): "reasons of decisions, counted from the decision",
    ("offers", "expiry"): "claim links, used or not, counted from their expiry",
    ("disclosures", "disclosure"): "the disclosure log, counted from the disclosure",
    ("marks", "end"): "restrictions, legal holds and statements that were ended, counted from then",
}
"""What can be erased and by which event its time begins, each in words."""

_UNITS_MS = {"day": DAY_MS, "days": DAY_MS, "year": 365 * DAY_MS + DAY_MS // 4}
_UNITS_MS["years"] = _UNITS_MS["year"]
_ROW = re.compile(r"(\w+) (\d{1,5}) (\w+) after (\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """One row: `text` as it is written, and what it says."""

    text: str
    what: str
    event: str
    keep_ms: int


def parse_row(text: str) -> RetentionRow:
    """Read one row, such as `awards 60 years after decision`.

    Raises:
        MalformedError: it is none, or nothing is kept by that event.
    """
    match = _ROW.fullmatch(text)
    if match is None or match[3] not in _UNITS_MS or int(match[2]) == 0:
        raise MalformedError(f"{text!r} is not WHAT NUMBER UNIT after EVENT, such as 'awards 60 years after decision'")
    what, number, unit, event = match.groups()
    if (what, event) not in EVENTS:
        known = ", ".join(f"{what} after {event}" for what, event in EVENTS)
        raise MalformedError(f"{text!r}: there is no such row; known: {known}")
    return RetentionRow(text, what, event, int(number) * _UNITS_MS[unit])
