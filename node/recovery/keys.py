"""Where the secrets of a lost node come from: its key backup, or a copy of its `keys` directory."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.identity import LogId, parse_log_id
from ledger.log.keyfile import MAX_KEY_FILE_BYTES
from node import durable
from node.config import FILE_NAME
from node.found import KEYS_DIRECTORY, NETWORKS_DIRECTORY
from node.keystore import find_bad_files

_SETTINGS_MODE = 0o640


@dataclass(frozen=True, slots=True)
class KeySource:
    """A key backup, or a directory; the passphrase opens a sealed backup."""

    path: Path
    passphrase: str | None = None


def unpack_keys(source: KeySource, directory: Path) -> LogId | None:
    """Put keys, and settings and trust roots where there are some, into a node's directory; nothing is overwritten.

    Returns:
        The id of the log they are for, where the source says it.

    Raises:
        MalformedError: there are no whole keys in it, or it is damaged.
    """
    (directory / KEYS_DIRECTORY).mkdir(mode=0o700, exist_ok=True)
    log = None
    if source.path.is_dir():
        _unpack_directory(source.path, directory)
    else:
        log = _unpack_backup(source, directory)
    bad = find_bad_files(directory / KEYS_DIRECTORY)
    if bad:
        path, error = bad[0]
        raise MalformedError(
            f"{source.path}: {path.name}: {str(error).removeprefix(f'{path}: ')}",
            hint="every key and list_root.key are needed; cairn-node backup --key-backup makes a file with all of them",
        )
    return log


def _unpack_directory(source: Path, directory: Path) -> None:
    keys = source / KEYS_DIRECTORY if (source / KEYS_DIRECTORY).is_dir() else source
    for path in sorted(keys.glob("*.key")):
        # Copied by content: a stick knows no modes, and a secret is private from its first byte here.
        with path.open("rb") as file:
            _create(directory / KEYS_DIRECTORY / path.name, file.read(MAX_KEY_FILE_BYTES + 1), durable.SECRET_MODE)
    if keys == source:
        return
    for path in [source / FILE_NAME, *sorted((source / NETWORKS_DIRECTORY).glob("*.json"))]:
        if path.is_file():
            _create(directory / path.relative_to(source), path.read_bytes(), _SETTINGS_MODE)


def _unpack_backup(source: KeySource, directory: Path) -> LogId:
    from node.backup.archive import FILES
    from node.backup.make import open_archive

    with open_archive(source.path, source.passphrase) as archive:
        for member in archive.members():
            folder = member.path.partition("/")[0]
            if member.folder == FILES and folder in (FILE_NAME, KEYS_DIRECTORY, NETWORKS_DIRECTORY):
                mode = durable.SECRET_MODE if folder == KEYS_DIRECTORY else _SETTINGS_MODE
                _create(directory / member.path, member.data, mode)
        return parse_log_id(archive.header.log)


def _create(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        durable.create_file(path, data, mode=mode)


def forget(directory: Path) -> None:
    """Remove a directory that was being built."""
    shutil.rmtree(directory, ignore_errors=True)
