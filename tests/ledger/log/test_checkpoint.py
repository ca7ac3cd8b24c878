"""Checkpoints and cosignatures, against the vectors of other implementations."""

import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, SignatureError
from ledger.log import checkpoint, note
from ledger.log.checkpoint import Checkpoint, Cosignature
from ledger.log.keys import SigningKey
from ledger.log.merkle import EMPTY_ROOT, RootHash
from ledger.log.note import NoteSignature, parse_note
from tests.conformance import record
from tests.shared import shared_path

KEY = SigningKey(bytes(32))
ORIGIN = "example.org/log"
LOG = checkpoint.log_verifier_key(ORIGIN, KEY.public)
HEAD = Checkpoint(ORIGIN, 300, RootHash(bytes(range(32))))
NOTE = checkpoint.sign_checkpoint(HEAD, KEY)
SIGNERS = [SigningKey(bytes(31) + bytes([number])) for number in (1, 2, 3)]
WITNESSES = [checkpoint.witness_verifier_key(f"w{at}.example", key.public) for at, key in enumerate(SIGNERS)]


def cosigned(*times: int) -> bytes:
    """The head, cosigned by the first witnesses at these times."""
    lines = [
        checkpoint.cosign(NOTE, witness.name, key, at)
        for witness, key, at in zip(WITNESSES, SIGNERS, times, strict=False)
    ]
    return checkpoint.add_signatures(NOTE, lines)


@given(
    st.from_regex(r"[a-z0-9./-]{1,40}", fullmatch=True),
    st.integers(0, checkpoint.MAX_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoints_come_back(origin: str, size: int, root: bytes) -> None:
    head = Checkpoint(origin, size, RootHash(root))
    assert checkpoint.parse_checkpoint(head.encode()) == head


@given(st.binary(max_size=80) | st.text("a1\n0=A ", max_size=60).map(str.encode))
def test_accepted_text_is_the_one_spelling(data: bytes) -> None:
    try:
        head = checkpoint.parse_checkpoint(data)
    except MalformedError:
        return
    assert head.encode() == data


def test_published_checkpoints() -> None:
    """The generic vectors: where their root has not 32 bytes, the same text with such a root is judged as they say."""
    vectors = json.loads(shared_path("vectors/tlog/checkpoint/parse.json").read_text())
    for vector in vectors:
        with pytest.raises(MalformedError):
            checkpoint.parse_checkpoint(vector["text"].encode(), allow_extensions=True)
        text = vector["text"].replace(
            "dGhlIHZpZXcgZnJvbSB0aGUgdHJlZSB0b3BzIGlzIGdyZWF0IQ==", b64encode(HEAD.root).decode()
        )
        if vector["ok_syntax"]:
            head = checkpoint.parse_checkpoint(text.encode(), allow_extensions=True)
            assert (head.size, head.root) == (9944, HEAD.root)
        else:
            with pytest.raises(MalformedError):
                checkpoint.parse_checkpoint(text.encode(), allow_extensions=True)
        if vector.get("extensions"):
            with pytest.raises(MalformedError, match=f"{vector['extensions']} extension lines"):
                checkpoint.parse_checkpoint(text.encode())
    good = sum(vector["ok_syntax"] for vector in vectors)
    files = ["vectors/tlog/checkpoint/parse.json"]
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "checkpoints, with a root of 32 bytes",
        files,
        accepted=good,
        refused=len(vectors) - good,
    )


def test_published_cosignatures() -> None:
    """Cosignatures by another implementation verify at the time they give."""
    vectors = json.loads(shared_path("vectors/tlog/cosignature/v1.json").read_text())
    for vector in vectors:
        witness = note.parse_verifier_key(vector["vkey"])
        data = vector["note"].encode()
        assert checkpoint.open_cosignatures(data, [witness]) == (Cosignature(witness, vector["timestamp"]),)
        assert checkpoint.read_checkpoint(data).size == 300
        bent = data.replace(b"\n300\n", b"\n301\n")
        with pytest.raises(SignatureError, match=f"line of {witness.name}"):
            checkpoint.open_cosignatures(bent, [witness])
    count = len(vectors)
    record(
        "Transparency logs (RFC 6962, C2SP)",
        "cosignatures, and with another size",
        ["vectors/tlog/cosignature/v1.json"],
        accepted=count,
        refused=count,
    )


def test_published_log_is_opened() -> None:
    folder = shared_path("vectors/tlog/tessera_log")
    key = note.parse_verifier_key((folder / "VKEY.txt").read_text().strip())
    assert checkpoint.open_checkpoint((folder / "checkpoint.0").read_bytes(), key).root == EMPTY_ROOT
    assert checkpoint.open_checkpoint((folder / "checkpoint").read_bytes(), key).size == 15


ROOT_LINE = b64encode(HEAD.root).decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not origin, size and root"),
        (f"{ORIGIN}\n300\n{ROOT_LINE}", "not origin, size and root"),
        (f"{ORIGIN}\n300\n", "not origin, size and root"),
        (f"\n300\n{ROOT_LINE}\n", "origin: must not be empty"),
        (f"a b\n300\n{ROOT_LINE}\n", "white space"),
        (f"{ORIGIN}\n\n{ROOT_LINE}\n", "size '' is not a number"),
        (f"{ORIGIN}\n0300\n{ROOT_LINE}\n", "leading zeros"),
        (f"{ORIGIN}\n+300\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n-300\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n3_00\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n 300\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n٣\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n²\n{ROOT_LINE}\n", "is not a number"),
        (f"{ORIGIN}\n{2**53}\n{ROOT_LINE}\n", "is not a number up to"),
        (f"{ORIGIN}\n{'9' * 5000}\n{ROOT_LINE}\n", "is not a number up to"),
        (f"{ORIGIN}\n300\n{ROOT_LINE[:-1]}\n", "not base64"),
        (f"{ORIGIN}\n300\n{ROOT_LINE[:-2]}9=\n", "one base64 spelling"),
        (f"{ORIGIN}\n300\n{ROOT_LINE}=\n", "one base64 spelling"),
        (f"{ORIGIN}\n300\n {ROOT_LINE}\n", "one base64 spelling"),
        (f"{ORIGIN}\n300\nAAAA\n", "3 bytes instead of 32"),
        (f"{ORIGIN}\n300\né\n", "not base64"),
        (f"{ORIGIN}\n300\n{ROOT_LINE}\nextra\n", "1 extension lines"),
        (f"{ORIGIN}\n300\n{ROOT_LINE}\n\n", "1 extension lines"),
    ],
)
def test_other_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        checkpoint.parse_checkpoint(text.encode())


