"""Sealed files: whole with the passphrase, nothing without it, and no box may be touched, moved or left out."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError
from ledger.log.keyfile import LEAST_COST
from node.backup.sealed import BOX_BYTES, SealedReader, SealingWriter, is_sealed
from tests.node.school import make_draw

PASSPHRASE = "four unrelated words"
BOX = BOX_BYTES + 16


def seal(data: bytes, *, step: int = 100_000) -> bytes:
    file = io.BytesIO()
    writer = SealingWriter(file, PASSPHRASE, make_draw(), LEAST_COST)
    for start in range(0, len(data), step):
        writer.write(data[start : start + step])
    writer.finish()
    return file.getvalue()


def unseal(data: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return SealedReader(io.BytesIO(data), passphrase, "x.backup").readall() or b""


@pytest.mark.parametrize("length", [0, 1, BOX_BYTES - 1, BOX_BYTES, BOX_BYTES + 1, 3 * BOX_BYTES, 200_001])
def test_what_was_sealed_is_read(length: int) -> None:
    data = make_draw("data")(length)
    assert unseal(seal(data)) == data
    assert seal(data, step=7777) == seal(data), "how it was handed in makes no difference"


def test_a_reader_may_ask_for_little(tmp_path: Path) -> None:
    data = make_draw("data")(150_000)
    reader = SealedReader(io.BytesIO(seal(data)), PASSPHRASE, "x")
    parts = []
    while part := reader.read(999):
        parts.append(part)
    assert b"".join(parts) == data
    (tmp_path / "sealed").write_bytes(seal(b"x"))
    (tmp_path / "plain").write_bytes(b"backup.json\0")
    assert is_sealed(tmp_path / "sealed") and not is_sealed(tmp_path / "plain")


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(MalformedError, match="passphrase is wrong, or the file is damaged"):
        unseal(seal(b"secret"), "four unrelated word")


def test_the_clear_text_is_nowhere() -> None:
    assert b"Learner Marker" not in seal(b"Learner Marker" * 1000)


HEADER = len(seal(b"")) - 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[: HEADER + 2 * BOX], "cut off after 65536"),
        (lambda data: data[: HEADER + BOX], "passphrase is wrong, or the file is damaged"),
        (lambda data: data[:-1], "damaged or cut off"),
        (lambda data: data[:HEADER], "damaged"),
        (lambda data: data + b"x", "damaged"),
        (lambda data: data[:HEADER] + data[HEADER + BOX : HEADER + 2 * BOX] + data[HEADER + BOX :], "damaged"),
        (lambda data: data[:HEADER] + data[HEADER + BOX :], "damaged"),
        (lambda data: data.replace(b"argon2id", b"argon2xx"), "unknown key derivation"),
        (lambda data: data.replace(b"sealed/v1", b"sealed/v2"), "expected cairn/sealed/v1"),
        (lambda data: data.replace(b'"memory":8192', b'"memory":81920000000'), "memory"),
        (lambda data: b"{" + b" " * 2000, "first line is too long"),
    ],
)
def test_what_is_refused(change: object, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        unseal(change(seal(bytes(BOX_BYTES * 2 + 100))))  # type: ignore[operator]  # a lambda of the table


@given(st.data())
@settings(max_examples=60)
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"some rows\n" * 20))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        read = unseal(bytes(sealed))
    except CairnError:
        return
    raise AssertionError(f"byte {place} may be changed: {read[:20]!r}")
