"""`cairn-node inherit`: go on with what another institution left."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option, passphrase_option

if TYPE_CHECKING:
    from node.inheriting import Inherited
    from node.registrar.estate import Sources


@click.command(
    "inherit",
    epilog="Example:  cairn-node inherit /srv/cairn --log 'Granite Hollow High' --from /mnt/granite.backup "
    "--learner-prefix granite-",
)
@directory_argument
@click.option("--log", "wanted", default="", metavar="MEMBER", help="Whose log ended here, where there are several.")
@click.option(
    "--from",
    "backup",
    metavar="BACKUP",
    type=click.Path(exists=True, path_type=Path),
    help="A backup of its node, or its node's directory: awards and list root.",
)
@passphrase_option("--passphrase-file", "the backup")
@click.option(
    "--keys",
    metavar="KEYS",
    type=click.Path(exists=True, path_type=Path),
    help="Its key backup, a copy of its keys directory, or its list_root.key, where the backup has no keys or is lost.",
)
@passphrase_option("--keys-passphrase-file", "the key backup")
@click.option(
    "--learner-prefix", default="", metavar="TEXT", help="Goes before each learner's id of the old student system."
)
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would happen.")
@json_option
def command(
    directory: Path,
    wanted: str,
    backup: Path | None,
    passphrase_file: Path | None,
    keys: Path | None,
    keys_passphrase_file: Path | None,
    learner_prefix: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take over status lists and awards of an institution whose log this one goes on with; the node does not run.

    The network has decided it (member propose --succeed). With the old database its awards are here and can be revoked,
    replaced and offered as before. With the list root alone, awards come one by one from the copies that their learners
    show (recover-award). Without either, what its last status page says stands for ever, and awards still come from copies.

    May be run again when more is found. The old backup is not changed.
    """
    from node.clock import system_clock, system_draw
    from node.home import open_home
    from node.inheriting import inherit

    home = open_home(directory)
    sources = _sources(backup, passphrase_file, keys, keys_passphrase_file)
    with terminal.show_work("reading what is left"):
        done = inherit(
            home,
            wanted,
            sources,
            prefix=learner_prefix,
            dry_run=dry_run,
            clock=system_clock,
            draw=system_draw,
        )
    if as_json:
        terminal.result_json(_to_json(done, dry_run=dry_run))
    else:
        for line in _lines(done, dry_run=dry_run):
            terminal.result(line)
    for line in done.warnings:
        terminal.note(f"warning: {line}")
    if done.new_roots:
        terminal.note(
            f"keys/ has a new secret: make a new key backup, cairn-node backup {directory} --key-backup -o FILE"
        )
    if dry_run:
        terminal.next_step("the same without --dry-run")
    else:
        terminal.next_step(f"cairn-node run {directory}; its next cut states the lists that were taken over")
    return terminal.EXIT_YES


def _sources(backup: Path | None, passphrase_file: Path | None, keys: Path | None, keys_file: Path | None) -> "Sources":
    from node.backup.sealed import is_sealed
    from node.passphrase import read_passphrase
    from node.registrar.estate import Sources

    def passphrase(path: Path | None, file: Path | None, what: str, option: str) -> str | None:
        if path is None or not path.is_file() or path.suffix == ".key" or not is_sealed(path):
            return None
        return read_passphrase(file, f"passphrase of {what}", option=option)

    return Sources(
        backup=backup,
        keys=keys,
        passphrase=passphrase(backup, passphrase_file, "the backup", "--passphrase-file"),
        keys_passphrase=passphrase(keys, keys_file, "the key backup", "--keys-passphrase-file"),
    )


def _lines(done: "Inherited", *, dry_run: bool) -> list[str]:
    from ledger.log.identity import encode_log_id

    taken, would = done.taken, "would be " if dry_run else ""
    lines = [
        f"{done.name}: its log ended at entry {done.size} and goes on here",
        f"  log {encode_log_id(done.log)}",
        f"  {terminal.count(taken.lists, 'status list')} {would}taken over, {taken.awards} awards",
    ]
    if taken.plain_lists:
        lists = terminal.count(taken.plain_lists, "list")
        lines.append(f"  {lists} that other software reads {would}published here, in the old name")
    if taken.minted:
        lines.append(
            f"  {taken.minted} of them {would}signed anew: what stood for them is not on its ledger, or is closed"
        )
    if taken.closed_lists:
        lines.append(f"  {terminal.count(taken.closed_lists, 'status list')} cannot be: the list root is lost")
        lines.append("  what its last status page says stands for ever, and every verification says so")
    if taken.unknown_slots:
        slots = terminal.count(taken.unknown_slots, "copy", "copies")
        lines.append(f"  {slots} with a status other than valid belong to nobody known here; they keep it")
    if taken.lost_copies:
        copies = terminal.count(taken.lost_copies, "copy", "copies")
        lines.append(f"  {copies} in wallets never stood on its ledger: offer those awards again")
    if not done.has_database:
        lines.append("  no database: awards come back from copies that learners show, cairn-node recover-award")
    return lines


def _to_json(done: "Inherited", *, dry_run: bool) -> dict[str, object]:
    from ledger.log.identity import encode_log_id

    return {
        "awards": done.taken.awards,
        "closed_lists": done.taken.closed_lists,
        "database": done.has_database,
        "dry_run": dry_run,
        "lists": done.taken.lists,
        "log": encode_log_id(done.log),
        "lost_copies": done.taken.lost_copies,
        "minted": done.taken.minted,
        "name": done.name,
        "page": done.page,
        "plain_lists": done.taken.plain_lists,
        "size": done.size,
        "unknown_slots": done.taken.unknown_slots,
        "warnings": list(done.warnings),
    }
