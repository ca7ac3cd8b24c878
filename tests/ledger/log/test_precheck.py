"""What an entry proves by itself: found good or not, for these very bytes; and the fold takes nothing else on trust."""

from collections.abc import Callable

import pytest

from ledger import base64url
from ledger.errors import MalformedError, SignatureError
from ledger.log.charter import Role
from ledger.log.entry import Signature, encode_entry, parse_entry
from ledger.log.keys import PublicKey, SigningKey
from ledger.log.precheck import NOT_GOOD, is_good, precheck
from ledger.log.snapshot import encode_state
from ledger.log.state import found_state
from tests.simulator import SimulatedLog, seeded


@pytest.fixture
def log() -> SimulatedLog:
    log = SimulatedLog("granite")
    log.publish("granite/diploma")
    for _ in range(3):
        log.cut()
    log.add_key(SigningKey(seeded("second")), Role.OPERATE)
    log.cut()
    return log


def test_all_entries_of_an_honest_log_are_good(log: SimulatedLog) -> None:
    """The answer is the entry's own leaf hash."""
    answers = [precheck(raw, body, log.state.named) for raw, body in zip(log.entries, log.bodies, strict=True)]
    assert answers == [parse_entry(raw).leaf_hash for raw in log.entries]


Mutation = Callable[[SimulatedLog, bytes, bytes | None], tuple[bytes, bytes | None]]


def bad_signature(log: SimulatedLog, raw: bytes, body: bytes | None) -> tuple[bytes, bytes | None]:
    entry = parse_entry(raw)
    (signature,) = entry.signatures
    flipped = bytes([signature.signature[0] ^ 1]) + signature.signature[1:]
    return encode_entry(entry.index, entry.previous, entry.statement_bytes, [Signature(signature.key, flipped)]), body


def other_key(log: SimulatedLog, raw: bytes, body: bytes | None) -> tuple[bytes, bytes | None]:
    entry = parse_entry(raw)
    other = Signature(log.role_signers[Role.DEFINE].public.id, entry.signatures[0].signature)
    return encode_entry(entry.index, entry.previous, entry.statement_bytes, [other]), body


def other_body(log: SimulatedLog, raw: bytes, body: bytes | None) -> tuple[bytes, bytes | None]:
    assert body is not None
    return raw, bytes([body[0] ^ 1]) + body[1:]


def short_body(log: SimulatedLog, raw: bytes, body: bytes | None) -> tuple[bytes, bytes | None]:
    assert body is not None
    return raw, body[:-32]


def not_an_entry(log: SimulatedLog, raw: bytes, body: bytes | None) -> tuple[bytes, bytes | None]:
    return raw[:-1], body


@pytest.mark.parametrize("mutate", [bad_signature, other_key, other_body, short_body, not_an_entry])
def test_a_bad_one_is_not_found_good(log: SimulatedLog, mutate: Mutation) -> None:
    """Each for its own reason; which, the fold says."""
    index = next(n for n, raw in enumerate(log.entries) if b'"kind":"issue"' in raw)
    raw, body = mutate(log, log.entries[index], log.bodies[index])
    assert precheck(raw, body, log.state.named) == NOT_GOOD


def test_a_key_nobody_knows_is_not_good(log: SimulatedLog) -> None:
    """Neither is one whose id stands for another key than the one given under it."""
    entry = parse_entry(log.entries[2])
    assert not is_good(entry, log.bodies[2], {})
    key = entry.signatures[0].key
    other: PublicKey = log.role_signers[Role.DEFINE].public
    assert not is_good(entry, log.bodies[2], {key: other})


def test_prechecked_entries_fold_to_the_same_state(log: SimulatedLog) -> None:
    """Without bodies that no rule reads, too."""
    state = found_state(parse_entry(log.entries[0]))
    for raw, body in zip(log.entries[1:], log.bodies[1:], strict=True):
        entry = parse_entry(raw)
        state.apply(entry, body if entry.statement.kind == "anchor" else None, is_prechecked=True)
    assert encode_state(state) == encode_state(log.state)


def test_prechecked_or_not_a_key_must_have_been_named(log: SimulatedLog) -> None:
    """A good signature by a key this log never named grows nothing."""
    stranger = SigningKey(seeded("stranger"))
    entry = parse_entry(log.entries[2])
    signature = Signature(stranger.public.id, stranger.sign(entry.signed_bytes))
    state = found_state(parse_entry(log.entries[0]))
    state.apply(parse_entry(log.entries[1]), log.bodies[1])
    foreign = parse_entry(encode_entry(2, state.last_leaf, entry.statement_bytes, [signature]))
    assert is_good(foreign, log.bodies[2], {stranger.public.id: stranger.public})
    with pytest.raises(SignatureError, match="never named"):
        state.apply(foreign, log.bodies[2], is_prechecked=True)
    assert state.size == 2


def test_prechecked_or_not_an_anchor_needs_its_body(log: SimulatedLog) -> None:
    """Its items decide what it does; without them it would be void here and in force elsewhere."""
    state = found_state(parse_entry(log.entries[0]))
    state.apply(parse_entry(log.entries[1]), log.bodies[1])
    entry = parse_entry(log.entries[2])
    assert entry.statement.kind == "anchor"
    with pytest.raises(MalformedError, match="body of a anchor entry is missing"):
        state.apply(entry, None, is_prechecked=True)


def test_the_stand_in_for_not_good_is_no_leaf_hash() -> None:
    assert base64url.encode(NOT_GOOD) == "A" * 43
