"""As of a date: what was known then, what is known today about then, and what changed in between, by which entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from ledger.credential.batch_report import encode_report, parse_report
from ledger.credential.report import Code, RecordReport
from ledger.log.entry import Entry
from ledger.log.keys import SigningKey
from tests.ledger.credential.histories import (
    admitted_later,
    allowed_retroactively,
    credential_key_stolen,
    expired,
    fork_told,
    forked,
    issued,
    issued_later,
    issued_next,
    not_yet,
    operate_key_stolen,
    page_stolen_then_a_good_one,
    reinstated,
    removed,
    removed_retroactively,
    restated,
    succeeded,
    with_status,
)
from tests.ledger.credential.history import History
from tests.ledger.credential.verifying import DAY, SECONDS, Minted
from tests.simulator import NOW, SimulatedLog


@dataclass(frozen=True)
class Row:
    """One history, the day that is asked about, and the three answers; `change` is step, log, index, day known, and
    whether it reaches back."""

    make: Callable[[History], Minted]
    day: int
    then: Code
    now: Code
    today: Code
    change: tuple[int, str, int | None, int | None, bool] | None = None


ROWS = {
    "nothing happened": Row(issued, 2, Code.VALID, Code.VALID, Code.VALID),
    "issued after": Row(
        issued_later, 1, Code.NOT_YET_VALID, Code.NOT_YET_VALID, Code.VALID, (6, "Granite", 5, 2, False)
    ),
    "issued in the next entry": Row(
        issued_next, 1, Code.NOT_YET_VALID, Code.NOT_YET_VALID, Code.VALID, (6, "Granite", 4, 2, False)
    ),
    "revoked after": Row(with_status(1), 3, Code.VALID, Code.VALID, Code.REVOKED, (11, "Granite", 9, 4, False)),
    "replaced after": Row(with_status(3), 2, Code.VALID, Code.VALID, Code.SUPERSEDED, (11, "Granite", 9, 4, False)),
    "revoked before": Row(with_status(1), 4, Code.REVOKED, Code.REVOKED, Code.REVOKED),
    "suspended after": Row(reinstated, 2, Code.VALID, Code.VALID, Code.VALID),
    "suspended then, lifted since": Row(
        reinstated, 4, Code.SUSPENDED, Code.SUSPENDED, Code.VALID, (11, "Granite", 12, 5, False)
    ),
    "lifted before": Row(reinstated, 5, Code.VALID, Code.VALID, Code.VALID),
    "expired since": Row(expired, 2, Code.VALID, Code.VALID, Code.EXPIRED, (5, "", None, None, False)),
    "not begun then": Row(not_yet, 2, Code.NOT_YET_VALID, Code.NOT_YET_VALID, Code.VALID, (5, "", None, None, False)),
    "credential key stolen since before": Row(
        credential_key_stolen(2),
        2,
        Code.VALID,
        Code.KEY_COMPROMISED,
        Code.KEY_COMPROMISED,
        (10, "Granite", 4, 4, True),
    ),
    "credential key stolen, from later on": Row(credential_key_stolen(3), 2, Code.VALID, Code.VALID, Code.VALID),
    "credential key known to be stolen": Row(
        credential_key_stolen(2), 4, Code.KEY_COMPROMISED, Code.KEY_COMPROMISED, Code.KEY_COMPROMISED
    ),
    "operate key stolen": Row(
        operate_key_stolen, 2, Code.VALID, Code.INCOMPLETE, Code.INCOMPLETE, (6, "Granite", 4, 4, True)
    ),
    "restated": Row(restated, 2, Code.VALID, Code.VALID, Code.VALID),
    "restated, asked about the time in between": Row(
        restated, 4, Code.INCOMPLETE, Code.VALID, Code.VALID, (6, "Granite", 6, 5, True)
    ),
    "only the page of then is void": Row(
        page_stolen_then_a_good_one, 2, Code.VALID, Code.INCOMPLETE, Code.VALID, (11, "Granite", 4, 4, True)
    ),
    "removed since": Row(removed, 2, Code.VALID, Code.VALID, Code.VALID),
    "removed retroactively": Row(
        removed_retroactively,
        2,
        Code.VALID,
        Code.ISSUER_NOT_AUTHORISED,
        Code.ISSUER_NOT_AUTHORISED,
        (9, "Confluence", 8, 4, True),
    ),
    "allowed retroactively": Row(
        allowed_retroactively, 2, Code.ISSUER_NOT_AUTHORISED, Code.VALID, Code.VALID, (9, "Confluence", 9, 4, True)
    ),
    "admitted later": Row(
        admitted_later, 1, Code.NOT_YET_VALID, Code.NOT_YET_VALID, Code.VALID, (6, "Larch", 2, 4, False)
    ),
    "a successor revoked": Row(succeeded, 2, Code.VALID, Code.VALID, Code.REVOKED, (11, "Heir", 3, 5, False)),
    "a fork that nobody had told": Row(
        forked, 2, Code.VALID, Code.FORKED_LOG, Code.FORKED_LOG, (8, "", None, None, True)
    ),
    "a fork told later, decided since": Row(fork_told, 2, Code.VALID, Code.VALID, Code.VALID),
    "a fork told then, decided since": Row(
        fork_told, 4, Code.FORKED_LOG, Code.VALID, Code.VALID, (8, "Confluence", 10, 6, True)
    ),
    "a fork decided before": Row(fork_told, 6, Code.VALID, Code.VALID, Code.VALID),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_was_known_what_is_known_and_what_changed(name: str) -> None:
    row, world = ROWS[name], History()
    report = world.ask(row.make(world), row.day)
    found = report.as_of
    assert found is not None
    assert (found.known_then.code, found.known_now.code, report.code) == (row.then, row.now, row.today), "\n".join(
        report.to_lines()
    )
    assert report.exit_code == row.then.exit_code
    if row.change is None:
        assert found.changes == ()
        return
    step, log, index, day, reaches_back = row.change
    first = found.changes[0]
    known_by = None if day is None else (SECONDS + day * 86_400) * 1000
    assert (first.step, first.log, first.index, first.known_by, first.reaches_back) == (
        step,
        log,
        index,
        known_by,
        reaches_back,
    ), first.to_line()


@pytest.mark.parametrize("name", ROWS)
def test_a_plain_verification_is_the_same_with_and_without_the_question(name: str) -> None:
    row, world = ROWS[name], History()
    one = row.make(world)
    asked = world.ask(one, row.day)
    now = NOW + world.day * DAY
    data = world.present(one, created=now + 1000, expires=now + 30 * DAY)
    plain = world.verify(data, now=now + 60_000).credentials[0]
    assert replace(asked, as_of=None) == plain


@pytest.mark.parametrize("name", ROWS)
def test_it_is_what_was_found_on_the_day(name: str) -> None:
    """Known then: what a plain verification found that day, whoever held all that stood on the network's log."""
    row = ROWS[name]
    seen: dict[int, Code] = {}
    made: list[Minted] = []

    class Watched(History):
        def confirm(self, seconds: int | None = None) -> None:
            super().confirm(seconds)
            if made:
                seen[self.day] = self.ask_today(made[0])

        def ask_today(self, one: Minted) -> Code:
            now = NOW + self.day * DAY
            data = self.present(one, created=now + 1000, expires=now + 30 * DAY)
            return self.verify(data, now=now + 60_000).credentials[0].code

        def batch(self, log: SimulatedLog, copies: Sequence[Minted], key: SigningKey | None = None) -> Entry:
            made.extend(copies)
            return super().batch(log, copies, key)

    world = Watched()
    one = row.make(world)
    if row.day not in seen or "fork" in name:
        pytest.skip("nothing to compare with: not issued that day, or told by evidence that has no date")
    assert world.look_back(one, row.day).known_then.code is seen[row.day]


def test_in_words() -> None:
    world = History()
    lines = world.ask(with_status(1)(world), 3).to_lines()
    assert lines[0] == "As known on 2026-06-12 10:14:20 UTC: Valid then (VALID)"
    assert lines[1] == "As known today about then: Valid then (VALID)"
    assert "    step 11: no: revoked, as of entry 12 of the log of Granite; by entry 9 of the log of Granite" in (
        line.partition(", known by")[0] for line in lines
    )
    assert "Today: Was valid, not now (REVOKED)" in lines
    assert "  Note: steps 1 to 4 are about the file in hand, which is judged as of today" in lines


def test_a_whole_report_reads_back() -> None:
    world = History()
    for row in ROWS.values():
        report = RecordReport((world.ask(row.make(world), row.day),))
        assert parse_report(encode_report(report)) == report
        assert report.summary == row.then.verdict.then
        world = History()
