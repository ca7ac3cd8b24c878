"""What is left of an institution whose log another one succeeds: its database, its list roots, or neither.

It is read from copies in a private folder: nothing is changed where it comes from, and a stick knows no file modes.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.errors import MalformedError, RuleError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keyfile import MAX_KEY_FILE_BYTES
from node import durable
from node.backup.archive import FILES, REGISTRAR
from node.backup.make import open_archive
from node.found import KEYS_DIRECTORY
from node.home import open_home
from node.keystore import read_list_roots
from node.onlyone import hold_directory
from node.registrar.database import Database, fill_database, find_place, open_database

_ROOT_FILES = ("list_root*.key", "inherited_root*.key")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is looked for; None where there is nothing.

    Attributes:
        backup: a whole backup, or the old node's directory.
        keys: a key backup, a keys directory, or a `list_root.key`.
        passphrase: opens a sealed backup.
        keys_passphrase: opens a sealed key backup.
    """

    backup: Path | None = None
    keys: Path | None = None
    passphrase: str | None = None
    keys_passphrase: str | None = None


@dataclass(slots=True)
class Estate:
    """What was found: list roots by log, and the database, which is marked as restored."""

    roots: dict[LogId, bytes] = field(default_factory=dict)
    database: Database | None = None


@contextmanager
def open_estate(sources: Sources, log: LogId, folder: Path, now: int) -> Iterator[Estate]:
    """Copy what there is into a folder that exists and is private, and open it.

    Args:
        sources: where to look.
        log: of the old institution.
        folder: empty.
        now: Unix ms.

    Raises:
        MalformedError, RuleError: a source is damaged, sealed with another passphrase, or of another log.
        BusyError: the old node still runs.
    """
    keys = folder / KEYS_DIRECTORY
    keys.mkdir(mode=0o700)
    place = folder / "old.db"
    if sources.backup is not None:
        if sources.backup.is_dir():
            _copy_node(sources.backup, log, keys, place, now)
        else:
            _unpack(sources.backup, sources.passphrase, log, keys, place, now)
    if sources.keys is not None:
        if sources.keys.is_dir():
            _copy_roots(sources.keys, keys)
        elif sources.keys.suffix == ".key":
            _copy_file(sources.keys, keys / "list_root.key")
        else:
            _unpack(sources.keys, sources.keys_passphrase, log, keys, None, now)
    own, inherited = read_list_roots(keys)
    estate = Estate({**inherited, **({} if own is None else {log: own})})
    if not place.exists():
        yield estate
        return
    with closing(open_database(place, encode_log_id(log))) as estate.database:
        yield estate


def _copy_node(directory: Path, log: LogId, keys: Path, place: Path, now: int) -> None:
    home = open_home(directory)
    with hold_directory(directory, "cairn-node inherit"):
        _copy_roots(directory / KEYS_DIRECTORY, keys)
        found = find_place(directory, home.config.registrar_database)
        if isinstance(found, Path) and not found.is_file():
            return
        with closing(open_database(found, encode_log_id(log), keep_in=directory)) as database, database.dump() as lines:
            fill_database(place, encode_log_id(log), lines, made_at=now, restored_at=now)


def _copy_roots(source: Path, keys: Path) -> None:
    folder = source / KEYS_DIRECTORY if (source / KEYS_DIRECTORY).is_dir() else source
    for pattern in _ROOT_FILES:
        for path in sorted(folder.glob(pattern)):
            _copy_file(path, keys / path.name)


def _copy_file(source: Path, path: Path) -> None:
    with source.open("rb") as file:
        data = file.read(MAX_KEY_FILE_BYTES + 1)
    if not path.exists():
        durable.create_file(path, data, mode=durable.SECRET_MODE)


def _unpack(path: Path, passphrase: str | None, log: LogId, keys: Path, place: Path | None, now: int) -> None:
    rows = keys.parent / "registrar.rows"
    with open_archive(path, passphrase) as archive, rows.open("wb") as stream:
        header = archive.header
        if header.log != encode_log_id(log):
            raise RuleError(f"{path}: is of log {header.log}, not of {encode_log_id(log)}")
        if place is not None and not header.has_stores:
            raise MalformedError(
                f"{path}: is a key backup: it has no awards", hint="name it with --keys instead of --from"
            )
        for member in archive.members():
            name = Path(member.path)
            if member.folder == FILES and name.parent == Path(KEYS_DIRECTORY):
                if any(name.match(pattern) for pattern in _ROOT_FILES) and not (keys / name.name).exists():
                    durable.create_file(keys / name.name, member.data, mode=durable.SECRET_MODE)
            elif member.folder == REGISTRAR and place is not None:
                stream.write(member.data)
    if place is not None:
        with rows.open("rb") as file:
            lines = iter(file.readline, b"")
            fill_database(place, header.log, lines, made_at=header.made_at, restored_at=now)
    rows.unlink()


def forget(folder: Path) -> None:
    """Remove the copies."""
    shutil.rmtree(folder, ignore_errors=True)
