"""Archives: every member proven by the manifest, none that has no place, none missing."""

import io
import tarfile
from collections.abc import Callable

import pytest

from ledger.errors import MalformedError
from node.backup import archive as module
from node.backup.archive import FILES, LEDGER, PIECE_BYTES, REGISTRAR, ArchiveReader, ArchiveWriter, Header
from node.backup.stores import read_rows

HEADER = Header(
    made_at=1_790_000_000_000,
    log="l" * 43,
    name="Granite Hollow High",
    origin="granite.example/log",
    size=8,
    has_keys=True,
    has_stores=True,
    version="0.1.0",
)


def write(large: bytes = b"ledger") -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file, HEADER)
    writer.add_file("node.toml", b"name = 'x'\n")
    writer.add_file("keys/log.key", b"secret")
    writer.add_stream(REGISTRAR, b"rows")
    writer.add_stream(LEDGER, large)
    writer.finish()
    return file.getvalue()


def read(data: bytes) -> list[tuple[str, str, bytes]]:
    reader = ArchiveReader(io.BytesIO(data), "x.backup")
    assert reader.header == HEADER
    return [(member.folder, member.path, member.data) for member in reader.members()]


def rewrite(data: bytes, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]) -> bytes:
    """The same tar with some of its members changed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as source, tarfile.open(fileobj=out, mode="w") as target:
        for info in source:
            file = source.extractfile(info)
            assert file is not None
            for new, content in change(info, file.read()):
                new.size = len(content)
                target.addfile(new, io.BytesIO(content))
    return out.getvalue()


def test_what_was_written_is_read() -> None:
    large = bytes(range(256)) * (PIECE_BYTES // 256) * 2 + b"end"
    read_back = read(write(large))
    assert read_back[:3] == [
        (FILES, "node.toml", b"name = 'x'\n"),
        (FILES, "keys/log.key", b"secret"),
        (LEDGER, "000000", large[:PIECE_BYTES]),
    ]
    assert b"".join(data for folder, _, data in read_back if folder == LEDGER) == large
    assert [path for folder, path, _ in read_back if folder == LEDGER] == ["000000", "000001", "000002"]
    assert (REGISTRAR, "000000", b"rows") in read_back


def test_any_tar_reads_a_plain_backup() -> None:
    with tarfile.open(fileobj=io.BytesIO(write())) as plain:
        assert plain.getnames()[0] == "backup.json"
        assert {info.mode for info in plain} == {0o600}


def named(name: str, change: Callable[[bytes], bytes] | None) -> Callable[[bytes], bytes]:
    """Change the content of one member, or leave it out."""

    def apply(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name != name:
            return [(info, data)]
        return [] if change is None else [(info, change(data))]

    return lambda data: rewrite(data, apply)


def added(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[bytes], bytes]:
    """Put a member before the manifest."""

    def apply(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        extra = tarfile.TarInfo(name)
        extra.type = kind
        return [(extra, b""), (info, data)] if info.name == "manifest.json" else [(info, data)]

    return lambda data: rewrite(data, apply)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (named("files/keys/log.key", lambda data: b"forged"), "files/keys/log.key is not what was written"),
        (named("ledger/000000", None), "ledger/000000 is not what was written"),
        (named("manifest.json", None), "its end is missing"),
        (named("manifest.json", lambda data: b"{}"), "is not what was written"),
        (named("manifest.json", lambda data: b"["), "not JSON"),
        (named("backup.json", lambda data: data.replace(b"backup/v1", b"backup/v2")), "another format"),
        (named("backup.json", lambda data: data.replace(b'"size": 8', b'"size": "8"')), "does not say what it is"),
        (named("backup.json", None), "is a tar file, but not a backup"),
        (added("files/../../etc/passwd"), "has no place in a backup"),
        (added("/etc/passwd"), "has no place in a backup"),
        (added("files/.hidden"), "has no place in a backup"),
        (added("files/link", tarfile.SYMTYPE), "has no place in a backup"),
        (added("files/device", tarfile.CHRTYPE), "has no place in a backup"),
        (added("files/extra"), "files/extra is not what was written"),
        (lambda data: data[: len(data) // 3], "damaged|cut off|missing"),
        (lambda data: b"not a tar at all" * 100, "is not a backup"),
        (lambda data: b"", "is not a backup"),
    ],
)
def test_what_is_refused(change: Callable[[bytes], bytes], message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        read(change(write()))


@pytest.mark.parametrize("name", ["../x", ".x", "a//b", "a/./b", "", "x\ny", "a/b/c/d/e/f/g/h/i"])
def test_names_no_backup_holds(name: str) -> None:
    writer = ArchiveWriter(io.BytesIO(), HEADER)
    with pytest.raises(MalformedError, match="no backup can hold"):
        writer.add_file(name, b"")


def test_names_people_give() -> None:
    file = io.BytesIO()
    writer = ArchiveWriter(file, HEADER)
    for name in ("tls/fullchain.pem", "notes (1).txt", "Übergabe.md", "a+b@c=d"):
        writer.add_file(name, b"x")
    writer.finish()
    assert [path for _, path, _ in read(file.getvalue())] == [
        "tls/fullchain.pem",
        "notes (1).txt",
        "Übergabe.md",
        "a+b@c=d",
    ]


def test_a_file_that_is_too_large_is_not_backed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    with pytest.raises(MalformedError, match="too large"):
        ArchiveWriter(io.BytesIO(), HEADER).add_file("large", bytes(11))


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_rows_are_cut_anywhere(step: int) -> None:
    rows = [(b"k", b""), (b"key", b"value" * 10), (b"", b"x")]
    stream = b"".join(len(k).to_bytes(4, "big") + len(v).to_bytes(4, "big") + k + v for k, v in rows)
    assert list(read_rows(stream[at : at + step] for at in range(0, len(stream), step))) == rows
    with pytest.raises(MalformedError, match="the last is cut off"):
        list(read_rows([stream[:-1]]))


def test_lengths_are_bounded() -> None:
    with pytest.raises(MalformedError, match="out of bounds"):
        list(read_rows([b"\xff" * 8]))
