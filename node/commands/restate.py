"""`cairn-node restate`: state our own entries again after the operate key that signed them was stolen."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from node.client.correction import RestateReport


@click.command("restate", epilog="Example:  cairn-node restate /srv/cairn")
@directory_argument
@click.option("--yes", is_flag=True, help="Do not ask; the preview is shown all the same.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would happen.")
@json_option
def command(directory: Path, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Repair a log after its operate key was declared stolen: our own entries count again, a thief's stay void.

    The compromise made void whatever the key signed from that position on, ours as well. Each batch and page that this
    node's own database knows is stated again, whole, by the key now in force; it keeps its old place. Until then
    verifiers answer "Cannot tell yet" about what stands there, and this node makes no cut.
    """
    import asyncio

    from node.commands.deciding import is_agreed
    from node.desk import at_desk
    from node.home import open_home

    home = open_home(directory)
    with terminal.show_work("looking"):
        preview = asyncio.run(at_desk(home, lambda client: client.corrections.restate(dry_run=True)))
    if dry_run or not preview.restated:
        return _finish(directory, preview, dry_run=True, as_json=as_json)
    for line in _lines(preview, dry_run=True):
        terminal.note(line)
    entries = terminal.count(len(preview.restated), "entry", "entries")
    if not is_agreed(f"Are these {entries} yours, and shall they count again?", yes=yes):
        return terminal.EXIT_NO
    with terminal.show_work("signing"):
        done = asyncio.run(at_desk(home, lambda client: client.corrections.restate()))
    return _finish(directory, done, dry_run=False, as_json=as_json)


def _finish(directory: Path, report: "RestateReport", *, dry_run: bool, as_json: bool) -> int:
    if as_json:
        terminal.result_json(
            {
                "dry_run": dry_run,
                "restated": [
                    {"index": index, "kind": kind, "restated_by": restated_by or None}
                    for kind, index, restated_by in report.restated
                ],
                "unknown": [{"index": index, "kind": kind} for kind, index in report.unknown],
            }
        )
    else:
        for line in _lines(report, dry_run=dry_run):
            terminal.result(line)
    if dry_run and report.restated:
        terminal.next_step("the same without --dry-run")
    else:
        terminal.next_step(f"cairn-node cut {directory}, or wait for the night: a fresh page ends the last doubt")
    return terminal.EXIT_YES


def _lines(report: "RestateReport", *, dry_run: bool) -> Iterator[str]:
    if not report.restated:
        yield "no entry of ours is void by a theft: there is nothing to state again"
    else:
        would = "would be stated" if dry_run else "stated"
        yield f"{would} again: {terminal.count(len(report.restated), 'entry', 'entries')}, {_by_kind(report)}"
        yield "they count as before, each in its old place"
    for kind, index in report.unknown:
        yield f"not ours, stays void: entry {index} ({kind})"


def _by_kind(report: "RestateReport") -> str:
    counted = Counter("batch" if kind == "issue" else "page" for kind, _, _ in report.restated)
    plurals = {"batch": "batches", "page": "pages"}
    return " and ".join(terminal.count(number, what, plurals[what]) for what, number in sorted(counted.items()))
