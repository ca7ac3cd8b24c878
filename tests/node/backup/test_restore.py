"""From a backup to a directory: everything or nothing, whatever is wrong with the backup."""

import io
import os
import shutil
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from ledger.errors import CairnError, MalformedError, PolicyError, RuleError
from ledger.log.identity import encode_log_id
from ledger.log.keyfile import LEAST_COST
from node.backup import make
from node.backup.archive import LEDGER, ArchiveReader, ArchiveWriter
from node.backup.make import Wanted, make_backup
from node.backup.restore import Source, restore_backup
from node.clock import system_clock, system_draw
from node.config import parse_config
from node.errors import BusyError
from node.home import open_home
from node.onlyone import hold_directory
from node.registrar.database import open_database
from node.registrar.migrations import LAYOUT
from node.store import layout as store_layout
from node.store.ledgerstore import LedgerStore
from tests.node.registrar.test_migrations import KEPT
from tests.node.school import found_school
from tests.postgres import Server

PASSPHRASE = "kept apart"


@pytest.fixture
def granite(tmp_path: Path) -> Path:
    """A stopped node: six awards, two cuts, of the first layout."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "granite"


async def back_up(directory: Path, output: Path, **wanted: object) -> make.Backup:
    chosen = Wanted(**{"passphrase": None, "cost": LEAST_COST, **wanted})  # type: ignore[arg-type]  # real fields
    return await make_backup(open_home(directory), output, chosen, clock=system_clock, draw=system_draw)


def restore(path: Path, directory: Path, **options: object):  # type: ignore[no-untyped-def]  # a Restored
    passphrase = options.pop("passphrase", None)
    source = Source(path=path, passphrase=passphrase)  # type: ignore[arg-type]  # text or None
    return restore_backup(source, directory, clock=system_clock, draw=system_draw, **options)  # type: ignore[arg-type]


def rows_of(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute("SELECT id, learner_id, name, status FROM awards"))


def settings_of(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, value FROM settings"))


def log_of(directory: Path) -> list[bytes]:
    store = LedgerStore.open(directory / "ledger")
    (log_id,) = store.log_ids()
    log = store.log(log_id)
    assert log is not None
    held = [*log.entries(0, log.size), *(log.body(index) or b"" for index in range(log.size)), log.note]
    store.close()
    return held


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
async def test_everything_comes_back(granite: Path, tmp_path: Path, passphrase: str | None) -> None:
    """Awards, log, keys, settings and what else the operator put there; private as it was, and marked."""
    (granite / "tls").mkdir()
    (granite / "tls" / "fullchain.pem").write_text("certificate")
    (granite / "networks" / "confluence.json").write_text("{}")
    for left_out in ("registrar.sock", "registrar.path", ".hidden", "old.backup", "registrar.layout-9.db", "x.tmp"):
        (granite / left_out).write_text("x")
    (granite / "link").symlink_to("/etc/passwd")
    made = await back_up(granite, tmp_path / "a.backup", passphrase=passphrase)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.size_bytes == made.path.stat().st_size
    assert (b"Marker" in made.path.read_bytes()) is (passphrase is None)
    before = rows_of(granite / "registrar.db"), log_of(granite)
    shutil.move(granite, tmp_path / "burnt")

    restored = restore(made.path, granite, passphrase=passphrase)

    assert (restored.awards, restored.size, restored.logs) == (6, 8, 1)
    assert (rows_of(granite / "registrar.db"), log_of(granite)) == before
    expected = {"node.toml", "keys", "networks", "ledger", "registrar.db", "tls"}
    assert {path.name for path in granite.iterdir()} == expected
    assert (granite / "tls" / "fullchain.pem").read_text() == "certificate"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (granite / "keys").iterdir()} == {0o600}
    settings = settings_of(granite / "registrar.db")
    assert settings["layout"] == str(LAYOUT)
    assert settings["restored"].split(" ")[0] == str(restored.header.made_at)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


async def test_a_mark_from_before_stays(granite: Path, tmp_path: Path) -> None:
    """A node that was restored and backed up again before its log was whole has still lost what it had lost."""
    await back_up(granite, tmp_path / "a.backup")
    restore(tmp_path / "a.backup", tmp_path / "once")
    await back_up(tmp_path / "once", tmp_path / "b.backup")
    restore(tmp_path / "b.backup", tmp_path / "twice")
    first, second = (settings_of(tmp_path / name / "registrar.db")["restored"] for name in ("once", "twice"))
    assert first == second


async def test_nothing_is_overwritten(granite: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(MalformedError, match="exists already"):
        await back_up(granite, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(MalformedError, match="its folder does not exist"):
        await back_up(granite, tmp_path / "none" / "a.backup")
    await back_up(granite, tmp_path / "a.backup")
    with pytest.raises(RuleError, match="exists already, and nothing in it was changed"):
        restore(tmp_path / "a.backup", granite)
    with pytest.raises(RuleError, match="its folder does not exist"):
        restore(tmp_path / "a.backup", tmp_path / "none" / "granite")


async def test_a_name_that_is_taken_meanwhile_is_left(granite: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.backup"

    def come_first(done: int, total: int) -> None:
        output.write_text("mine")

    with pytest.raises(MalformedError, match="exists already"):
        await make_backup(
            open_home(granite),
            output,
            Wanted(passphrase=None),
            clock=system_clock,
            draw=system_draw,
            progress=come_first,
        )
    assert output.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


async def test_a_file_that_does_not_read_back_gets_no_name(
    granite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that lies is noticed before anybody relies on the file."""
    finish = ArchiveWriter.finish

    def lie(self: ArchiveWriter) -> bytes:
        finish(self)
        return bytes(32)

    monkeypatch.setattr(ArchiveWriter, "finish", lie)
    with pytest.raises(CairnError, match="does not read back as it was written"):
        await back_up(granite, tmp_path / "a.backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["granite"]


async def test_a_directory_in_use_is_not_opened(granite: Path, tmp_path: Path) -> None:
    with hold_directory(granite, "a test"), pytest.raises(BusyError, match="another process uses this directory"):
        await back_up(granite, tmp_path / "a.backup")


async def test_keys_may_be_kept_elsewhere(granite: Path, tmp_path: Path) -> None:
    """Without them in the backup, the key backup of the same log brings them; that of another log does not."""
    (granite / "tls").mkdir()
    (granite / "tls" / "server.pem").write_text("-----BEGIN PRIVATE KEY-----\nsecret too")
    (granite / "tls" / "chain.pem").write_text("-----BEGIN CERTIFICATE-----\npublic")
    whole = (await back_up(granite, tmp_path / "whole.backup", with_keys=False)).path
    keys = (await back_up(granite, tmp_path / "keys.backup", with_stores=False, passphrase=PASSPHRASE)).path
    assert b"seed" not in whole.read_bytes() and b"secret too" not in whole.read_bytes()
    assert keys.stat().st_size < 32_768
    with pytest.raises(PolicyError, match="was made without keys") as refusal:
        restore(whole, tmp_path / "back")
    assert "--keys" in refusal.value.hint
    with pytest.raises(MalformedError, match="is a key backup"):
        restore(keys, tmp_path / "back", passphrase=PASSPHRASE)
    other = found_school(tmp_path / "other")
    other.store.close()
    foreign = (await back_up(tmp_path / "other", tmp_path / "other.backup", with_stores=False)).path
    with pytest.raises(RuleError, match="is of log"):
        restore(whole, tmp_path / "back", keys=Source(path=foreign))
    assert not (tmp_path / "back").exists()
    restored = restore(whole, tmp_path / "back", keys=Source(path=keys, passphrase=PASSPHRASE))
    assert restored.size == 8
    assert sorted(path.name for path in (tmp_path / "back" / "tls").iterdir()) == ["chain.pem", "server.pem"]
    assert (tmp_path / "back" / "node.toml").read_bytes() == (granite / "node.toml").read_bytes()


def forge(path: Path, change: object) -> Path:
    """The same backup with streams changed and a manifest that agrees: only replaying can tell."""
    out = path.with_name("forged.backup")
    with path.open("rb") as file, out.open("wb") as target:
        reader = ArchiveReader(file, "x")
        writer = ArchiveWriter(target, reader.header)
        for member in reader.members():
            if member.folder == "files":
                writer.add_file(*change(member.path, member.data))  # type: ignore[operator]  # a function of the test
            else:
                writer.add_stream(member.folder, change(member.folder, member.data)[1])  # type: ignore[operator]
        writer.finish()
    return out


async def test_a_log_that_does_not_replay_is_refused(granite: Path, tmp_path: Path) -> None:
    """Digests prove that the file is as it was written; what was written is judged too, from the first entry."""
    path = (await back_up(granite, tmp_path / "a.backup")).path

    def flip(name: str, data: bytes) -> tuple[str, bytes]:
        # A byte in the middle of the ledger's rows: inside the body of a page.
        return name, data[:30_000] + bytes([data[30_000] ^ 1]) + data[30_001:] if name == LEDGER else data

    with pytest.raises(MalformedError, match=r"log .*: "):
        restore(forge(path, flip), tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


async def test_rows_of_another_log_are_refused(granite: Path, tmp_path: Path) -> None:
    path = (await back_up(granite, tmp_path / "a.backup")).path
    own = settings_of(granite / "registrar.db")["log"]

    def rename(name: str, data: bytes) -> tuple[str, bytes]:
        return name, data.replace(f'["log","{own}"]'.encode(), b'["log","other"]') if name == "registrar" else data

    with pytest.raises(PolicyError, match="belongs to log other"):
        restore(forge(path, rename), tmp_path / "back")
    assert not (tmp_path / "back").exists()


async def test_a_store_of_a_newer_format_is_refused(granite: Path, tmp_path: Path) -> None:
    path = (await back_up(granite, tmp_path / "a.backup")).path
    old = store_layout.VERSION_KEY + store_layout.encode_number(store_layout.FORMAT_VERSION)

    def newer(name: str, data: bytes) -> tuple[str, bytes]:
        return name, data.replace(old, old[:-1] + b"\x63") if name == LEDGER else data

    with pytest.raises(MalformedError, match="ledger store of format 99") as refusal:
        restore(forge(path, newer), tmp_path / "back")
    assert "newer cairn-node" in refusal.value.hint


async def test_a_damaged_file_restores_nothing(granite: Path, tmp_path: Path) -> None:
    path = (await back_up(granite, tmp_path / "a.backup")).path
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], data[:40_000] + b"x" + data[40_001:], b""):
        (tmp_path / "broken.backup").write_bytes(broken)
        with pytest.raises(MalformedError, match=r"broken\.backup"):
            restore(tmp_path / "broken.backup", tmp_path / "back")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "broken.backup", "granite"]


