"""Signed notes, against the vectors of other implementations."""

import json
import re
from binascii import b2a_base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError, SignatureError
from ledger.log import note
from ledger.log.keys import Algorithm, PublicKey, SigningKey
from ledger.log.note import KeyType, NoteSignature, VerifierKey
from tests.conformance import record
from tests.shared import shared_path

KEY = SigningKey(bytes(32))
OTHER = SigningKey(bytes(31) + b"\1")
LOG = VerifierKey("example.org/log", KeyType.ED25519, KEY.public)
WITNESS = VerifierKey("witness.example.org", KeyType.COSIGNATURE, OTHER.public)
TEXT = b"example.org/log\nsome text\n\nmore text\n"
SIGNED = note.encode_note(TEXT, [note.sign_note(TEXT, LOG.name, KEY)])
COSIGNED = note.encode_note(
    TEXT, [note.sign_note(TEXT, LOG.name, KEY), note.sign_cosignature(TEXT, WITNESS.name, OTHER, 1_700_000_000)]
)


def test_published_notes_are_opened_or_refused() -> None:
    """Every vector, with the keys it names."""
    vectors = json.loads(shared_path("vectors/tlog/signed_note/open.json").read_text())
    assert {vector["ok"] for vector in vectors} == {True, False}
    for vector in vectors:
        data = bytes.fromhex(vector["note_hex"])
        keys = [note.parse_verifier_key(text) for text in vector["vkeys"]]
        if not vector["ok"]:
            with pytest.raises((MalformedError, SignatureError)):
                note.open_note(data, keys)
            continue
        opened, signers = note.open_note(data, keys)
        assert data.startswith(opened.text + b"\n")
        assert signers
        assert set(signers) <= set(keys)
        assert note.encode_note(opened.text, opened.signatures) == data
    good = sum(vector["ok"] for vector in vectors)
    files = ["vectors/tlog/signed_note/open.json"]
    record("Transparency logs (RFC 6962, C2SP)", "signed notes", files, accepted=good, refused=len(vectors) - good)


def test_published_signatures_are_made() -> None:
    for vector in json.loads(shared_path("vectors/tlog/signed_note/sign.json").read_text()):
        key = SigningKey(bytes.fromhex(vector["seed_hex"]))
        text = vector["text"].encode()
        assert note.sign_note(text, vector["name"], key).encode() == vector["signature_line"]
        assert VerifierKey(vector["name"], KeyType(vector["type"]), key.public).encode() == vector["vkey"]


def test_published_verifier_keys_are_parsed_or_refused() -> None:
    vectors = json.loads(shared_path("vectors/tlog/signed_note/vkeys.json").read_text())
    for vector in vectors:
        if vector["ok"]:
            key = note.parse_verifier_key(vector["vkey"])
            assert key.type == vector["type"]
            assert key.encode() == vector["vkey"]
        else:
            with pytest.raises(MalformedError):
                note.parse_verifier_key(vector["vkey"])
    good = sum(vector["ok"] for vector in vectors)
    files = ["vectors/tlog/signed_note/vkeys.json"]
    record("Transparency logs (RFC 6962, C2SP)", "verifier keys", files, accepted=good, refused=len(vectors) - good)


def vkey(name: str, data: bytes, key_id: str | None = None) -> str:
    computed = sha256(name.encode() + b"\n" + data).hexdigest()[:8]
    return f"{name}+{key_id or computed}+{b2a_base64(data, newline=False).decode()}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not <name>"),
        ("name", "not <name>"),
        (vkey("name", b"\1" + bytes(32), "00000000"), "key id '00000000' is not"),
        (vkey("name", b"\1" + bytes(32)).replace("+", "+0", 1), "key id"),
        (re.sub(r"\+.*?\+", lambda m: m.group().upper(), vkey("name", b"\1" + bytes(32))), "key id"),
        (vkey("", b"\1" + bytes(32)), "empty"),
        (vkey("na me", b"\1" + bytes(32)), "white space"),
        (vkey("name", b""), "unknown type none"),
        (vkey("name", b"\2" + bytes(32)), "unknown type 02"),
        (vkey("name", b"\6" + bytes(1312)), "not <name>"),
        (vkey("name", b"\1" + bytes(31)), "needs 32 bytes"),
        (vkey("name", b"\4" + bytes(33)), "needs 32 bytes"),
        (vkey("name", b"\1" + bytes(32)) + "\n", "not <name>"),
        (vkey("name", b"\1" + bytes(32)) + "====", "not <name>"),
        ("x" * 600, "not <name>"),
    ],
)
def test_verifier_keys_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        note.parse_verifier_key(text)


