"""`cairn-node restore`: a node's directory from a backup."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import json_option, passphrase_option

if TYPE_CHECKING:
    from node.backup.restore import Restored, Source


@click.command(
    "restore", epilog="Example:  cairn-node restore /mnt/backup/cairn-Qm3x-20270101T023000Z.backup /srv/cairn"
)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@passphrase_option("--passphrase-file", "the backup")
@click.option(
    "--keys",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key backup of the same institution, for a backup made --without-keys.",
)
@passphrase_option("--keys-passphrase-file", "the key backup")
@click.option(
    "--database",
    metavar="URL",
    help="Put the awards into this empty PostgreSQL database, or with '' into a file in DIR. Default: as node.toml says.",
)
@click.option(
    "--forgotten",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Receipt of cairn-node forget, or another computer's list of the forgotten; this computer's own is read anyway.",
)
@json_option
def command(
    file: Path,
    directory: Path,
    passphrase_file: Path | None,
    keys: Path | None,
    keys_passphrase_file: Path | None,
    database: str | None,
    forgotten: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Make DIR from the backup FILE: all of it or nothing, every digest compared, every log replayed.

    A backup is older than what the other nodes hold. The restored node therefore fetches its own newer entries from
    them first, reads the newest status page into its database, and signs nothing before.
    """
    from node.backup.restore import restore_backup
    from node.clock import system_clock, system_draw

    source = _source(file, passphrase_file, "passphrase of the backup")
    key_source = None if keys is None else _source(keys, keys_passphrase_file, "passphrase of the key backup")
    with terminal.progress("reading and checking") as progress:
        restored = restore_backup(
            source,
            directory,
            keys=key_source,
            registrar_database=database,
            forgotten=_read_forgotten(source, forgotten),
            clock=system_clock,
            draw=system_draw,
            progress=progress,
        )
    _tell(restored, directory, as_json=as_json)
    return terminal.EXIT_YES


def _source(path: Path, passphrase_file: Path | None, question: str) -> "Source":
    from node.backup.restore import Source
    from node.backup.sealed import is_sealed
    from node.passphrase import read_passphrase

    return Source(path=path, passphrase=read_passphrase(passphrase_file, question) if is_sealed(path) else None)


def _read_forgotten(source: "Source", files: tuple[Path, ...]) -> tuple[str, ...]:
    """What an older backup must not bring back: of the files named, and of the list that this computer keeps."""
    import os

    from node.backup.make import open_archive
    from node.highwater import state_home
    from node.registrar.learners.forgottenlist import list_path, read_list

    with open_archive(source.path, source.passphrase) as archive:
        log = archive.header.log
    paths = (*files, list_path(state_home(os.environ), log))
    return tuple(dict.fromkeys(row_id for path in paths for row_id in read_list(path)))


def _tell(restored: "Restored", directory: Path, *, as_json: bool) -> None:
    header = restored.header
    if as_json:
        terminal.result_json(
            {
                "awards": restored.awards,
                "backup_made_at": header.made_at,
                "directory": str(directory),
                "log": header.log,
                "logs": restored.logs,
                "size": restored.size,
            }
        )
    else:
        entries = terminal.count(restored.size, "entry", "entries")
        terminal.result(f"restored: {header.name} in {directory}, as it was at {terminal.instant(header.made_at)}")
        terminal.result(
            f"log: {header.origin}, {entries}; {terminal.count(restored.logs, 'log')} replayed and in order"
        )
        terminal.result(f"awards: {restored.awards}")
    terminal.note("make sure that no other copy of this node runs: two with the same keys would contradict each other")
    terminal.note(
        "awards, decisions and claim links made since then are not in it: cairn-node status will say what to do"
    )
    terminal.next_step(f"cairn-node run {directory}")