async def test_a_restoration_that_is_interrupted_leaves_nothing(granite: Path, tmp_path: Path) -> None:
    path = (await back_up(granite, tmp_path / "a.backup")).path
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(path, tmp_path / "back", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.backup", "granite"]


async def test_from_a_file_to_a_server_and_back(granite: Path, tmp_path: Path, postgres: Server) -> None:
    """The same backup fills SQLite or PostgreSQL; node.toml says where; a database with something in it is left alone."""
    path = (await back_up(granite, tmp_path / "a.backup")).path
    url = postgres.create("restored")
    restored = restore(path, tmp_path / "server", registrar_database=url)
    assert restored.awards == 6
    assert not (tmp_path / "server" / "registrar.db").exists()
    config = parse_config((tmp_path / "server" / "node.toml").read_text())
    assert config.registrar_database == url
    with pytest.raises(RuleError, match="is not empty"):
        restore(path, tmp_path / "again", registrar_database=url)
    assert not (tmp_path / "again").exists()
    path = (await back_up(tmp_path / "server", tmp_path / "b.backup")).path
    restored = restore(path, tmp_path / "file", registrar_database="")
    assert restored.awards == 6
    assert rows_of(tmp_path / "file" / "registrar.db") == rows_of(granite / "registrar.db")
    store = LedgerStore.open(tmp_path / "file" / "ledger")
    log = encode_log_id(store.log_ids()[0])
    store.close()
    open_database(tmp_path / "file" / "registrar.db", log).close()


async def test_a_file_nobody_may_read_is_told(granite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self.name == "log.key":
            raise PermissionError(13, os.strerror(13), str(self))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(CairnError, match="cannot be read by this account") as refusal:
        await back_up(granite, tmp_path / "a.backup")
    assert "--without-keys" in refusal.value.hint


def test_sealed_bytes_are_no_tar(tmp_path: Path) -> None:
    """A sealed file needs its passphrase to be looked at, and says so."""
    (tmp_path / "x.backup").write_bytes(b"{}\n" + io.BytesIO(b"x").read())
    with pytest.raises(MalformedError, match="is sealed with a passphrase"):
        restore(tmp_path / "x.backup", tmp_path / "back")
