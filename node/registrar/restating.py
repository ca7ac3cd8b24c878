"""Repair after an `operate` key was stolen: what this node itself signed with it is stated again (DESIGN 3, Keys).

A compromise voids everything the key signed from a position on, the institution's own batches and pages among it. An
entry that names the void one in `restates`, has the same body root and is signed by a key in force lifts that, and the
void entry keeps its place. Only what this node's own database knows, byte for byte, is restated; whatever else the key
signed is the thief's and stays void.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger.errors import RuleError
from ledger.log.body import parse_body
from ledger.log.entry import Entry, parse_entry
from ledger.log.keys import SigningKey
from ledger.log.records import Issue, StatusUpdate
from ledger.log.statement import STATEMENT_ID_LENGTH
from ledger.log.view import LogView
from node.clock import Draw
from node.registrar.outbox import Draft
from node.registrar.tables import Outgoing


@dataclass(frozen=True, slots=True)
class Voided:
    """Batches and pages of this log that a theft made void, in the order of the log."""

    own: tuple[Entry, ...]
    """Those this node made."""
    foreign: tuple[Entry, ...]
    """Those it did not make."""


def find_voided(session: Session, log: LogView) -> Voided:
    """Find the batches and pages that are void because their key was stolen and that nothing has restated yet."""
    own: list[Entry] = []
    foreign: list[Entry] = []
    for entry in _voided(log):
        known = session.scalar(select(Outgoing.statement).where(Outgoing.statement_id == entry.statement.id))
        # The id alone would not do: a thief may have used one that is still in the outbox.
        is_own = known is not None and known == entry.statement_bytes
        (own if is_own else foreign).append(entry)
    return Voided(tuple(own), tuple(foreign))


def draft_restatements(log: LogView, voided: Voided, key: SigningKey, *, now: int, draw: Draw) -> list[Draft]:
    """A statement for each of this node's own entries, over the same body, by a key in force.

    Raises:
        RuleError: a body is not held.
    """
    return [_restate(log, entry, key, now, draw) for entry in voided.own]


def check_restated(session: Session, log: LogView) -> None:
    """Check that no entry of this node's own is void: a page could not follow from one that does not count.

    Raises:
        RuleError: some are.
    """
    own = find_voided(session, log).own
    if own:
        raise RuleError(
            f"cut: {len(own)} of our own entries are void since a key was declared stolen, from entry {own[0].index} on",
            hint="cairn-node restate DIR states them again with the new operate key",
        )


def _voided(log: LogView) -> Iterator[Entry]:
    state = log.state
    since = [record.stolen_since for record in state.keys.records.values() if record.stolen_since is not None]
    for index in range(min(since, default=state.size), state.size):
        if index in state.void:
            # It never had effect, theft or not: nothing lifts that.
            continue
        entry = parse_entry(log.entry(index))
        statement = entry.statement
        is_batch = isinstance(statement, Issue | StatusUpdate) and statement.restates is None
        if is_batch and state.void_reason(entry) is not None:
            yield entry


def _restate(log: LogView, entry: Entry, key: SigningKey, now: int, draw: Draw) -> Draft:
    statement = entry.statement
    assert isinstance(statement, Issue | StatusUpdate), "nothing else is restated"
    body = log.body(entry.index)
    if body is None:
        raise RuleError(f"restate: the body of entry {entry.index} is not held here", hint="recover it from a peer")
    again = dataclasses.replace(statement, at=now, id=draw(STATEMENT_ID_LENGTH), restates=entry.index)
    return Draft(again, parse_body(statement.kind, body), key)
