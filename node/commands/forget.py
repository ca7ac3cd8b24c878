"""`cairn-node forget`: erase everything about a learner, with a receipt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, force_option, json_option

if TYPE_CHECKING:
    from node.desk import Desk

REASONS = ("request", "consent", "error", "retention", "court")


@click.command(
    "forget",
    cls=DeskCommand,
    epilog="Example:  cairn-node forget /srv/cairn L017 --reason request -o L017.receipt.json",
)
@desk_argument
@click.argument("learner", metavar="LEARNER")
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    default="request",
    show_default=True,
    help="Why; stands in the receipt and the trail.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the receipt here; cairn-node restore takes it. Keep it with the backups.",
)
@force_option
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask; the preview is shown all the same.")
@json_option
def command(
    directory: "Desk",
    learner: str,
    reason: str,
    output: Path | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase everything this node holds about LEARNER (their id in the student system), physically and for good.

    Awards, copies, salts, decisions, claim links, marks and the disclosure log go; slots of status lists stay used and
    keep what they say, so every log replays as before. Copies that are out stay as they are: revoke first what shall not
    count any more. The receipt says what was erased and names nobody.

    Exit code 0: erased. 1: nothing is held, or a legal hold keeps it. 3: erased, but something still reads the old state,
    such as a backup under way; the node removes the traces by itself.
    """
    import asyncio
    import json

    from node.desk import open_desk, with_rights
    from node.outfile import check_output, write_output

    if output is not None:
        check_output(output, force=force)
    home = open_desk(directory)
    preview = asyncio.run(with_rights(home, lambda client: client.forget(learner, reason, dry_run=True)))
    if preview is None:
        return _nothing(directory, as_json=as_json)
    if not as_json or dry_run:
        _tell(json.loads(preview.receipt), preview.files, as_json=as_json)
    if dry_run:
        terminal.next_step("the same without --dry-run")
        return terminal.EXIT_YES
    if not yes and not _agrees():
        raise click.Abort
    with terminal.show_work("erasing"):
        done = asyncio.run(with_rights(home, lambda client: client.forget(learner, reason)))
    if done is None:
        return _nothing(directory, as_json=as_json)
    receipt = json.loads(done.receipt)
    if output is not None:
        write_output(output, done.receipt)
    _tell(receipt, done.files, as_json=as_json)
    if output is not None:
        terminal.note(f"written: {output}; keep it with the backups, since restore takes it")
    terminal.next_step(f"cairn-node backup {directory} -o FILE, then delete the older backups")
    return terminal.EXIT_YES if receipt["is_complete"] else terminal.EXIT_UNDECIDED


def _nothing(directory: "Desk", *, as_json: bool) -> int:
    if as_json:
        terminal.result_json({"erased": {}, "forgotten": []})
    else:
        terminal.result("nothing is held about this learner")
    terminal.next_step(f"cairn-node awards {directory}")
    return terminal.EXIT_NO


def _agrees() -> bool:
    return sys.stdin.isatty() and click.confirm("Erase all of it for good?", err=True)


def _tell(receipt: dict[str, Any], files: tuple[str, ...], *, as_json: bool) -> None:  # Any: JSON of the receipt
    if as_json:
        terminal.result_json({**receipt, "files": list(files)})
        return
    erased = receipt["erased"]
    verb = "to be erased" if receipt["is_dry_run"] else "erased"
    terminal.result(
        f"{verb}: {terminal.count(erased['awards'], 'award')}, {terminal.count(erased['copies'], 'copy', 'copies')}, "
        f"{terminal.count(erased['decisions'], 'decision')}, {terminal.count(erased['offers'], 'claim link')}, "
        f"{terminal.count(erased['marks'], 'mark')}, {terminal.count(erased['disclosures'], 'disclosure')}"
    )
    if erased["wallet_copies"]:
        terminal.result(
            f"in wallets, and not reached by this: {terminal.count(erased['wallet_copies'], 'copy', 'copies')}"
        )
    if receipt["proposals_withdrawn"]:
        withdrawn = terminal.count(receipt["proposals_withdrawn"], "proposal")
        terminal.result(f"withdrawn, since they name the learner: {withdrawn}")
    if receipt["is_dry_run"]:
        terminal.result("this cannot be undone")
    elif not receipt["is_complete"]:
        terminal.note("something still reads the old state; the node removes the traces within the hour")
    else:
        for line in receipt["remains"]:
            terminal.result(f"remains {line}")
    if receipt["backup_made_at"] is not None:
        terminal.note(f"the last backup, of {terminal.instant(receipt['backup_made_at'])}, still holds it")
    for name in files:
        terminal.note(f"still names the learner: {name}")