def test_extensions_where_they_are_allowed() -> None:
    text = HEAD.encode()
    assert checkpoint.parse_checkpoint(text + b"x\n" * 16, allow_extensions=True) == HEAD
    for wrong in (b"\n", b"x\n\ny\n", b"x\n" * 17):
        with pytest.raises(MalformedError, match="extension"):
            checkpoint.parse_checkpoint(text + wrong, allow_extensions=True)
    with pytest.raises(MalformedError, match="utf-8"):
        checkpoint.parse_checkpoint(text + b"\xff\n")


def test_a_signed_checkpoint_is_opened() -> None:
    assert checkpoint.open_checkpoint(NOTE, LOG) == HEAD
    assert checkpoint.read_checkpoint(NOTE) == HEAD


def test_only_checkpoints_are_signed() -> None:
    """A checkpoint that would not read back, and a text that is none, get no signature."""
    with pytest.raises(MalformedError):
        checkpoint.sign_checkpoint(Checkpoint("a b", 1, HEAD.root), KEY)
    with pytest.raises(MalformedError):
        checkpoint.sign_checkpoint(Checkpoint(ORIGIN, 1, RootHash(b"short")), KEY)
    other = note.encode_note(b"a letter\n", [note.sign_note(b"a letter\n", ORIGIN, KEY)])
    with pytest.raises(MalformedError):
        checkpoint.cosign(other, "w", SIGNERS[0], 5)


def resigned(text: bytes, name: str = ORIGIN, key: SigningKey = KEY) -> bytes:
    return note.encode_note(text, [note.sign_note(text, name, key)])


