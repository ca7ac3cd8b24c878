"""From a backup to a node's directory, complete or not at all.

1. nothing may stand at the directory; 2. everything is unpacked beside it, every digest compared; 3. keys missing from the
backup come from a key backup of the same log; 4. the ledger store is filled and every log in it replayed from its first
entry; 5. the keys must be those of the log; 6. the database is filled, migrated if it is of an older layout, forgets what was
forgotten since, and is marked as restored; 7. the directory gets its name.

The mark makes the node read its log into the database before anything is minted or cut (`node.registrar.adopt_page`),
once the start-up rule has seen to it that the log is whole: a backup is always older than what the peers hold.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ledger.errors import MalformedError, PolicyError, RuleError
from ledger.log.identity import encode_log_id
from node import durable
from node.backup.archive import FILES, LEDGER, REGISTRAR, Header, Member
from node.backup.make import Progress, no_progress, open_archive
from node.backup.replay import replay_store
from node.backup.stores import read_rows
from node.clock import Clock, Draw
from node.config import FILE_NAME, change_config, parse_config
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, NETWORKS_DIRECTORY
from node.keystore import open_keystore
from node.ledgerside import find_own_log
from node.registrar.database import fill_database, find_place
from node.store.ledgerstore import LedgerStore, fill_store

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A backup to read, and the passphrase that opens it (None for one that is not sealed)."""

    path: Path
    passphrase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was brought back.

    Attributes:
        header: of the backup.
        size: entries of the node's own log.
        logs: logs held in all.
        awards: awards in the database.
    """

    header: Header
    size: int
    logs: int
    awards: int


def restore_backup(
    source: Source,
    directory: Path,
    *,
    keys: Source | None = None,
    registrar_database: str | None = None,
    forgotten: Sequence[str] = (),
    clock: Clock,
    draw: Draw,
    progress: Progress = no_progress,
) -> Restored:
    """Make a node's directory from a backup.

    Args:
        source: the backup.
        directory: must not exist.
        keys: a key backup of the same log, for a backup without keys.
        registrar_database: another place for the database than `node.toml` in the backup says; "" for the file.
        forgotten: ids of what was forgotten since; the list that this computer keeps and receipts have them.
        clock: Unix ms.
        draw: names the folder that is built beside the directory.
        progress: told how far it is.

    Raises:
        MalformedError: the backup is damaged, sealed otherwise, or only a key backup.
        RuleError: something stands at the directory, or keys and log do not belong together.
        PolicyError: no keys, neither in the backup nor beside it.
    """
    _refuse_existing(directory)  # 1
    building = directory.parent / f".{directory.name}.{draw(8).hex()}.tmp"
    building.mkdir(mode=0o700)
    try:
        header = _unpack(source, building, progress)  # 2
        if not header.has_stores:
            raise MalformedError(
                f"{source.path}: is a key backup: it has keys and settings, no log and no awards",
                hint="cairn-node recover --from PEER rebuilds a log with it; restore takes a whole backup",
            )
        if keys is not None:
            _unpack_keys(keys, building, header)  # 3
        restored = _fill(building, header, registrar_database, forgotten, clock(), progress)
        _refuse_existing(directory)
        for folder in (building / KEYS_DIRECTORY, building / LEDGER_DIRECTORY, building):
            durable.sync_directory(folder)
        building.chmod(0o750)
        building.rename(directory)  # 7
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    durable.sync_directory(directory.absolute().parent)
    return restored


def _fill(
    building: Path,
    header: Header,
    registrar_database: str | None,
    forgotten: Sequence[str],
    now: int,
    progress: Progress,
) -> Restored:
    (building / NETWORKS_DIRECTORY).mkdir(exist_ok=True)
    if not (building / KEYS_DIRECTORY).is_dir():
        raise PolicyError(
            "the backup was made without keys",
            hint="name the key backup beside it: --keys FILE; a node cannot sign without",
        )
    with (building / LEDGER).with_suffix(".rows").open("rb") as file:  # 4
        fill_store(building / LEDGER_DIRECTORY, read_rows(_slices(file)))
    store = LedgerStore.open(building / LEDGER_DIRECTORY)
    try:
        replayed = replay_store(store, progress)
        own = find_own_log(store, open_keystore(building / KEYS_DIRECTORY)).state  # 5
    finally:
        store.close()
    if encode_log_id(own.log_id) != header.log:
        raise RuleError(f"the keys are those of log {encode_log_id(own.log_id)}, the backup is of {header.log}")
    place = find_place(building, _settle_place(building, registrar_database))
    with (building / REGISTRAR).with_suffix(".rows").open("rb") as file:  # 6
        lines = iter(file.readline, b"")
        awards = fill_database(place, header.log, lines, made_at=header.made_at, restored_at=now, forgotten=forgotten)
    for folder in (LEDGER, REGISTRAR):
        (building / folder).with_suffix(".rows").unlink()
    return Restored(header=header, size=own.size, logs=len(replayed), awards=awards)


def _settle_place(building: Path, registrar_database: str | None) -> str:
    """Where the database goes; a place named on the command line is written into `node.toml`."""
    path = building / FILE_NAME
    text = path.read_text(encoding="utf-8")
    if registrar_database is not None:
        text = change_config(text, str(path), registrar_database=registrar_database)
        durable.replace_file(path, text.encode(), mode=0o640)
    return parse_config(text, str(path)).registrar_database


def _unpack(source: Source, building: Path, progress: Progress) -> Header:
    """Write every member; the streams of the stores go to one private file each."""
    total = 2 * source.path.stat().st_size
    done = 0
    streams: dict[str, BinaryIO] = {}
    try:
        with open_archive(source.path, source.passphrase) as archive:
            if archive.header.has_stores:
                for folder in (REGISTRAR, LEDGER):
                    streams[folder] = (building / folder).with_suffix(".rows").open("xb")
            for member in archive.members():
                if member.folder == FILES:
                    _write_file(building, member)
                elif member.folder in streams:
                    streams[member.folder].write(member.data)
                done += len(member.data)
                progress(min(done, total // 2), total)
            return archive.header
    finally:
        for file in streams.values():
            file.close()


def _unpack_keys(source: Source, building: Path, header: Header) -> None:
    with open_archive(source.path, source.passphrase) as archive:
        if archive.header.log != header.log:
            raise RuleError(f"{source.path}: is of log {archive.header.log}, the backup of {header.log}")
        for member in archive.members():
            # Settings and trust roots came with the backup, which may be the newer one.
            if member.folder == FILES and not (building / member.path).exists():
                _write_file(building, member)


def _write_file(building: Path, member: Member) -> None:
    path = building / member.path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Secrets among them stay 0600; settings may be read by the group, as `init` makes them.
    mode = 0o640 if member.path == FILE_NAME else durable.SECRET_MODE
    durable.create_file(path, member.data, mode=mode)


def _slices(file: BinaryIO) -> Iterator[bytes]:
    while data := file.read(_READ_BYTES):
        yield data


def _refuse_existing(directory: Path) -> None:
    if os.path.lexists(directory):
        raise RuleError(
            f"{directory}: exists already, and nothing in it was changed",
            hint="name a directory that does not exist; move the old one away first",
        )
    if not directory.absolute().parent.is_dir():
        raise RuleError(f"{directory}: its folder does not exist", hint=f"mkdir -p {directory.parent}")
