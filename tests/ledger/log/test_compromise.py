"""What a compromise takes back, from which position on, and how a restatement repairs it."""

from ledger.log.charter import Role, RoleKey
from ledger.log.earlier import rewind
from ledger.log.entry import parse_entry
from ledger.log.governance import AddKey
from ledger.log.keyring import KeyStatus
from ledger.log.keys import SigningKey
from ledger.log.records import CloseDocument, DocumentName
from ledger.log.state import LogState, found_state
from tests.ledger.log.samples import (
    add,
    fresh_key,
    issue,
    own_list,
    restate,
    roots,
    say,
    status,
)
from tests.simulator import SimulatedLog


def school(threshold: int = 1) -> SimulatedLog:
    log = SimulatedLog("granite", governors=threshold, threshold=threshold)
    log.cut()
    return log


def operate(log: SimulatedLog) -> SigningKey:
    return log.role_signers[Role.OPERATE]


def refold(log: SimulatedLog, *cuts: int) -> LogState:
    """Fold the log again, going through a copy at each of the cuts."""
    state = found_state(parse_entry(log.entries[0]))
    for index in range(1, log.size):
        if index in cuts:
            state = state.copy()
        state.apply(parse_entry(log.entries[index]), log.bodies[index])
    return state


def stolen(log: SimulatedLog, since: int) -> SigningKey:
    """Compromise the operate key and put a new one in force."""
    new = fresh_key(log, "operate")
    log.compromise(operate(log), since)
    add(log, new)
    return new


def reasons(log: SimulatedLog) -> dict[int, str]:
    found = {index: log.state.void_reason(parse_entry(raw)) for index, raw in enumerate(log.entries)}
    return {index: reason for index, reason in found.items() if reason is not None}


def test_a_compromise_voids_from_its_position_on() -> None:
    """What the key signed before stays; what it signed since is void, and what it signs later never takes effect."""
    log = school()
    log.cut()
    assert reasons(log) == {}
    log.compromise(operate(log), since=5)
    assert set(reasons(log)) == {5, 6}
    assert log.state.effective_status() == log.state.statuses[0]
    newest = log.state.newest_status
    assert newest is not None and newest.index == 6 and log.state.is_status_void(newest)
    late = issue(log)
    assert "compromised from an earlier position on" in reasons(log)[late.index]
    assert log.state.void[late.index] == reasons(log)[late.index]
    status_there = log.state.key_status(operate(log).public.id, Role.OPERATE, 4)
    assert (status_there, log.state.key_status(operate(log).public.id, Role.OPERATE, 5)) == (
        KeyStatus.IN_FORCE,
        KeyStatus.COMPROMISED,
    )


def test_growth_depends_on_nothing_retroactive() -> None:
    """Before and after a compromise the same entries grow the log to the same tree."""
    log = school()
    log.cut()
    before = log.state.frontier.root()
    stolen(log, since=2)
    assert refold(log).frontier.hashes == log.state.frontier.hashes
    assert log.root_at(7) == before


def test_restating_lifts_the_void_and_keeps_the_old_position() -> None:
    log = school()
    log.cut()
    new = stolen(log, since=5)
    restate(log, 5, new)
    assert set(reasons(log)) == {6}
    page = restate(log, 6, new)
    assert reasons(log) == {}
    newest = log.state.newest_status
    assert newest is not None and newest.index == 6 and not log.state.is_status_void(newest)
    assert newest.statement_id == parse_entry(log.entries[6]).statement.id != page.statement.id


def test_restating_with_another_body_or_a_stolen_key_lifts_nothing() -> None:
    log = school()
    new = stolen(log, since=2)
    issue(log, keys=[new], restates=2)
    assert set(reasons(log)) == {2, 3}
    restate(log, 2, operate(log))
    assert {2, 3} <= set(reasons(log))
    restate(log, 2, new)
    assert 2 not in reasons(log)
    log.compromise(new, since=0)
    assert 2 in reasons(log)


def test_a_restatement_counts_neither_as_batch_nor_as_page() -> None:
    log = school()
    new = stolen(log, since=2)
    issues, pages = log.state.issues, len(log.state.statuses)
    restate(log, 2, new)
    restate(log, 3, new)
    assert (log.state.issues, len(log.state.statuses)) == (issues, pages)


def test_a_stolen_define_key_neither_publishes_nor_closes() -> None:
    log = school()
    define = log.role_signers[Role.DEFINE]
    name = DocumentName("lantern", 1)
    log.publish("lantern", 1)
    closing = say(log, CloseDocument, [define], name=name)
    bad = log.publish("lantern", 2)
    record = log.state.document(name)
    assert record is not None and record.closed == closing.index
    log.compromise(define, since=closing.index)
    assert set(reasons(log)) == {closing.index, bad.index}
    record = log.state.document(name)
    assert record is not None and record.closed is None
    newest = log.state.newest_document("lantern")
    assert newest is not None and newest.name == name
    again = fresh_key(log, "define")
    say(log, AddKey, roots(log), after=-1, until=99, key=RoleKey(again.public, Role.DEFINE))
    assert say(log, CloseDocument, [again], name=name).index not in reasons(log)


def test_pages_are_found_below_an_index() -> None:
    log = school()
    second = status(log, [own_list(log)])
    first_page, newest = log.state.effective_status(second.index), log.state.effective_status()
    assert first_page is not None and newest is not None
    assert (first_page.index, newest.index, log.state.effective_status(1)) == (3, second.index, None)


def test_which_entry_declared_a_key_stolen_is_told_whatever_was_decided_about_it_since() -> None:
    """Also as of an earlier size, of which no more is known than what its entries left behind."""
    log = school()
    key, declared = operate(log), log.size
    log.compromise(key, since=1)
    log.retire(key)
    expected = f"entry {declared} declares it stolen, which voids what it signed from entry 1 on"
    for state in (log.state, rewind(log.state, log.size, log.read_hashes)):
        assert state.describe_theft(key.public.id) == expected
    assert rewind(log.state, declared, log.read_hashes).describe_theft(key.public.id) == ""
