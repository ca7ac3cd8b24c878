"""Witness policies: published ones, the shape of the file, and what counts as a quorum."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, PolicyError, SignatureError
from ledger.log.checkpoint import (
    Checkpoint,
    add_signatures,
    cosign,
    log_verifier_key,
    sign_checkpoint,
    witness_verifier_key,
)
from ledger.log.keys import SigningKey
from ledger.log.merkle import RootHash
from ledger.log.note import KeyType, NoteSignature, VerifierKey
from ledger.log.policy import QuorumRule
from ledger.log.witness_policy import (
    MAX_LINES,
    MAX_POLICY_BYTES,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    WitnessPolicy,
    encode_witness_policy,
    find_log_key,
    judge_policy,
    make_policy,
    parse_witness_policy,
)
from tests.conformance import record
from tests.ledger.log.networks import World
from tests.shared import shared_path

LOG_KEY = SigningKey(bytes(32))
LOG = log_verifier_key("example.org/log", LOG_KEY.public)
HEAD = sign_checkpoint(Checkpoint("example.org/log", 5, RootHash(bytes(32))), LOG_KEY)
SIGNERS = [SigningKey(bytes(31) + bytes([number])) for number in range(1, 7)]
KEYS = [witness_verifier_key(f"w{number}.example", key.public) for number, key in enumerate(SIGNERS)]
WITNESSES = tuple(PolicyWitness(name, key) for name, key in zip("abcdef", KEYS, strict=True))
NESTED = WitnessPolicy(
    logs=(PolicyLog(LOG, "https://log.example"),),
    witnesses=WITNESSES,
    groups=(
        PolicyGroup("x", 2, ("a", "b", "c")),
        PolicyGroup("y", 1, ("d", "e", "f")),
        PolicyGroup("xy", 2, ("x", "y")),
    ),
    quorum="xy",
)


def cosigned(*numbers: int, note: bytes = HEAD) -> bytes:
    """The head with cosignatures of these witnesses, witness n at second 1000 + n."""
    lines = [cosign(note, KEYS[number].name, SIGNERS[number], 1000 + number) for number in numbers]
    return add_signatures(note, lines)


def test_published_policies() -> None:
    """All vectors; two keys that are the same one are refused, as the specification says and their source does not."""
    vectors = json.loads(shared_path("vectors/tlog/policy/parse.json").read_text())
    for vector in vectors:
        if vector["ok"] and "duplicate_key" not in vector:
            policy = parse_witness_policy(vector["policy"].encode())
            names = [witness.name for witness in policy.witnesses]
            threshold = vector["quorum_threshold"]
            sets = [set(chosen) for n in range(len(names) + 1) for chosen in itertools.combinations(names, n)]
            assert all(policy.is_met_by(chosen) == (len(chosen) >= threshold) for chosen in sets), vector["name"]
            assert parse_witness_policy(encode_witness_policy(policy)) == policy
        else:
            with pytest.raises(MalformedError):
                parse_witness_policy(vector["policy"].encode())
    good = sum(vector["ok"] and "duplicate_key" not in vector for vector in vectors)
    files = ["vectors/tlog/policy/parse.json"]
    record("Transparency logs (RFC 6962, C2SP)", "witness policies", files, accepted=good, refused=len(vectors) - good)


def test_a_policy_in_use_elsewhere() -> None:
    """Six witnesses of a log that is run by others, four of which must sign."""
    policy = parse_witness_policy(shared_path("vectors/tlog/policy/example.policy").read_bytes())
    assert [witness.name for witness in policy.witnesses][:2] == ["geomys-dev-1", "mulvad-1"]
    assert len(policy.witnesses) == 6
    assert policy.groups == (PolicyGroup("dev_grp", 4, tuple(witness.name for witness in policy.witnesses)),)
    assert parse_witness_policy(encode_witness_policy(policy)) == policy


def test_groups_of_groups() -> None:
    assert NESTED.is_met_by(["a", "c", "f"])
    assert not NESTED.is_met_by(["a", "b", "c"])
    assert not NESTED.is_met_by(["a", "d", "e", "f"])
    assert not NESTED.is_met_by([])
    assert parse_witness_policy(encode_witness_policy(NESTED)) == NESTED


def test_the_text_of_a_policy() -> None:
    policy = WitnessPolicy(
        logs=(PolicyLog(LOG),),
        witnesses=(PolicyWitness("a", KEYS[0], "https://a.example/witness"), PolicyWitness("b", KEYS[1])),
        groups=(PolicyGroup("g", 2, ("a", "b")),),
        quorum="g",
    )
    assert encode_witness_policy(policy).decode() == (
        f"log {LOG.encode()}\n"
        f"witness a {KEYS[0].encode()} https://a.example/witness\n"
        f"witness b {KEYS[1].encode()}\n"
        "group g 2 a b\n"
        "quorum g\n"
    )


def test_bytes_above_ascii_are_kept_and_compared_as_they_are() -> None:
    """A name need not be UTF-8, and K is not the Kelvin sign."""
    names = (b"\xff\xfe", b"K", "\N{KELVIN SIGN}".encode())
    lines = b"".join(
        [b"witness %b %b\n" % (name, key.encode().encode()) for name, key in zip(names, KEYS, strict=False)]
    )
    data = lines + b"group g all " + b" ".join(names) + b"\nquorum g\n"
    assert encode_witness_policy(parse_witness_policy(data)) == data.replace(b"all", b"3")


def test_many_logs_witnesses_and_groups_are_read() -> None:
    keys = [SigningKey(bytes(30) + number.to_bytes(2)).public for number in range(64)]
    policy = WitnessPolicy(
        logs=tuple(PolicyLog(log_verifier_key(f"log{n}.example", key)) for n, key in enumerate(keys[:32])),
        witnesses=tuple(
            PolicyWitness(f"w{n}", witness_verifier_key(f"w{n}.example", key)) for n, key in enumerate(keys[32:])
        ),
        groups=tuple(PolicyGroup(f"g{n}", 1, (f"w{n}", *((f"g{n - 1}",) if n else ()))) for n in range(32)),
        quorum="g31",
    )
    assert parse_witness_policy(encode_witness_policy(policy)) == policy
    assert policy.is_met_by(["w0"])


A, B = KEYS[0].encode(), KEYS[1].encode()
TWO = f"witness a {A}\nwitness b {B}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no quorum line"),
        ("# quorum none\n", "no quorum line"),
        ("quorum none\nquorum none\n", "line 2: a second quorum"),
        ("quorum\n", "0 fields after the first, expected one name"),
        ("quorum none none\n", "2 fields after the first"),
        ("quorum a\n", "line 1: 'a' is not defined above"),
        (f"quorum a\nwitness a {A}\n", "line 1: 'a' is not defined above"),
        ("witnesses a\nquorum none\n", "none of log, witness, group and quorum"),
        (f"witness a\n{TWO}quorum a\n", "1 fields after the first"),
        (f"witness a {A} u v\nquorum a\n", "4 fields after the first"),
        (f"witness a {A[:-1]}\nquorum a\n", "verifier key"),
        (f"witness none {A}\nquorum none\n", "'none' is defined already"),
        (f"witness a {A}\nwitness a {B}\nquorum a\n", "'a' is defined already"),
        (f"witness a {A}\nwitness b {A}\nquorum a\n", "is listed twice"),
        (
            f"witness a {A}\nwitness b {VerifierKey('other', KeyType.ED25519, KEYS[0].key).encode()}\nquorum a\n",
            "twice",
        ),
        (f"log {LOG.encode()}\nlog {LOG.encode()}\nquorum none\n", "is listed twice"),
        (f"log {A}\nquorum none\n", "is a cosigner's"),
        (f"{TWO}group g 1\nquorum g\n", "2 fields after the first"),
        (f"{TWO}group g 0 a b\nquorum g\n", "threshold 0 of 2"),
        (f"{TWO}group g 3 a b\nquorum g\n", "threshold 3 of 2"),
        (f"{TWO}group g -1 a b\nquorum g\n", "threshold '-1'"),
        (f"{TWO}group g 01 a b\nquorum g\n", "leading zeros"),
        (f"{TWO}group g most a b\nquorum g\n", "threshold 'most'"),
        (f"{TWO}group g any a a\nquorum g\n", "'a' is a member of a group already"),
        (f"{TWO}group g any a b\ngroup h any a\nquorum g\n", "'a' is a member of a group already"),
        (f"{TWO}group g any g\nquorum g\n", "'g' is not defined above"),
        (f"{TWO}group g any none\nquorum g\n", "'none' is a member of a group already"),
        (f"{TWO}group a any b\nquorum a\n", "'a' is defined already"),
        ("quorum none\r\n", "control character 0x0d at byte 11"),
        ("quorum none\x00", "control character 0x00"),
        ("quorum none\x7f", "control character 0x7f"),
    ],
)
def test_what_is_no_policy(text: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_witness_policy(text.encode())


def test_limits() -> None:
    end = b"quorum none\n"
    assert parse_witness_policy(b"#" * (MAX_POLICY_BYTES - len(end) - 1) + b"\n" + end)
    with pytest.raises(MalformedError, match="at most"):
        parse_witness_policy(b"#" * (MAX_POLICY_BYTES - len(end)) + b"\n" + end)
    with pytest.raises(MalformedError, match=f"more than {MAX_LINES} lines"):
        parse_witness_policy(b"\n".join(_groups(MAX_LINES + 1)))


def _groups(count: int) -> list[bytes]:
    chain = [f"witness g0 {A}".encode()]
    return chain + [f"group g{n} any g{n - 1}".encode() for n in range(1, count)]


@given(st.binary(max_size=120) | st.text("quormnegap 01\t\n#", max_size=120).map(str.encode))
def test_arbitrary_bytes_never_crash_it_and_what_is_read_comes_back(data: bytes) -> None:
    try:
        policy = parse_witness_policy(data)
    except MalformedError:
        return
    assert parse_witness_policy(encode_witness_policy(policy)) == policy


def test_a_name_that_would_be_read_otherwise_is_not_written() -> None:
    for name in ("#a", "a b", "none"):
        with pytest.raises((ValueError, MalformedError)):
            encode_witness_policy(WitnessPolicy(witnesses=(PolicyWitness(name, KEYS[0]),)))


def test_a_quorum_is_complete_with_the_cosignature_that_completes_it() -> None:
    """Its time is that of the witness without whom it would not be one."""
    answer = judge_policy(cosigned(0, 1, 2, 4), NESTED)
    assert answer.has_quorum
    assert (answer.present, answer.seconds) == (("a", "b", "c", "e"), 1004)
    assert judge_policy(cosigned(5, 2, 0), NESTED).seconds == 1005


def test_no_quorum() -> None:
    answer = judge_policy(cosigned(0, 1, 2), NESTED)
    assert (answer.has_quorum, answer.seconds, answer.present) == (False, None, ("a", "b", "c"))
    assert judge_policy(HEAD, replace(NESTED, quorum="none")).has_quorum


def test_lines_of_others_are_ignored_and_a_false_one_spoils_the_note() -> None:
    others = [NoteSignature(f"grease{n}.example", bytes([n] * 4), bytes(72)) for n in range(5)]
    note = add_signatures(cosigned(0, 1, 3), others)
    assert judge_policy(note, NESTED).has_quorum
    forged = NoteSignature(KEYS[2].name, KEYS[2].key_id, bytes(72))
    with pytest.raises(SignatureError):
        judge_policy(add_signatures(note, [forged]), NESTED)


def test_which_log_a_note_is_of() -> None:
    newer = PolicyLog(log_verifier_key("example.org/log", SIGNERS[0].public))
    assert find_log_key(HEAD, NESTED) == LOG
    assert find_log_key(HEAD, WitnessPolicy(logs=(newer, PolicyLog(LOG)))) == LOG
    other = sign_checkpoint(Checkpoint("other.org/log", 5, RootHash(bytes(32))), LOG_KEY)
    with pytest.raises(PolicyError, match=r"other\.org/log is not one of its 1 logs"):
        find_log_key(other, NESTED)


def test_the_policy_of_a_trust_root() -> None:
    """The network's own witness does not count for its own log."""
    world = World()
    world.anchor()
    world.anchor()
    trust = replace(world.trust, witnesses=world.network.state.members.witness_sets[-1].witnesses)
    policy = make_policy(trust)
    assert [log.key.name for log in policy.logs] == [world.network.state.charter.origin]
    independent = [witness for witness in trust.witnesses if witness.log != trust.network]
    assert [witness.key for witness in policy.witnesses] == [witness.key for witness in independent]
    assert policy.groups[0].threshold == len(independent) // 2 + 1
    assert judge_policy(world.network.note or b"", policy).has_quorum
    assert parse_witness_policy(encode_witness_policy(policy)) == policy


def test_a_trust_root_without_witnesses_has_no_policy_that_would_accept_anything() -> None:
    world = World()
    with pytest.raises(PolicyError, match="no independent witness"):
        make_policy(replace(world.trust, witnesses=()))
    assert make_policy(replace(world.trust, witnesses=(), quorum=QuorumRule.NONE)).quorum == "none"
