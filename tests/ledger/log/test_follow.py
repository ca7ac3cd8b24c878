"""The one judge of growth: good offers grow a log, bad ones raise the right error and leave what was held."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log.charter import Role
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.follow import judge_checkpoint, judge_growth
from ledger.log.merkle import RootHash
from ledger.log.snapshot import encode_state
from ledger.log.state import LogState
from tests.ledger.log.offers import (
    HELD,
    Offer,
    after_rotation,
    before_rotation,
    flip_note,
    flipped,
    forked,
    grown,
    held,
    note_over,
    offer_of,
    re_signed,
    relinked,
    renumbered,
    reordered,
    rewound,
    school,
    truncated,
    truncated_below,
    with_body,
)
from tests.ledger.log.samples import amend, fresh_key, issue, rotate
from tests.simulator import SimulatedLog, found_network, seeded


def test_a_whole_log_grows_from_nothing() -> None:
    log = grown()
    growth = offer_of(log, 0).judge(None)
    assert (growth.start, growth.state.size, growth.checkpoint.size) == (0, log.size, log.size)
    assert [entry.raw for entry in growth.entries] == log.entries
    assert growth.bodies == tuple(log.bodies) and growth.note == log.note
    assert encode_state(growth.state) == encode_state(log.state)


def test_a_log_grows_from_what_is_held() -> None:
    log = grown()
    state = held()
    before = encode_state(state)
    growth = offer_of(log).judge(state)
    assert (growth.start, len(growth.entries)) == (HELD, log.size - HELD)
    assert encode_state(growth.state) == encode_state(log.state)
    assert encode_state(state) == before


def test_an_offer_of_nothing_new_is_a_growth_of_nothing() -> None:
    log = school()
    growth = Offer((), (), log.sign([SimulatedLog("lantern")])).judge(held())
    assert growth.entries == () and growth.state.size == HELD


def test_growth_in_place_takes_the_state_along() -> None:
    state, offer = held(), offer_of(grown())
    growth = judge_growth(state, offer.entries, offer.bodies, offer.note, in_place=True)
    assert growth.state is state and state.size == grown().size


# refusals


OFFERS: list[tuple[str, Callable[[SimulatedLog], Offer], type[CairnError], str]] = [
    ("truncated", truncated, RuleError, "is over 12 entries, 4 held and 7 offered"),
    ("gap", truncated_below, RuleError, "index 6 where 5 is next"),
    ("reordered", reordered, RuleError, "index 6 where 5 is next"),
    ("renumbered", renumbered, RuleError, "names another entry before it"),
    ("statement changed", lambda log: relinked(log, flipped(b'"at":1', b'"at":2')), SignatureError, "not by key"),
    (
        "statement of the thief's own",
        lambda log: relinked(log, flipped(b'"kind":"anchor"', b'"kind":"anchos"')),
        SignatureError,
        "not by key",
    ),
    ("re-signed", re_signed, SignatureError, "a key this log never named"),
    ("forked", forked, RuleError, "names another entry before it"),
    (
        "another root at the size held",
        lambda log: Offer((), (), note_over(log, HELD, log.state.frontier.root())),
        ProofError,
        "root at size 4",
    ),
    ("rewound", rewound, RuleError, "is over 1 entries, 4 held and 0 offered"),
    ("from the start again", lambda log: offer_of(log, 0), RuleError, "is over 12 entries, 4 held and 12 offered"),
    (
        "root of another tree",
        lambda log: replace(offer_of(log), note=note_over(log, log.size, RootHash(bytes(32)))),
        ProofError,
        "root at size 12 is 0000",
    ),
    (
        "checkpoint by another key",
        lambda log: replace(offer_of(log), note=note_over(log, log.size, log.state.frontier.root(), fresh_key(log))),
        SignatureError,
        "no signature by the log key",
    ),
    (
        "checkpoint of another origin",
        lambda log: replace(
            offer_of(log), note=note_over(log, log.size, log.state.frontier.root(), origin="other.example/log")
        ),
        RuleError,
        "of other.example/log, this log is granite.example/log",
    ),
    ("checkpoint flipped", lambda log: replace(offer_of(log), note=flip_note(log)), SignatureError, "signature"),
    ("no checkpoint", lambda log: replace(offer_of(log), note=b"hello"), MalformedError, "note"),
    ("old key after the rotation", after_rotation, SignatureError, "no signature by the log key"),
    ("new key before the rotation", before_rotation, SignatureError, "no signature by the log key"),
    ("batch flipped", lambda log: with_body(log, 6, bytes(128)), ProofError, "body: root"),
    (
        "batch cut short",
        lambda log: with_body(log, 6, (log.bodies[6] or b"")[:-32]),
        ProofError,
        "96 bytes instead of 128",
    ),
    ("document left out", lambda log: with_body(log, 4, None), MalformedError, "publish entry is missing"),
    ("heads left out", lambda log: with_body(log, 5, None), MalformedError, "anchor entry is missing"),
    ("body too many", lambda log: with_body(log, 8, b"x"), MalformedError, "without body reference was given one"),
    (
        "not an entry",
        lambda log: replace(offer_of(log), entries=(b"{}", *offer_of(log).entries[1:])),
        MalformedError,
        "entry: v is missing",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), [row[1:] for row in OFFERS], ids=[row[0] for row in OFFERS])
def test_an_offer_is_refused(make: Callable[[SimulatedLog], Offer], error: type[CairnError], message: str) -> None:
    """Refused whole, for its own reason, and the state held is what it was."""
    log = grown()
    assert log.size == 12
    offer = make(log)
    state = held()
    before = encode_state(state)
    with pytest.raises(error, match=message):
        offer.judge(state)
    assert encode_state(state) == before


def test_a_fork_of_the_last_entry_alone_is_refused() -> None:
    """Same size, other root: what two cosigned notes of one size would prove to everybody."""
    log, twin = grown(), grown()
    log.cut([seeded("one")])
    twin.cut([seeded("two")])
    state = offer_of(log, 0).judge(None).state
    assert state.size == twin.size
    with pytest.raises(ProofError, match="root at size"):
        Offer((), (), twin.note or b"").judge(state)


@pytest.mark.parametrize(
    ("start", "message"),
    [(1, "begins with entry 1"), (12, "an offer without entry 0")],
)
def test_a_new_log_begins_with_entry_0(start: int, message: str) -> None:
    log = grown()
    root = log.state.frontier.root()
    offer = replace(offer_of(log, start), note=note_over(log, log.size - start, root))
    with pytest.raises(RuleError, match=message):
        offer.judge(None)


def test_a_void_entry_grows_the_log() -> None:
    """Replication never stops for what only has no effect."""
    log = grown()
    void = issue(log, items=2)
    growth = offer_of(log).judge(held())
    assert void.index in growth.state.void


def test_what_an_issuer_may_is_no_growth_rule() -> None:
    """A wrong role, a retired key, a stranger's evidence: all of it is replicated."""
    log = grown()
    log.retire(log.role_signers[Role.OPERATE])
    log.cut()
    growth = offer_of(log).judge(held())
    assert set(growth.state.void) == {log.size - 1, log.size - 2}


