"""tlog-proofs: published frames, one spelling, and every way in which one proves nothing."""

import json
from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError, PolicyError, ProofError, SignatureError
from ledger.log.checkpoint import (
    Checkpoint,
    add_signatures,
    cosign,
    log_verifier_key,
    sign_checkpoint,
    witness_verifier_key,
)
from ledger.log.keys import SigningKey
from ledger.log.merkle import LeafHash, RootHash, hash_leaf
from ledger.log.note import MAX_NOTE_BYTES, NoteSignature
from ledger.log.proof import (
    MAX_EXTRA_BYTES,
    MAX_PROOF_BYTES,
    LogProof,
    encode_proof,
    make_proof,
    open_proof,
    parse_proof,
    verify_proof,
)
from ledger.log.tiles import TileReader, parse_bundle
from ledger.log.witness_policy import (
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    WitnessPolicy,
    make_policy,
    parse_witness_policy,
)
from tests.conformance import record
from tests.ledger.log.networks import World
from tests.shared import shared_path
from tests.simulator import SimulatedLog

LOG = SimulatedLog("granite", batch=8)
for _ in range(2):
    LOG.cut()
KEY = log_verifier_key(LOG.state.charter.origin, LOG.log_signer.public)
SIGNERS = [SigningKey(bytes(31) + bytes([number])) for number in (1, 2, 3)]
KEYS = [witness_verifier_key(f"w{number}.example", key.public) for number, key in enumerate(SIGNERS)]
POLICY = WitnessPolicy(
    logs=(PolicyLog(KEY),),
    witnesses=tuple(PolicyWitness(f"w{number}", key) for number, key in enumerate(KEYS)),
    groups=(PolicyGroup("two", 2, ("w0", "w1", "w2")),),
    quorum="two",
)


def cosigned(note: bytes, *numbers: int) -> bytes:
    return add_signatures(note, [cosign(note, KEYS[n].name, SIGNERS[n], 1000 + n) for n in numbers])


NOTE = cosigned(LOG.note or b"", 0, 1)
INDEX = 4
LEAF = hash_leaf(LOG.entries[INDEX])
GOOD = make_proof(INDEX, NOTE, LOG.read_hashes)


def test_published_frames() -> None:
    vectors = json.loads(shared_path("vectors/tlog/tlog_proof/parse.json").read_text())
    for vector in vectors["valid"]:
        extra = None if vector["extra"] is None else b64decode(vector["extra"])
        path = tuple(b64decode(step) for step in vector["hashes"])
        wanted = LogProof(vector["index"], path, vector["checkpoint"].encode(), extra)
        assert parse_proof(vector["text"].encode()) == wanted
        assert encode_proof(wanted) == vector["text"].encode()
    for text in vectors["invalid_texts"]:
        with pytest.raises(MalformedError, match=r"^tlog-proof: "):
            parse_proof(text.encode())
    good, bad = len(vectors["valid"]), len(vectors["invalid_texts"])
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "tlog-proof texts",
        ["vectors/tlog/tlog_proof/parse.json"],
        accepted=good,
        refused=bad,
    )


def test_a_log_of_others_is_proven_from_its_tiles() -> None:
    """Every entry of a published log under every one of its larger checkpoints, with a policy that asks for nobody."""
    folder = shared_path("vectors/tlog/tessera_log")
    key = (folder / "VKEY.txt").read_text().split()[0]
    data = f"log {key}\nquorum none\n"
    policy = parse_witness_policy(data.encode())
    entries = parse_bundle((folder / "tile/entries/000.p/15").read_bytes())
    for size in range(1, 16):
        tile = (folder / f"tile/0/000.p/{size}").read_bytes()
        note = (folder / f"checkpoint.{size}").read_bytes()
        for index in range(size):
            proof = make_proof(index, note, TileReader(lambda level, index, tile=tile: tile))
            verify_proof(parse_proof(encode_proof(proof)), hash_leaf(entries[index]), policy)
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "a log by Tessera: entries under all checkpoints",
        ["vectors/tlog/tessera_log"],
        accepted=120,
    )


def test_the_text_of_a_proof_is_short_and_its_checkpoint_verbatim() -> None:
    text = encode_proof(GOOD)
    assert text.startswith(b"c2sp.org/tlog-proof@v1\nindex 4\n")
    assert text.endswith(b"\n\n" + NOTE)
    assert parse_proof(text) == GOOD


def test_every_entry_is_proven() -> None:
    for index, entry in enumerate(LOG.entries):
        verify_proof(make_proof(index, NOTE, LOG.read_hashes), hash_leaf(entry), POLICY)


def test_a_trust_root_is_enough_for_the_network_log() -> None:
    world = World()
    world.anchor()
    world.anchor()
    trust = replace(world.trust, witnesses=world.network.state.members.witness_sets[-1].witnesses)
    proof = make_proof(1, world.network.note or b"", world.network.read_hashes)
    verify_proof(proof, hash_leaf(world.network.entries[1]), make_policy(trust))


def test_extra_data_and_lines_of_others_change_nothing() -> None:
    """Grease: unknown signature lines, before and after the known ones."""
    grease = [NoteSignature(f"grease{n}.example", bytes([n + 1] * 4), bytes(64)) for n in range(8)]
    note = add_signatures(add_signatures(LOG.note or b"", grease), [])
    verify_proof(replace(GOOD, note=cosigned(note, 2, 0), extra=b"a hint"), LEAF, POLICY)
    shuffled = note.replace(b"\n\n", b"\n\n" + grease[0].encode().encode().replace(b"grease0", b"other"), 1)
    verify_proof(replace(GOOD, note=cosigned(shuffled, 0, 1)), LEAF, POLICY)