def test_notes_are_signed_with_ed25519_alone() -> None:
    point = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    with pytest.raises(MalformedError, match="ed25519, not p256"):
        VerifierKey("name", KeyType.ED25519, PublicKey(Algorithm.P256, point))


def test_key_ids_differ_by_type_and_name() -> None:
    keys = {VerifierKey(name, kind, KEY.public).key_id for name in ("a", "b") for kind in KeyType}
    assert len(keys) == 4


def test_both_kinds_of_signature_are_opened() -> None:
    """The signers come back in the order of the lines, whatever the order of the keys."""
    opened, signers = note.open_note(COSIGNED, [WITNESS, LOG])
    assert opened.text == TEXT
    assert signers == (LOG, WITNESS)
    assert note.cosignature_seconds(opened.signatures[1]) == 1_700_000_000
    assert note.open_note(COSIGNED, [LOG])[1] == (LOG,)


def test_unknown_lines_are_ignored_in_any_order() -> None:
    """Lines under other names, other ids and unknown kinds of key do not disturb."""
    grease = [
        NoteSignature("grease.example", b"\0\1\2\3", b"x"),
        NoteSignature(LOG.name, b"\0\1\2\3", bytes(64)),
        NoteSignature("other", LOG.key_id, bytes(2420)),
    ]
    lines = (*grease, *note.parse_note(COSIGNED).signatures)
    assert note.open_note(note.encode_note(TEXT, lines), [LOG, WITNESS])[1] == (LOG, WITNESS)
    assert note.open_note(note.encode_note(TEXT, lines[::-1]), [LOG, WITNESS])[1] == (WITNESS, LOG)


def line(index: int, **changes: object) -> NoteSignature:
    original = note.parse_note(COSIGNED).signatures[index]
    values = {"name": original.name, "key_id": original.key_id, "signature": original.signature} | changes
    return NoteSignature(**values)  # type: ignore[arg-type]  # changes are given by field name


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


LOG_SIGNATURE, WITNESS_SIGNATURE = (signature.signature for signature in note.parse_note(COSIGNED).signatures)


@pytest.mark.parametrize(
    ("text", "lines", "problem"),
    [
        (TEXT, [NoteSignature("x", b"0000", b"x")], "no signature by a known key"),
        (TEXT, [line(0, signature=flip(LOG_SIGNATURE, 0)), line(1)], "line of example.org/log: signature: not by key"),
        (TEXT, [line(0), line(1, signature=flip(WITNESS_SIGNATURE, 70))], "line of witness.example.org: .*not by key"),
        (TEXT, [line(0), line(1, signature=flip(WITNESS_SIGNATURE, 7))], "line of witness.example.org: .*not by key"),
        (TEXT, [line(0), line(0, signature=bytes(64))], "line of example.org/log"),
        (TEXT, [line(0, signature=LOG_SIGNATURE[:63])], "63 bytes instead of 64"),
        (TEXT, [line(1, signature=WITNESS_SIGNATURE[8:])], "64 bytes instead of 72"),
        (TEXT, [line(1, signature=b"\x80" + WITNESS_SIGNATURE[1:])], "time 9223372038554775808 is out of range"),
        (b"other\n" + TEXT, [line(0)], "not by key"),
        (TEXT, [line(0, signature=LOG_SIGNATURE, name=WITNESS.name, key_id=WITNESS.key_id)], "instead of 72"),
    ],
)
def test_notes_not_opened(text: bytes, lines: list[NoteSignature], problem: str) -> None:
    """One known line that fails refuses the note, however good the others are."""
    with pytest.raises(SignatureError, match=problem):
        note.open_note(note.encode_note(text, lines), [LOG, WITNESS])