@pytest.mark.parametrize(
    ("data", "error", "problem"),
    [
        (b"nothing", MalformedError, "note: no blank line"),
        (resigned(b"a letter\n"), MalformedError, "checkpoint: not origin"),
        (resigned(HEAD.encode() + b"extension\n"), MalformedError, "extension lines"),
        (
            resigned(Checkpoint("other.example", 300, HEAD.root).encode()),
            SignatureError,
            "other.example is not example",
        ),
        (resigned(HEAD.encode(), key=SIGNERS[0]), SignatureError, "no signature by the log key"),
        (resigned(HEAD.encode(), name="other.example"), SignatureError, "no signature by the log key"),
        (NOTE.replace(b"\n300\n", b"\n301\n"), SignatureError, "not by key"),
        (checkpoint.sign_checkpoint(HEAD, KEY)[:-4] + b"AA==\n", MalformedError, "base64"),
    ],
)
def test_checkpoints_not_opened(data: bytes, error: type[Exception], problem: str) -> None:
    """One row for every step of `open_checkpoint`."""
    with pytest.raises(error, match=problem):
        checkpoint.open_checkpoint(data, LOG)


def test_cosignatures_are_opened() -> None:
    data = cosigned(30, 10, 20)
    wanted = tuple(Cosignature(witness, at) for witness, at in zip(WITNESSES, (30, 10, 20), strict=True))
    assert checkpoint.open_cosignatures(data, WITNESSES) == wanted
    assert checkpoint.open_cosignatures(data, WITNESSES[1:2]) == wanted[1:2]
    assert checkpoint.open_cosignatures(data, []) == ()
    assert checkpoint.open_cosignatures(NOTE, WITNESSES) == ()
    assert checkpoint.open_checkpoint(data, LOG) == HEAD


def test_a_witness_counts_once_with_its_earliest_time() -> None:
    """Two lines of one witness are one cosignature, in whatever order they stand."""
    lines = [checkpoint.cosign(NOTE, WITNESSES[0].name, SIGNERS[0], at) for at in (20, 10)]
    for order in (lines, lines[::-1]):
        data = note.encode_note(HEAD.encode(), [*parse_note(NOTE).signatures, *order])
        assert checkpoint.open_cosignatures(data, [*WITNESSES, WITNESSES[0]]) == (Cosignature(WITNESSES[0], 10),)


def test_a_known_witness_line_that_fails_refuses_the_note() -> None:
    good = checkpoint.cosign(NOTE, WITNESSES[0].name, SIGNERS[0], 10)
    bad = NoteSignature(good.name, good.key_id, (11).to_bytes(8) + good.signature[8:])
    data = note.encode_note(HEAD.encode(), [*parse_note(NOTE).signatures, good, bad])
    with pytest.raises(SignatureError, match=r"line of w0\.example"):
        checkpoint.open_cosignatures(data, WITNESSES)
    assert checkpoint.open_cosignatures(data, WITNESSES[1:]) == ()


def test_a_log_key_is_no_witness() -> None:
    with pytest.raises(ValueError, match="cosignature type"):
        checkpoint.open_cosignatures(NOTE, [LOG])


def test_signatures_are_added_once_and_the_log_stands_first() -> None:
    lines = parse_note(cosigned(30, 10, 20)).signatures
    shuffled = note.encode_note(HEAD.encode(), [lines[3], lines[1]])
    later = checkpoint.cosign(NOTE, WITNESSES[0].name, SIGNERS[0], 99)
    joined = checkpoint.add_signatures(shuffled, [lines[0], later, lines[2], lines[3]])
    assert parse_note(joined).signatures == (lines[0], lines[3], lines[1], lines[2])
    assert checkpoint.add_signatures(joined, lines) == joined
    assert {c.seconds for c in checkpoint.open_cosignatures(joined, WITNESSES)} == {10, 20, 30}


def test_the_published_root_is_read_as_base64() -> None:
    """The root line is plain base64, as every other log writes it."""
    assert b64decode(HEAD.encode().split(b"\n")[2]) == HEAD.root
