"""Fork files: evidence that a stranger can judge with nothing else in hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.errors import CairnError, MalformedError, ProofError, RuleError, SignatureError
from ledger.log.charter import Roots
from ledger.log.entry import encode_entry, parse_entry, sign_statement
from ledger.log.evidence import encode_fork, parse_fork
from ledger.log.forkfile import (
    MAX_PIECES,
    ForkFile,
    encode_fork_file,
    make_fork_file,
    parse_fork_file,
    verify_fork_file,
)
from ledger.log.keys import SigningKey
from tests.ledger.log.networks import evidence
from tests.ledger.log.samples import fresh_key, replace_roots, rotate
from tests.simulator import SimulatedLog, seeded


def forked(*, changes: bool) -> tuple[SimulatedLog, bytes]:
    """A log whose newest key signed two histories; before that, with `changes`, log key and root keys were replaced."""
    log = SimulatedLog("granite", governors=3, threshold=2)
    log.cut()
    if changes:
        rotate(log, fresh_key(log, "second"))
        new = [SigningKey(seeded("new root", n)) for n in range(2)]
        replace_roots(log, Roots(tuple(key.public for key in new), 2), [*log.root_signers[:2], *new])
        log.root_signers = new
        log.publish("between")
        rotate(log, fresh_key(log, "third"))
    shared, other = log.size, log.copy()
    log.cut([seeded("one")])
    other.cut([seeded("two")])
    return log, evidence(log, other, shared)


LOG, PIECE = forked(changes=True)
FILE = make_fork_file(LOG, [PIECE])
PLAIN_LOG, PLAIN_PIECE = forked(changes=False)
STRANGER = SimulatedLog("lantern")


def test_a_file_carries_what_names_the_key() -> None:
    accused, forks = verify_fork_file(FILE)
    assert (accused.log, accused.name, accused.origin) == (LOG.log_id, "Granite", "granite.example/log")
    assert accused.keys == LOG.state.verifier_keys() and len(accused.keys) == 3
    assert [(fork.first.size, fork.common) for fork in forks] == [(LOG.size, LOG.size - 3)]
    assert len(FILE.keys) == 3


def test_a_log_that_never_changed_its_keys_needs_its_charter_alone() -> None:
    file = make_fork_file(PLAIN_LOG, [PLAIN_PIECE])
    assert file.keys == ()
    assert verify_fork_file(file)[0].log == PLAIN_LOG.log_id


def test_the_strongest_pieces_are_taken() -> None:
    """Of more pieces than a file holds, those with more behind them."""
    strong = parse_fork(PIECE)
    witnesses = [STRANGER]
    both = replace(strong, first=LOG.cosigned(strong.first, witnesses), second=LOG.cosigned(strong.second, witnesses))
    file = make_fork_file(LOG, [PIECE] * MAX_PIECES + [encode_fork(both)])
    assert len(file.evidence) == MAX_PIECES and file.evidence[0] == both


def test_parse_inverts_encode() -> None:
    data = encode_fork_file(FILE)
    assert parse_fork_file(data) == FILE and encode_fork_file(parse_fork_file(data)) == data


def resigned(raw: bytes, keys: list[SigningKey]) -> bytes:
    entry = parse_entry(raw)
    return encode_entry(entry.index, entry.previous, entry.statement_bytes, sign_statement(entry.statement_bytes, keys))


def broken(raw: bytes) -> bytes:
    """The entry with one signature that does not verify."""
    entry = parse_entry(raw)
    first, *rest = entry.signatures
    return encode_entry(
        entry.index, entry.previous, entry.statement_bytes, [replace(first, signature=bytes(64)), *rest]
    )


def old_roots() -> list[SigningKey]:
    return [LOG.key("root", n) for n in range(2)]


SPOILT: list[tuple[str, Callable[[], ForkFile], type[CairnError], str]] = [
    # 1
    ("another log's charter", lambda: replace(FILE, charter=STRANGER.entries[0]), ProofError, "is of another log"),
    ("an entry that founds nothing", lambda: replace(FILE, charter=LOG.entries[1]), RuleError, "not a charter"),
    ("a spoilt charter", lambda: replace(FILE, charter=broken(LOG.entries[0])), SignatureError, "signature"),
    # 2
    (
        "an entry that changes no key",
        lambda: replace(FILE, keys=(LOG.entries[1],)),
        MalformedError,
        "replaces neither log key nor root keys",
    ),
    ("a change left out", lambda: replace(FILE, keys=FILE.keys[1:]), ProofError, "does not follow"),
    ("a change twice", lambda: replace(FILE, keys=(FILE.keys[0], *FILE.keys)), ProofError, "does not follow"),
    ("out of order", lambda: replace(FILE, keys=FILE.keys[::-1]), ProofError, "does not follow"),
    (
        "too few root keys",
        lambda: replace(FILE, keys=(resigned(FILE.keys[0], old_roots()[:1]), *FILE.keys[1:])),
        SignatureError,
        "not signed by enough root keys",
    ),
    (
        "root keys that were replaced",
        lambda: replace(FILE, keys=(*FILE.keys[:2], resigned(FILE.keys[2], old_roots()))),
        SignatureError,
        "not signed by enough root keys",
    ),
    (
        "new root keys alone",
        lambda: replace(FILE, keys=(FILE.keys[0], resigned(FILE.keys[1], LOG.root_signers), FILE.keys[2])),
        SignatureError,
        "not signed by enough root keys",
    ),
    (
        "a signature that does not verify",
        lambda: replace(FILE, keys=(broken(FILE.keys[0]), *FILE.keys[1:])),
        SignatureError,
        "signature",
    ),
    # 3
    ("a key that is not shown", lambda: replace(FILE, keys=FILE.keys[:2]), SignatureError, "not signed by a log key"),
    (
        "evidence about another log",
        lambda: replace(FILE, evidence=(replace(FILE.evidence[0], first=STRANGER.note or b""),)),
        SignatureError,
        "lantern",
    ),
    (
        "no contradiction",
        lambda: replace(FILE, evidence=(replace(FILE.evidence[0], second=FILE.evidence[0].first),)),
        ProofError,
        "one history contradicts nothing",
    ),
    (
        "one piece of two that proves nothing",
        lambda: replace(FILE, evidence=(*FILE.evidence, replace(FILE.evidence[0], second=FILE.evidence[0].first))),
        ProofError,
        "one history contradicts nothing",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_verify_fork_file_refuses(make: Callable[[], ForkFile], error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        verify_fork_file(make())


def changed(**change: canonical.JSONValue) -> bytes:
    value = canonical.parse(encode_fork_file(FILE).rstrip(), max_bytes=10**7)
    return canonical.encode({**value, **change})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "format is missing"),
        (changed(format="cairn/fork-file/v2"), "newer cairn"),
        (changed(more=1), "unknown member 'more'"),
        (changed(evidence=[]), "holds no evidence"),
        (changed(evidence=[1]), "not an object"),
        (changed(evidence=[{}]), "v is missing"),
        (changed(evidence=[{}] * (MAX_PIECES + 1)), "17 items"),
        (changed(keys=[1]), "not text"),
        (changed(keys=["AA"] * 1001), "1001 items"),
        (changed(keys=["A" * 100_000]), "75000 bytes"),
        (changed(charter="A" * 100_000), "75000 bytes"),
        (encode_fork_file(FILE) + b"\n", "canonical"),
        (b'{"charter":"' + b"A" * (9 << 20) + b'"}', "exceed the limit"),
    ],
)
def test_parse_refuses(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_fork_file(data)


GOOD = encode_fork_file(FILE)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_damaged_file_accuses_nobody_else(at: int, by: int) -> None:
    """Refused, or (the low bits of a signature line, a signature by no root key) still the same fork of the same log."""
    bad = bytearray(GOOD)
    bad[at] ^= by
    try:
        accused, forks = verify_fork_file(parse_fork_file(bytes(bad)))
    except CairnError:
        return
    assert (accused.log, forks[0].common) == (LOG.log_id, LOG.size - 3)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_as_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_fork_file(data)
