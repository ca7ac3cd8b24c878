"""Fork evidence: it convinces anybody who has the log key, and nothing less passes for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import base64url, canonical
from ledger.errors import CairnError, MalformedError, ProofError, SignatureError
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.evidence import Common, ForkEvidence, Split, encode_fork, has_all_of, parse_fork, verify_fork
from ledger.log.merkle import EMPTY_ROOT, RootHash, prove_consistency, prove_inclusion
from tests.ledger.log.samples import fresh_key, rotate
from tests.simulator import SimulatedLog, seeded


def branches() -> tuple[SimulatedLog, SimulatedLog]:
    """Two histories that share the charter and one cut; the second is longer."""
    log = SimulatedLog("granite")
    log.cut()
    other = log.copy()
    log.cut([seeded("one")])
    other.cut([seeded("two")])
    other.publish("more")
    return log, other


ONE, TWO = branches()
KEYS = [ONE.state.verifier_key_at(1)]


def common(size: int, one: SimulatedLog = ONE, two: SimulatedLog = TWO) -> Common:
    return Common(
        size,
        one.root_at(size),
        prove_consistency(size, one.size, one.read_hashes),
        prove_consistency(size, two.size, two.read_hashes),
    )


def leaf(log: SimulatedLog, index: int) -> bytes:
    return parse_entry(log.entries[index]).leaf_hash


def split(index: int, one: SimulatedLog = ONE, two: SimulatedLog = TWO) -> Split:
    return Split(
        index,
        parse_entry(one.entries[index]).leaf_hash,
        prove_inclusion(index, one.size, one.read_hashes),
        parse_entry(two.entries[index]).leaf_hash,
        prove_inclusion(index, two.size, two.read_hashes),
    )


def equal_sizes() -> ForkEvidence:
    """Two notes of one size; the branches cut back to it."""
    one, two = SimulatedLog("granite"), SimulatedLog("granite")
    one.cut([seeded("one")])
    two.cut([seeded("two")])
    return ForkEvidence(one.note or b"", two.note or b"")


FORK = ForkEvidence(ONE.note or b"", TWO.note or b"", split(5), common(4))


def test_two_notes_of_one_size_are_a_fork() -> None:
    found = verify_fork(equal_sizes(), KEYS)
    assert (found.first.size, found.second.size, found.common, found.split) == (4, 4, None, 3)


def test_notes_of_other_sizes_need_a_split() -> None:
    found = verify_fork(FORK, KEYS)
    assert (found.first.size, found.second.size, found.common, found.split) == (7, 8, 4, 5)
    assert verify_fork(replace(FORK, common=None), KEYS).common is None


def test_the_order_of_the_notes_does_not_matter() -> None:
    turned = ForkEvidence(FORK.second, FORK.first, split(5, TWO, ONE), common(4, TWO, ONE))
    assert verify_fork(turned, KEYS).common == 4


def test_an_earlier_log_key_convicts_as_well() -> None:
    """A stolen key that was rotated out can still fork what it signed; the evidence names the keys of the log's life."""
    log = SimulatedLog("granite")
    old = log.state.verifier_key_at(1)
    evidence = equal_sizes()
    rotate(log, fresh_key(log, "log"))
    assert verify_fork(evidence, [log.state.verifier_key_at(9), old]).common is None
    with pytest.raises(SignatureError, match="not signed by a log key"):
        verify_fork(evidence, [log.state.verifier_key_at(9)])


Spoil = Callable[[], ForkEvidence]
LANTERN = SimulatedLog("lantern")

SPOILT: list[tuple[str, Spoil, type[CairnError], str]] = [
    # 1
    ("no note", lambda: replace(FORK, first=b"hello"), MalformedError, "note"),
    ("a note of another log", lambda: replace(FORK, first=LANTERN.note or b""), SignatureError, "lantern"),
    (
        "a flipped note",
        lambda: replace(FORK, second=FORK.second.replace(b"\n8\n", b"\n9\n")),
        SignatureError,
        "not signed by a log key",
    ),
    # 2
    (
        "the same note twice",
        lambda: ForkEvidence(FORK.first, FORK.first),
        ProofError,
        "one history contradicts nothing",
    ),
    (
        "other sizes, no split",
        lambda: ForkEvidence(FORK.first, FORK.second),
        ProofError,
        "nothing shows an entry in which they differ",
    ),
    (
        "an honest log at two sizes",
        lambda: ForkEvidence(ONE.note or b"", grown(ONE).note or b"", split(5, ONE, grown(ONE))),
        ProofError,
        r"differ in entry \d, and both name the same one",
    ),
    # 3
    (
        "a split above the smaller tree",
        lambda: replace(FORK, split=replace(split(5), index=7)),
        ProofError,
        "not below both",
    ),
    (
        "a split where they agree",
        lambda: replace(FORK, split=split(3)),
        ProofError,
        r"differ in entry \d, and both name the same one",
    ),
    (
        "a leaf that is not there",
        lambda: replace(FORK, split=replace(split(5), first_leaf=leaf(ONE, 6))),
        ProofError,
        "leads to root",
    ),
    (
        "a proof of the other tree",
        lambda: replace(FORK, split=replace(split(5), first_proof=split(5).second_proof)),
        ProofError,
        "inclusion proof",
    ),
    # 4
    (
        "a common tree above the split",
        lambda: replace(FORK, common=replace(common(4), size=6)),
        ProofError,
        r"the common tree is of \d entries, and they differ in entry \d",
    ),
    (
        "a common tree that reaches over an equal size",
        lambda: replace(equal_sizes(), common=Common(4, ONE.root_at(4), (), ())),
        ProofError,
        r"the common tree is of \d entries, and they differ in entry \d",
    ),
    ("another root", lambda: replace(FORK, common=replace(common(4), root=ONE.root_at(3))), ProofError, "consistency"),
    (
        "a common tree of one only",
        lambda: replace(FORK, split=split(6), common=mixed(6)),
        ProofError,
        "consistency proof",
    ),
]


