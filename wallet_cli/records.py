"""The learner's record in words: what is held, where it stands, and the names of the fields that can be shown."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.credential.status import Status
from ledger.errors import CairnError
from wallet_cli.acceptance import find_slot
from wallet_cli.held import HeldLedger
from wallet_cli.holdings import Contents, Copy, Holding, Presented
from wallet_cli.reading import PLAIN_LIST_NOTE, Reading, read_credential


@dataclass(frozen=True, slots=True)
class Row:
    """One holding in words: what it is, who gave it, since when, and how it stands."""

    holding: Holding
    reading: Reading
    state: str
    status: Status | None

    def to_json(self) -> dict[str, object]:
        """Return the row for machines."""
        waiting = sum(copy.receipt is None for copy in self.holding.current)
        return {
            "copies": len(self.holding.current),
            "id": self.holding.id,
            "issuer": self.reading.issuer,
            "issuer_name": self.reading.issuer_name,
            "on_ledger": waiting == 0,
            "state": self.state,
            "status": None if self.status is None else self.status.name.lower(),
            "title": self.reading.title,
            "valid_from": self.reading.valid_from,
            "valid_until": self.reading.valid_until,
        }


def list_rows(contents: Contents, held: HeldLedger | None, now: int) -> tuple[Row, ...]:
    """Return one row per holding, oldest first; states come from the replica held, no connection is opened.

    Raises:
        CairnError: a credential in the vault cannot be read.
    """
    return tuple(describe_holding(holding, held, now) for holding in contents.holdings)


def describe_holding(holding: Holding, held: HeldLedger | None, now: int) -> Row:
    """Return the row of one holding; its oldest current copy speaks for all, which an issuer changes together."""
    copy = holding.current[0]
    reading = read_credential(copy.sd_jwt)
    status = find_status(copy, reading, held)
    return Row(holding, reading, _state(holding, reading, status, now), status)


def find_status(copy: Copy, reading: Reading, held: HeldLedger | None) -> Status | None:
    """Return what the newest page held says about a copy; None where that cannot be told here."""
    if held is None or reading.status is None or not copy.log:
        return None
    try:
        return find_slot(reading.status, held)
    except CairnError:
        # A page that cannot be read says nothing; `cairn verify` tells why.
        return None


def show_lines(row: Row, now: int) -> tuple[str, ...]:
    """Return what `cairn show` prints above the fields; foreign text is not escaped yet."""
    reading, copies = row.reading, row.holding.current
    lines = [
        f"{reading.title} ({row.holding.id})",
        f"issued by    {reading.issuer_name}",
        f"issuer id    {reading.issuer}",
        f"valid        {_period(reading)}",
        f"state        {row.state}",
        f"checked      {'against the ledger' if copies[0].checked else 'not against any ledger yet: cairn refresh does it'}",
        f"received     {day_and_time(copies[0].received_at)}",
        f"copies       {len(copies)}, each with its own key; two of them share nothing but what they say and their day",
    ]
    lines += [
        f"copy {number}       {expectation(copy, now)}" for number, copy in enumerate(copies, 1) if not copy.receipt
    ]
    if reading.has_plain_list:
        lines.append(f"note         {PLAIN_LIST_NOTE}")
    return tuple(lines)


def show_json(row: Row) -> dict[str, object]:
    """Return everything `cairn show` tells, for machines; never the slot key, a salt or a holder key."""
    return row.to_json() | {
        "checked": all(copy.checked for copy in row.holding.current),
        "fields": {name: field.value for name, field in row.reading.fields.items()},
    }


def history_json(item: Presented) -> dict[str, Any]:  # JSON of a fixed shape
    """Return one presentation for machines."""
    return {
        "at": day_and_time(item.at),
        "audience": item.audience,
        "expires_at": day_and_time(item.expires_at),
        "file": item.file,
        "nonce": item.nonce,
        "purpose": item.purpose,
        "shown": [{"credential": one.holding, "fields": list(one.fields)} for one in item.shown],
    }


def day_and_time(milliseconds: int) -> str:
    """Return an instant as `2026-06-15 03:40 UTC`."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def expectation(copy: Copy, now: int) -> str:
    """Say in words when a waiting copy should stand on the ledger."""
    if copy.expected_at is None:
        return "waiting for the ledger, until the school's next cut"
    if copy.expected_at > now:
        return f"waiting for the ledger, expected by {day_and_time(copy.expected_at)}"
    return f"waiting for the ledger, was expected by {day_and_time(copy.expected_at)}: run `cairn refresh`"


def _state(holding: Holding, reading: Reading, status: Status | None, now: int) -> str:
    if status not in (None, Status.VALID):
        return str(status.name).lower()
    if reading.valid_until and reading.valid_until < day_and_time(now)[:10]:
        return f"expired on {reading.valid_until}"
    waiting = [copy for copy in holding.current if copy.receipt is None]
    if waiting:
        return expectation(waiting[0], now)
    return "on the ledger" if status is Status.VALID else "on the ledger, status not known here"


def _period(reading: Reading) -> str:
    start = f"from {reading.valid_from}" if reading.valid_from else "from the beginning"
    return f"{start} until {reading.valid_until}" if reading.valid_until else f"{start}, without end"