OTHER_ROOT = cosigned(sign_checkpoint(Checkpoint(KEY.name, LOG.size, RootHash(bytes(32))), LOG.log_signer), 0, 1)
UNSIGNED = cosigned(sign_checkpoint(Checkpoint(KEY.name, LOG.size, LOG.state.frontier.root()), SIGNERS[0]), 0, 1)
FOREIGN = cosigned(sign_checkpoint(Checkpoint("other/log", LOG.size, LOG.state.frontier.root()), LOG.log_signer), 0, 1)
FALSE_LINE = add_signatures(NOTE, [NoteSignature(KEYS[2].name, KEYS[2].key_id, bytes(72))])
SPOILT = NOTE.replace(b"\n%d\n" % LOG.size, b"\n%d\n" % (LOG.size + 1), 1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"note": b"no note\n"}, MalformedError, "note: no blank line"),  # 1
        ({"note": FOREIGN}, PolicyError, "other/log is not one of its 1 logs"),
        ({"note": UNSIGNED}, SignatureError, "no signature by the log key"),  # 2
        ({"note": SPOILT}, SignatureError, f"line of {KEY.name}"),
        ({"note": OTHER_ROOT}, ProofError, "leads to root"),  # 3
        ({"index": INDEX - 1}, ProofError, "leads to root"),
        ({"index": LOG.size}, ProofError, "outside a tree"),
        ({"path": GOOD.path[1:]}, ProofError, "too few"),
        ({"path": (*GOOD.path, bytes(32))}, ProofError, "too many"),
        ({"path": GOOD.path[::-1]}, ProofError, "leads to root"),
        ({"path": ()}, ProofError, "too few"),
        ({"note": FALSE_LINE}, SignatureError, "line of w2.example"),  # 4
        ({"note": cosigned(LOG.note or b"", 1)}, PolicyError, "cosigned by w1, which is not the quorum two"),  # 5
        ({"note": LOG.note}, PolicyError, "cosigned by none"),
    ],
)
def test_verify_proof_refuses(change: dict[str, object], error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        verify_proof(replace(GOOD, **change), LEAF, POLICY)  # type: ignore[arg-type]  # rows name its fields


@pytest.mark.parametrize(
    ("change", "key", "error", "message"),
    [
        ({"note": b"no note\n"}, KEY, MalformedError, "note: no blank line"),  # 1
        ({"note": FOREIGN}, KEY, SignatureError, "origin other/log is not"),
        ({"note": UNSIGNED}, KEY, SignatureError, "no signature by the log key"),
        ({}, log_verifier_key(KEY.name, SIGNERS[0].public), SignatureError, "no signature by the log key"),
        ({"index": 0}, KEY, ProofError, "leads to root"),  # 2
    ],
)
def test_open_proof_refuses(change: dict[str, object], key: object, error: type[CairnError], message: str) -> None:
    with pytest.raises(error, match=message):
        open_proof(replace(GOOD, **change), LEAF, key)  # type: ignore[arg-type]  # rows name its fields


def test_it_speaks_of_the_verifiers_own_entry() -> None:
    with pytest.raises(ProofError, match="leads to root"):
        verify_proof(GOOD, LeafHash(hash_leaf(LOG.entries[INDEX] + b" ")), POLICY)


@given(st.integers(0, len(encode_proof(GOOD)) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_refused_or_changes_nothing_that_counts(position: int, flip: int) -> None:
    """But in what may be changed: the low bits of base64 in signature lines, and lines that name nobody known."""
    data = bytearray(encode_proof(GOOD))
    data[position] ^= flip
    try:
        proof = parse_proof(bytes(data))
        verify_proof(proof, LEAF, POLICY)
    except CairnError:
        return
    assert (proof.index, proof.path) == (GOOD.index, GOOD.path)
    assert proof.note.partition(b"\n\n")[0] == NOTE.partition(b"\n\n")[0]


HEAD = st.sampled_from([b"c2sp.org/tlog-proof@v1\n", b"index 3\n", b"extra AAAA\n", b"\n", b"index 03\n", b"x"])


@given(st.binary(max_size=200) | st.lists(HEAD, max_size=6).map(b"".join))
def test_what_is_read_has_one_spelling(data: bytes) -> None:
    try:
        proof = parse_proof(data)
    except MalformedError:
        return
    assert encode_proof(proof) == data


@given(
    st.integers(0, 2**53 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(min_size=1, max_size=50),
    st.binary(min_size=1, max_size=50),
)
def test_proofs_come_back(index: int, path: list[bytes], extra: bytes | None, note: bytes) -> None:
    proof = LogProof(index, tuple(path), note, extra)
    assert parse_proof(encode_proof(proof)) == proof


def test_limits() -> None:
    most = LogProof(2**53 - 1, (bytes(32),) * 63, bytes(MAX_NOTE_BYTES), bytes(MAX_EXTRA_BYTES))
    data = encode_proof(most)
    assert len(data) <= MAX_PROOF_BYTES
    assert parse_proof(data) == most
    for beyond in (
        replace(most, path=(bytes(32),) * 64),
        replace(most, note=bytes(MAX_NOTE_BYTES + 1)),
        replace(most, extra=bytes(MAX_EXTRA_BYTES + 1)),
        replace(most, extra=b""),
        replace(most, index=2**53),
        replace(most, note=b""),
    ):
        with pytest.raises(ValueError, match="does not read back"):
            encode_proof(beyond)
    with pytest.raises(MalformedError, match="at most"):
        parse_proof(bytes(MAX_PROOF_BYTES + 1))
