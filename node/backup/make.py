"""Making a backup: gather, write, read back, and only then give the file its name.

A running node is asked for both stores over its private socket and goes on working; a stopped one's are opened here.
Keys and settings are read from the directory by the command itself, so they never pass through the node. The file is
0600 from its first byte, is read back whole and compared before it is believed, and never takes the place of another.
"""

import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from ledger.errors import CairnError, MalformedError
from ledger.log.identity import encode_log_id
from ledger.log.keyfile import MODERATE_COST, KeyCost
from node import durable
from node.access import open_access
from node.backup.archive import LEDGER, REGISTRAR, ArchiveReader, ArchiveWriter, Header
from node.backup.files import node_files
from node.backup.sealed import SealedReader, SealingWriter, is_sealed
from node.client.held import HeldLog
from node.clock import Clock, Draw
from node.home import Home
from node.onlyone import hold_directory

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and about how many there are in all."""


def no_progress(done: int, total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be in a backup.

    Attributes:
        passphrase: seals the file; None leaves it readable for whoever has it.
        with_keys: whether the node's keys are in it.
        with_stores: False for a key backup.
        cost: of one guess at the passphrase.
    """

    passphrase: str | None
    with_keys: bool = True
    with_stores: bool = True
    cost: KeyCost = MODERATE_COST


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written and read back."""

    path: Path
    header: Header
    size_bytes: int


async def make_backup(
    home: Home, output: Path, wanted: Wanted, *, clock: Clock, draw: Draw, progress: Progress = no_progress
) -> Backup:
    """Write a backup of a node, running or not.

    Args:
        home: the node's directory.
        output: a file that does not exist.
        wanted: what shall be in it.
        clock: Unix ms.
        draw: salts and nonces.
        progress: told how far it is; writing and reading back count alike.

    Raises:
        MalformedError: the output exists, or a file cannot be backed up.
        CairnError: the node does not answer, its stores cannot be read, or what was written does not read back.
    """
    refuse_existing(output)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        async with open_access(home) as access:
            held = await access.held_log()
        header = _header(held, wanted, clock())
        digest = await _write(home, temporary, header, wanted, draw, progress)
        size = temporary.stat().st_size
        _read_back(temporary, wanted.passphrase, digest, size, progress)
        _give_name(temporary, output)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    return Backup(output, header, size)


def refuse_existing(output: Path) -> None:
    """Refuse an output that exists, or whose folder does not, before any work is done."""
    if os.path.lexists(output):
        raise MalformedError(
            f"{output}: exists already", hint="a backup never takes the place of another: name a new file"
        )
    if not output.absolute().parent.is_dir():
        raise MalformedError(f"{output}: its folder does not exist", hint=f"mkdir -p {output.parent}")


@contextlib.contextmanager
def open_archive(path: Path, passphrase: str | None) -> Iterator[ArchiveReader]:
    """Open a backup for reading.

    Raises:
        MalformedError: it is none, or sealed and no passphrase or the wrong one is given.
    """
    with path.open("rb") as file:
        if is_sealed(path):
            if passphrase is None:
                raise MalformedError(f"{path}: is sealed with a passphrase", hint="name it with --passphrase-file")
            # Any IO: tarfile reads with `read` alone.
            reader: IO[bytes] = SealedReader(file, passphrase, str(path))  # type: ignore[assignment]
            yield ArchiveReader(reader, str(path))
        else:
            yield ArchiveReader(file, str(path))


def _header(held: HeldLog, wanted: Wanted, now: int) -> Header:
    return Header(
        made_at=now,
        log=encode_log_id(held.state.log_id),
        name=held.state.name,
        origin=held.state.charter.origin,
        size=held.state.size,
        has_keys=wanted.with_keys,
        has_stores=wanted.with_stores,
        version=version("cairn-ledger"),
    )


async def _write(home: Home, path: Path, header: Header, wanted: Wanted, draw: Draw, progress: Progress) -> bytes:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, durable.SECRET_MODE)
    with os.fdopen(descriptor, "wb") as file:
        sealing = None if wanted.passphrase is None else SealingWriter(file, wanted.passphrase, draw, wanted.cost)
        archive = ArchiveWriter(file if sealing is None else sealing, header)  # type: ignore[arg-type]  # as above
        for member in node_files(home.directory, with_keys=wanted.with_keys, with_others=wanted.with_stores):
            archive.add_file(member.path, member.data)
        if wanted.with_stores:
            await _add_stores(home, archive, progress)
        digest = archive.finish()
        if sealing is not None:
            sealing.finish()
        file.flush()
        os.fsync(file.fileno())
    return digest


async def _add_stores(home: Home, archive: ArchiveWriter, progress: Progress) -> None:
    done = expected = 0
    async with _open_stores(home) as pieces:
        async for name, data in pieces:
            if name == "expected":
                expected = int(data)
            else:
                archive.add_stream(name, data)
                done += len(data)
                progress(done, 2 * max(expected, done))


@asynccontextmanager
async def _open_stores(home: Home) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
    if home.is_running():
        from node.client.operator import stream_backup

        yield stream_backup(str(home.socket_path()))
        return
    # Here, since both stores are loaded only where no node runs.
    from node.backup.stores import expected_bytes, stream_stores
    from node.ledgerside import find_own_log
    from node.registrar.database import find_place, open_database
    from node.store.ledgerstore import LedgerStore

    with contextlib.ExitStack() as stack:
        stack.enter_context(hold_directory(home.directory, "cairn-node backup"))
        store = LedgerStore.open(home.ledger)
        stack.callback(store.close)
        log = encode_log_id(find_own_log(store, home.keystore()).state.log_id)
        place = find_place(home.directory, home.config.registrar_database)
        database = open_database(place, log, keep_in=home.directory)
        stack.callback(database.close)

        async def pieces() -> AsyncIterator[tuple[str, bytes]]:
            yield "expected", str(expected_bytes(database, store)).encode()
            for piece in stream_stores(database, store):
                yield piece.folder, piece.data

        yield pieces()


def _read_back(path: Path, passphrase: str | None, digest: bytes, size: int, progress: Progress) -> None:
    """Read the file as a restoration would, and compare with what was written."""
    done = 0
    with open_archive(path, passphrase) as archive:
        for member in archive.members():
            done += len(member.data)
            if member.folder in (REGISTRAR, LEDGER):
                progress(size + done, 2 * size)
        if hashlib.sha256(archive.manifest).digest() != digest:
            raise CairnError(f"{path}: does not read back as it was written", hint="is the disk failing?")


def _give_name(temporary: Path, output: Path) -> None:
    """Name the file, unless something stands there by now."""
    try:
        os.link(temporary, output)
    except FileExistsError as error:
        raise MalformedError(f"{output}: exists already", hint="it came while the backup was made") from error
    except OSError:
        # A stick or share without hard links.
        refuse_existing(output)
        temporary.replace(output)
    durable.sync_directory(output.absolute().parent)
