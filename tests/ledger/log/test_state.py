"""The fold over one log: growth rules, what entries make true, and what a compromise takes back."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log import statements
from ledger.log.body import encode_body
from ledger.log.charter import BatchPolicy, Charter, Institution, Role, RoleKey, Roots
from ledger.log.entry import NO_PREVIOUS, encode_entry, parse_entry, sign_statement
from ledger.log.governance import AddKey
from ledger.log.keys import Algorithm, PublicKey, SigningKey
from ledger.log.merkle import LeafHash
from ledger.log.records import DocumentName
from ledger.log.snapshot import encode_state
from ledger.log.state import LogState, found_state
from ledger.log.statement import Statement
from tests.ledger.log.lives import evidence, operate, whole_life
from tests.ledger.log.samples import (
    SAMPLES,
    amend,
    anchor,
    fresh_key,
    issue,
    own_list,
    replace_roots,
    roots,
    rotate,
    say,
)
from tests.simulator import SLOTS, SimulatedLog

P256 = PublicKey(Algorithm.P256, bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"))


def school(threshold: int = 1) -> SimulatedLog:
    log = SimulatedLog("granite", governors=threshold, threshold=threshold)
    log.cut()
    return log


def refold(log: SimulatedLog, *cuts: int) -> LogState:
    """Fold the log again, going through a copy at each of the cuts."""
    state = found_state(parse_entry(log.entries[0]))
    for index in range(1, log.size):
        if index in cuts:
            state = state.copy()
        state.apply(parse_entry(log.entries[index]), log.bodies[index])
    return state


# growth


def offer(log: SimulatedLog, statement: Statement, keys: list[SigningKey], **place: Any) -> bytes:
    data = statements.encode(statement)
    values = {"index": log.size, "previous": log.state.last_leaf, **place}
    return encode_entry(values["index"], values["previous"], data, sign_statement(data, keys))


BODY = encode_body("evidence", [b"e"])


@pytest.mark.parametrize(
    ("make", "body", "error", "message"),
    [
        (lambda log: offer(log, evidence(log), [operate(log)], index=9), BODY, RuleError, "index 9 where 4 is next"),
        (lambda log: offer(log, evidence(log), [operate(log)], index=3), BODY, RuleError, "index 3 where 4 is next"),
        (
            lambda log: offer(log, evidence(log), [operate(log)], previous=LeafHash(bytes(32))),
            BODY,
            RuleError,
            "names another entry before it",
        ),
        (
            lambda log: offer(log, evidence(log, log=SimulatedLog("lantern").log_id), [operate(log)]),
            BODY,
            RuleError,
            "belongs to another log",
        ),
        (lambda log: offer(log, SAMPLES["charter"], [operate(log)]), None, RuleError, "belongs to another log"),
        (lambda log: offer(log, evidence(log), [fresh_key(log)]), BODY, SignatureError, "a key this log never named"),
        (
            lambda log: offer(log, evidence(log), [operate(log), fresh_key(log)]),
            BODY,
            SignatureError,
            "a key this log never named",
        ),
        (lambda log: resigned(log), BODY, SignatureError, "not by key"),
        (lambda log: offer(log, evidence(log), [operate(log)]), None, MalformedError, "evidence entry is missing"),
        (lambda log: offer(log, evidence(log), [operate(log)]), BODY + b"\0", ProofError, "6 bytes instead of 5"),
        (lambda log: offer(log, evidence(log), [operate(log)]), BODY[:-1] + b"f", ProofError, "root"),
        (
            lambda log: offer(log, evidence(log), [operate(log)]),
            b"\0\0\0\2e",
            MalformedError,
            "ends within item 0",
        ),
        (
            lambda log: offer(log, replace(SAMPLES["close"], log=log.log_id), [operate(log)]),
            b"x",
            MalformedError,
            "without body reference was given one",
        ),
    ],
)
def test_growth_is_refused(make: Any, body: bytes | None, error: type[CairnError], message: str) -> None:
    """Each growth rule, broken alone: an error of the right kind, and a state as it was."""
    log = school()
    raw = make(log)
    before = encode_state(log.state)
    with pytest.raises(error, match=message):
        log.state.apply(parse_entry(raw), body)
    assert encode_state(log.state) == before


def resigned(log: SimulatedLog) -> bytes:
    """An entry whose signature is over another statement."""
    statement, other = statements.encode(evidence(log)), statements.encode(evidence(log))
    return encode_entry(log.size, log.state.last_leaf, statement, sign_statement(other, [operate(log)]))


def test_a_key_of_another_algorithm_never_signs_an_entry() -> None:
    """A P-256 key may be named for credentials; a signature that claims to be by it is refused like any other bad one."""
    log = school()
    key = RoleKey(P256, Role.ISSUE)
    assert log.state.void == {}
    say(log, AddKey, roots(log), after=-1, until=99, key=key)
    data = statements.encode(evidence(log))
    (signature,) = sign_statement(data, [operate(log)])
    raw = encode_entry(log.size, log.state.last_leaf, data, [replace(signature, key=P256.id)])
    with pytest.raises(SignatureError, match="signed by a p256 key"):
        log.state.apply(parse_entry(raw), BODY)


def first(change: dict[str, Any], signers: list[SigningKey] | None = None) -> bytes:
    log = SimulatedLog("granite")
    statement = replace(log.state.charter, **change)
    data = statements.encode(statement)
    return encode_entry(0, NO_PREVIOUS, data, sign_statement(data, [log.log_signer] if signers is None else signers))


@pytest.mark.parametrize(
    ("raw", "error", "message"),
    [
        (first({}, SimulatedLog("granite").root_signers), RuleError, "signed by its log key, and by nothing else"),
        (
            first({}, [SimulatedLog("granite").log_signer, operate(SimulatedLog("granite"))]),
            RuleError,
            "signed by its log key, and by nothing else",
        ),
        (offer(school(), SAMPLES["close"], [operate(school())]), RuleError, "entry 0 is not a charter"),
        (first({}).replace(b'"name":"Granite"', b'"name":"Granitf"'), SignatureError, "not by key"),
    ],
)
def test_no_log_begins_otherwise(raw: bytes, error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        found_state(parse_entry(raw))


def test_a_log_begins_with_its_charter() -> None:
    state = found_state(parse_entry(first({})))
    assert (state.size, state.log_id) == (1, parse_entry(first({})).leaf_hash)
    assert isinstance(state.charter, Charter) and state.url == "https://granite.example"
    in_force = {role: [record.added for record in state.keys.in_force(role, 1)] for role in Role}
    assert in_force == {role: [0] for role in Role}


def test_batches_and_pages_may_be_left_out_by_a_light_replica_nothing_else() -> None:
    log = school()
    whole = refold(log)
    state = found_state(parse_entry(log.entries[0]))
    for index in range(1, log.size):
        entry = parse_entry(log.entries[index])
        body = None if entry.statement.kind in ("issue", "status") else log.bodies[index]
        state.apply(entry, body)
    assert encode_state(state) == encode_state(whole)


# effects


def test_the_newest_charter_counts() -> None:
    log = school()
    amend(log, name="New Name", url="https://new.example", grpc="new.example:1")
    amend(log, grpc="newer.example:1")
    state = log.state
    assert (state.name, state.url, state.grpc) == ("New Name", "https://new.example", "newer.example:1")
    assert state.urls == ["https://granite.example", "https://new.example"]
    assert state.charter.name == "Granite"


def test_batch_policy_holds_from_the_second_next_cut_on() -> None:
    log = school()
    new = BatchPolicy(0, 0, 8)
    amend(log, batch=new)
    assert [log.state.batch_for_cut(n).size for n in range(5)] == [4, 4, 4, 8, 8]
    issue(log)
    issue(log)
    assert log.state.batch == new and issue(log, items=8).index not in log.state.void


def test_checkpoints_follow_the_rotation_of_the_log_key() -> None:
    """The checkpoint of size n is by the key in force after entry n-1; anchors by the one in force where they stand."""
    log = school()
    old, new = log.log_signer, fresh_key(log, "log")
    at = rotate(log, new).index
    assert [log.state.log_key_at(size) for size in (1, at, at + 1, at + 9)] == [
        old.public,
        old.public,
        new.public,
        new.public,
    ]
    assert log.state.log_key == new.public
    assert anchor(log, [log.note or b""], [old]).index in log.state.void
    assert anchor(log, [log.note or b""], [new]).index not in log.state.void


def test_an_anchor_may_hold_a_head_from_before_the_rotation() -> None:
    log = school()
    note = log.note or b""
    rotate(log, fresh_key(log, "log"))
    entry = anchor(log, [note])
    assert entry.index not in log.state.void and log.state.own_anchor == (entry.index, 4)


def test_new_roots_need_both_thresholds_and_then_decide_alone() -> None:
    log = school(threshold=2)
    new = [fresh_key(log, n) for n in range(3)]
    future = Roots(tuple(key.public for key in new), 2)
    assert replace_roots(log, future, [*roots(log), new[0]]).index in log.state.void
    assert replace_roots(log, future, [*roots(log), *new[:2]]).index not in log.state.void
    assert amend(log, roots(log), name="old").index in log.state.void
    assert amend(log, new[1:], name="new").index not in log.state.void
    assert (log.state.name, log.state.after("roots")) == ("new", 5)


def test_a_governor_may_stay_with_one_signature_for_both() -> None:
    log = school(threshold=2)
    stays, comes = log.root_signers[0], fresh_key(log)
    entry = replace_roots(log, Roots((stays.public, comes.public), 2), [*roots(log), comes])
    assert entry.index not in log.state.void


def test_documents_are_found_by_name_and_newest() -> None:
    log = school()
    log.publish("lantern", 2)
    log.publish("lantern", 10)
    log.publish("other", 1)
    newest = log.state.newest_document("lantern")
    assert newest is not None and newest.name == DocumentName("lantern", 10)
    assert log.state.newest_document("nothing") is None
    assert log.state.document(DocumentName("lantern", 3)) is None


def test_evidence_and_ids_are_found_again() -> None:
    log = school()
    entry = log.append(evidence(log), [operate(log)], [b"e"])
    assert log.state.evidence == [entry.index]
    assert log.state.find_id(entry.statement.id) == entry.index
    assert log.state.find_id(bytes(16)) is None


# folding


LIVED = whole_life()


def test_the_life_holds_every_kind() -> None:
    kinds = {parse_entry(raw).statement.kind for raw in LIVED.entries}
    assert kinds == {*statements.KINDS, "greeting"}
    assert len(LIVED.state.void) >= 1 and LIVED.state.restated and LIVED.state.unknown is not None


@settings(max_examples=40)
@given(st.sets(st.integers(1, LIVED.size - 1)))
def test_folded_in_pieces_equals_folded_whole(cuts: set[int]) -> None:
    assert encode_state(refold(LIVED, *cuts)) == encode_state(LIVED.state)


@given(st.integers(1, LIVED.size - 1))
def test_a_copy_grows_alone(size: int) -> None:
    """Whatever the copy does, the original stays what it was."""
    state = found_state(parse_entry(LIVED.entries[0]))
    for index in range(1, size):
        state.apply(parse_entry(LIVED.entries[index]), LIVED.bodies[index])
    before = encode_state(state)
    copy = state.copy()
    for index in range(size, LIVED.size):
        copy.apply(parse_entry(LIVED.entries[index]), LIVED.bodies[index])
    assert encode_state(state) == before
    assert encode_state(copy) == encode_state(LIVED.state)


def test_other_institutions_have_no_members() -> None:
    assert not SimulatedLog("granite").state.is_network
    assert SimulatedLog("ohio", Institution.STATE).state.is_network
    assert own_list(school()).slots == SLOTS