def test_a_light_replica_leaves_batches_and_pages_out() -> None:
    log = grown()
    light = tuple(
        None if parse_entry(raw).statement.kind in ("issue", "status") else body
        for raw, body in zip(log.entries, log.bodies, strict=True)
    )
    growth = Offer(tuple(log.entries), light, log.note or b"").judge(None)
    assert encode_state(growth.state) == encode_state(log.state)


def test_as_many_bodies_as_entries() -> None:
    log = grown()
    with pytest.raises(ValueError, match="one body"):
        judge_growth(held(), log.entries[HELD:], [], log.note or b"")


# checkpoints alone


def test_a_checkpoint_below_what_is_held_needs_the_root_there() -> None:
    log = grown()
    old = sign_checkpoint(Checkpoint("granite.example/log", 6, log.root_at(6)), log.log_signer)
    assert judge_checkpoint(log.state, old, log.root_at(6)).size == 6
    with pytest.raises(ProofError, match="root at size 6"):
        judge_checkpoint(log.state, old, log.root_at(5))
    with pytest.raises(RuleError, match="is over 6 entries, 12 are held"):
        judge_checkpoint(log.state, old)


def test_a_checkpoint_above_what_is_held_is_not_judged() -> None:
    with pytest.raises(RuleError, match="is over 12 entries, 4 are held"):
        judge_checkpoint(held(), grown().note or b"", RootHash(bytes(32)))


def test_a_checkpoint_is_by_the_key_in_force_at_its_size() -> None:
    log = grown()
    old, root = log.log_signer, log.state.frontier.root()
    before = note_over(log, 12, root, old)
    rotate(log, fresh_key(log, "log"))
    assert judge_checkpoint(log.state, before, root).size == 12
    assert judge_checkpoint(log.state, log.note or b"").size == 13
    with pytest.raises(SignatureError):
        judge_checkpoint(log.state, note_over(log, 12, root), root)


# chunks


def lived() -> SimulatedLog:
    network, members = found_network("granite", "lantern")
    network.publish("framework")
    network.cut([seeded("copy")], others=[log.note or b"" for log in members])
    rotate(network, fresh_key(network, "log"))
    network.cut()
    amend(network, name="Late", until=0)
    return network


LIVED = lived()


def note_at(size: int) -> bytes:
    root = LIVED.root_at(size)
    key = SimulatedLog("confluence").log_signer
    if size > LIVED.state.log_keys[-1][0] and len(LIVED.state.log_keys) > 1:
        key = LIVED.log_signer
    return sign_checkpoint(Checkpoint(LIVED.state.charter.origin, size, root), key)


@settings(max_examples=30)
@given(st.sets(st.integers(1, LIVED.size - 1)))
def test_a_follower_fed_in_any_chunks_ends_equal(cuts: set[int]) -> None:
    state: LogState | None = None
    start = 0
    for end in (*sorted(cuts), LIVED.size):
        growth = judge_growth(state, LIVED.entries[start:end], LIVED.bodies[start:end], note_at(end))
        state, start = growth.state, end
    assert state is not None
    assert encode_state(state) == encode_state(LIVED.state)


@settings(max_examples=60)
@given(st.data())
def test_an_offer_with_any_flipped_byte_is_refused(data: st.DataObject) -> None:
    """Entries, bodies and note alike."""
    log = grown()
    offer = offer_of(log)
    parts = {"entries": list(offer.entries), "bodies": list(offer.bodies), "note": [offer.note]}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.sampled_from([n for n, part in enumerate(parts[name]) if part]))
    bad = bytearray(parts[name][place] or b"")
    at = data.draw(st.integers(0, len(bad) - 1))
    bad[at] ^= data.draw(st.integers(1, 255))
    parts[name][place] = bytes(bad)
    state = held()
    before = encode_state(state)
    changed = Offer(tuple(raw or b"" for raw in parts["entries"]), tuple(parts["bodies"]), parts["note"][0] or b"")
    try:
        growth = changed.judge(state)
    except CairnError:
        assert encode_state(state) == before
        return
    # The two low bits of a signature line's last character are not looked at (C2SP signed-note): the same signature.
    assert name == "note" and growth.checkpoint == log_checkpoint(log)


def log_checkpoint(log: SimulatedLog) -> Checkpoint:
    return Checkpoint(log.state.charter.origin, log.size, log.state.frontier.root())