def test_the_kinds_of_signature_do_not_stand_for_each_other() -> None:
    """A cosignature's message begins with its context, so it is no signature of the text and the reverse."""
    as_log = VerifierKey("n", KeyType.ED25519, KEY.public)
    as_witness = VerifierKey("n", KeyType.COSIGNATURE, KEY.public)
    cosigned = note.sign_cosignature(TEXT, "n", KEY, 5)
    with pytest.raises(SignatureError):
        note.open_note(note.encode_note(TEXT, [NoteSignature("n", as_log.key_id, cosigned.signature[8:])]), [as_log])
    signed = note.sign_note(TEXT, "n", KEY)
    forged = NoteSignature("n", as_witness.key_id, (5).to_bytes(8) + signed.signature)
    with pytest.raises(SignatureError):
        note.open_note(note.encode_note(TEXT, [forged]), [as_witness])


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_any_flipped_bit_is_refused_or_changes_no_meaning(bit: int) -> None:
    """Only the unused low bits of a line's base64 may differ, and those mean the same."""
    data = bytearray(SIGNED)
    data[bit // 8] ^= 1 << bit % 8
    try:
        opened, _ = note.open_note(bytes(data), [LOG])
    except (MalformedError, SignatureError):
        return
    assert opened == note.parse_note(SIGNED)


@given(st.binary(max_size=80) | st.text("a\n— +AQ=é ", max_size=40).map(str.encode))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    """What parses, encodes to something that parses to the same."""
    try:
        parsed = note.parse_note(data)
    except MalformedError:
        return
    assert note.parse_note(note.encode_note(parsed.text, parsed.signatures)) == parsed


LINE = "— name AAAAAAA=\n"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "no blank line"),
        ("text\n", "no blank line"),
        ("text\n\n", "no blank line|whole lines"),
        ("text\n" + LINE, "no blank line"),
        ("text\n\n" + LINE[:-1], "no blank line"),
        ("text\n\n" + LINE + "\n", "no blank line|whole lines"),
        ("text\n\n- name AAAAAAA=\n", "not a dash, a name and base64"),
        ("text\n\n—name AAAAAAA=\n", "not a dash"),
        ("text\n\n— AAAAAAA=\n", "not a dash"),
        ("text\n\n—  AAAAAAA=\n", "name of a signature line"),
        ("text\n\n— a b AAAAAAA=\n", "white space"),
        ("text\n\n— a\u00a0b AAAAAAA=\n", "white space"),
        ("text\n\n— a+b AAAAAAA=\n", "plus sign"),
        ("text\n\n— name AAAA_AA=\n", "base64"),
        ("text\n\n— name AAAAAAA\n", "base64"),
        ("text\n\n— name AAAAAAA==\n", "base64"),
        ("text\n\n— name AAAAAAAA====\n", "base64"),
        ("text\n\n— name \n", "holds no signature"),
        ("text\n\n— name AAAAAA==\n", "holds no signature"),
        ("te\rxt\n\n" + LINE, "control character"),
        ("te\txt\n\n" + LINE, "control character"),
        ("te\0xt\n\n" + LINE, "control character"),
        ("text\n\n" + LINE.replace("\n", "\r\n"), "control character"),
        ("text\n\n" + LINE * 101, "101 signatures are more than 100"),
        ("x" * 1_000_001, "exceed the limit"),
    ],
)
def test_other_bytes_are_refused(data: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        note.parse_note(data.encode())


def test_limits_and_lenience() -> None:
    """A hundred lines are read; so are unused low bits; text that is not UTF-8 is not."""
    assert len(note.parse_note(("text\n\n" + LINE * 100).encode()).signatures) == 100
    assert note.parse_note("text\n\n— name AAAAAAB=\n".encode()) == note.parse_note(("text\n\n" + LINE).encode())
    with pytest.raises(MalformedError, match="utf-8 at byte 2"):
        note.parse_note(b"te\xff\n\n" + LINE.encode())


def test_signature_lines_alone() -> None:
    """What a witness answers: whole lines and nothing else."""
    lines = note.parse_note(COSIGNED).signatures
    data = "".join(signature.encode() for signature in lines).encode()
    assert note.parse_signature_lines(data) == lines
    for wrong in (b"", b"\n", data[:-1], data + b"\n", b"\xff\n", data * 60):
        with pytest.raises(MalformedError):
            note.parse_signature_lines(wrong)


def test_colliding_key_ids_do_not_shadow_each_other() -> None:
    """Key ids have 4 bytes and can be made to collide: each key of that name and id may answer for the line."""
    twin = VerifierKey(LOG.name, KeyType.ED25519, OTHER.public)
    object.__setattr__(twin, "key_id", LOG.key_id)
    assert note.open_note(SIGNED, [twin, LOG])[1] == (LOG,)
    with pytest.raises(SignatureError):
        note.open_note(SIGNED, [twin])


def test_the_callers_mistakes() -> None:
    with pytest.raises(ValueError, match="ends in a newline"):
        note.encode_note(b"text", [line(0)])
    with pytest.raises(ValueError, match="a signature"):
        note.encode_note(b"text\n", [])
    for seconds in (0, -1, 2**63):
        with pytest.raises(ValueError, match="out of range"):
            note.sign_cosignature(TEXT, "n", KEY, seconds)