def grown(log: SimulatedLog) -> SimulatedLog:
    longer = log.copy()
    longer.publish("later")
    return longer


def mixed(size: int) -> Common:
    """A prefix of the first branch that the second does not share."""
    return Common(
        size,
        ONE.root_at(size),
        prove_consistency(size, ONE.size, ONE.read_hashes),
        prove_consistency(size, TWO.size, TWO.read_hashes),
    )


@pytest.mark.parametrize(("make", "error", "message"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_verify_fork_refuses(make: Spoil, error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        verify_fork(make(), KEYS)


@pytest.mark.parametrize("evidence", [FORK, replace(FORK, common=None), equal_sizes()])
def test_parse_inverts_encode(evidence: ForkEvidence) -> None:
    data = encode_fork(evidence)
    assert parse_fork(data) == evidence and encode_fork(parse_fork(data)) == data


def changed(**change: canonical.JSONValue) -> bytes:
    value = canonical.parse(encode_fork(FORK), max_bytes=10**6)
    return canonical.encode({**value, **change})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "v is missing"),
        (changed(v=2), "newer cairn"),
        (changed(more=1), "unknown member 'more'"),
        (changed(first=1), "first is not base64url"),
        (changed(split={}), "index is missing"),
        (changed(common={}), "size is missing"),
        (
            changed(common={"first_proof": [], "root": base64url.encode(bytes(32)), "second_proof": [], "size": 0}),
            "size 0",
        ),
        (
            changed(
                common={"first_proof": ["AA"] * 65, "root": base64url.encode(bytes(32)), "second_proof": [], "size": 1}
            ),
            "65 items",
        ),
        (b'{"first":"' + b"A" * 300_000 + b'"}', "exceed the limit"),
    ],
)
def test_parse_refuses(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_fork(data)


GOOD = encode_fork(FORK)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_damaged_evidence_proves_nothing_else(at: int, by: int) -> None:
    """Refused, or (the low bits of a signature line, a smaller number of the same JSON) still the same fork."""
    bad = bytearray(GOOD)
    bad[at] ^= by
    try:
        found = verify_fork(parse_fork(bytes(bad)), KEYS)
    except CairnError:
        return
    assert (found.first.size, found.second.size, found.common) == (7, 8, 4)


def test_a_smaller_note_that_is_newer_is_no_fork() -> None:
    """Cosigned later, of a size before: old news, whatever its time says; also from the other end."""
    log = SimulatedLog("granite")
    witness = SimulatedLog("lantern")
    smaller = log.cosigned(log.note or b"", [witness], 2_000_000_000)
    log.cut()
    larger = log.sign([witness], 1_000_000_000)
    shared = Common(1, log.root_at(1), (), prove_consistency(1, log.size, log.read_hashes))
    for first, second in ((smaller, larger), (larger, smaller)):
        with pytest.raises(ProofError, match="nothing shows an entry in which they differ"):
            verify_fork(ForkEvidence(first, second), KEYS)
        with pytest.raises(ProofError):
            verify_fork(ForkEvidence(first, second, None, shared), KEYS)


def test_two_notes_of_size_zero() -> None:
    """A log begins with its charter, so no witness signs size 0; a key that signs two such trees is convicted still."""
    log = SimulatedLog("granite")
    empty, other = (
        sign_checkpoint(Checkpoint("granite.example/log", 0, root), log.log_signer)
        for root in (EMPTY_ROOT, RootHash(bytes(32)))
    )
    assert verify_fork(ForkEvidence(empty, other), KEYS).split == -1
    with pytest.raises(ProofError, match="both have root"):
        verify_fork(ForkEvidence(empty, empty), KEYS)
    with pytest.raises(ProofError):
        verify_fork(ForkEvidence(empty, log.note or b""), KEYS)


def test_a_piece_that_was_cut_down_does_not_stand_for_the_one_that_says_exactly_where_it_begins() -> None:
    """Steps in between are one and the same, so that nobody tells one contradiction in a hundred pieces."""
    notes = ForkEvidence(ONE.note or b"", TWO.note or b"", split(6))
    exact = replace(notes, split=split(5), common=common(5))
    low, lower = replace(notes, common=common(3)), replace(notes, common=common(1))
    assert verify_fork(exact, KEYS).split == verify_fork(exact, KEYS).common
    for known, new in ((notes, low), (low, exact), (notes, exact)):
        assert not has_all_of(known, new) and has_all_of(new, known)
    assert has_all_of(low, lower) and has_all_of(lower, low)
