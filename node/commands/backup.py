"""`cairn-node backup`: one file with everything a node cannot do without."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from node.backup.make import Backup
    from node.home import Home


@click.command(
    "backup",
    epilog="Example:  cairn-node backup /srv/cairn -o /mnt/backup/ --keep 14 --passphrase-file /etc/cairn/pass",
)
@directory_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write, or a folder in which it gets a name with date and time.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Holds the passphrase that seals the backup; without it you are asked.",
)
@click.option("--plain", is_flag=True, help="Do not seal it: whoever has the file has keys and awards.")
@click.option("--without-keys", is_flag=True, help="Leave the keys out; to restore it the key backup is needed too.")
@click.option("--key-backup", is_flag=True, help="Only keys, settings and trust roots: small, and seldom outdated.")
@click.option("--keep", type=click.IntRange(1, 10_000), metavar="N", help="Delete all but the N newest in the folder.")
@json_option
def command(
    directory: Path,
    output: Path,
    passphrase_file: Path | None,
    plain: bool,
    without_keys: bool,
    key_backup: bool,
    keep: int | None,
    as_json: bool,
) -> int:
    """Back up the node in DIR, running or not: awards, log, keys and settings, as they are at one moment.

    The file is read back and compared before it gets its name, and never takes the place of another. It is sealed with
    a passphrase, since it holds what can sign in the institution's name and the names of learners.
    """
    import asyncio

    from ledger.errors import MalformedError
    from node.backup.make import Wanted, make_backup, refuse_existing
    from node.backup.rotation import drop_old
    from node.clock import system_clock, system_draw
    from node.home import open_home

    if plain and passphrase_file is not None:
        raise MalformedError("--plain and --passphrase-file: say one of them")
    if key_backup and without_keys:
        raise MalformedError("--key-backup and --without-keys: nothing would be left")
    if keep is not None and not output.is_dir():
        raise MalformedError("--keep: needs a folder as output", hint=f"-o {output.parent}/")
    home = open_home(directory)
    log = asyncio.run(_own_log(home))
    path = _place(output, log, system_clock(), is_key_backup=key_backup)
    refuse_existing(path)
    wanted = Wanted(
        passphrase=None if plain else _passphrase(passphrase_file),
        with_keys=not without_keys,
        with_stores=not key_backup,
    )
    with terminal.progress("writing and reading back") as progress:
        made = asyncio.run(make_backup(home, path, wanted, clock=system_clock, draw=system_draw, progress=progress))
    _remember(made, directory)
    dropped = [] if keep is None else drop_old(path.parent, log, keep)
    _tell(made, dropped, directory, is_sealed=not plain, as_json=as_json)
    return terminal.EXIT_YES


async def _own_log(home: "Home") -> str:
    from ledger.log.identity import encode_log_id
    from node.access import open_access

    async with open_access(home) as access:
        return encode_log_id((await access.held_log()).state.log_id)


def _remember(made: "Backup", directory: Path) -> None:
    """So that status and doctor can say when backups are no longer made."""
    from node.lastbackup import note_backup

    if not made.header.has_stores:
        return
    try:
        note_backup(directory, made.header.made_at)
    except OSError as error:
        terminal.note(f"warning: {directory}: cannot remember that a backup was made: {error.strerror}")


def _place(output: Path, log: str, now: int, *, is_key_backup: bool) -> Path:
    from node.backup.rotation import SUFFIX, backup_name

    if not output.is_dir():
        return output
    name = backup_name(log, now)
    # Another name, so that no rotation ever counts or deletes it.
    return output / (name.removesuffix(SUFFIX) + f".keys{SUFFIX}" if is_key_backup else name)


def _passphrase(source: Path | None) -> str:
    from node.passphrase import read_passphrase

    return read_passphrase(source, "new passphrase for the backup", confirm=True)


def _tell(made: "Backup", dropped: list[Path], directory: Path, *, is_sealed: bool, as_json: bool) -> None:
    header = made.header
    if as_json:
        terminal.result_json(
            {
                "dropped": [str(path) for path in dropped],
                "file": str(made.path),
                "has_keys": header.has_keys,
                "has_stores": header.has_stores,
                "is_sealed": is_sealed,
                "log": header.log,
                "made_at": header.made_at,
                "size": header.size,
                "size_bytes": made.size_bytes,
            }
        )
    else:
        what = "awards, log" if header.has_stores else "settings"
        keys = " and keys" if header.has_keys else "; keys are not in it"
        terminal.result(f"written: {made.path} ({made.size_bytes:,} bytes, read back)")
        terminal.result(
            f"{header.name} with {what}{keys}, at {terminal.count(header.size, 'entry', 'entries')} of its log"
        )
        for path in dropped:
            terminal.result(f"deleted: {path}")
    if not is_sealed:
        terminal.note("warning: it is not sealed: whoever gets this file can sign in your name and read every award")
    else:
        terminal.note("keep the passphrase apart from the file: without it nobody can open the backup, nor can we")
    restore = f"cairn-node restore {made.path} NEWDIR"
    terminal.next_step(
        f"{restore}, when {directory} is lost" if header.has_stores else f"put {made.path} where the root key is"
    )
