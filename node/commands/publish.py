"""`cairn-node publish`: publish a document."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.desk import Desk

TYPES = ("framework", "rule", "requirement_set", "achievement", "crosswalk", "acceptance", "policy")

_REMARKS_SHOWN = 20


@click.command("publish", cls=DeskCommand, epilog="Example:  cairn-node publish /srv/cairn granite-hollow.json")
@desk_argument
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--type", "type_name", type=click.Choice(TYPES), help="What it is; recognised by default.")
@click.option("--id", "document_id", default="", metavar="ID", help="Its id on the ledger; taken from the document.")
@click.option(
    "--version", type=click.IntRange(1), default=None, metavar="N", help="Its version; taken from the document."
)
@click.option(
    "--with-achievement", is_flag=True, help="For a requirement set: publish the achievement for meeting it too."
)
@click.option("--reviewed", is_flag=True, help="Somebody has read FILE and found nothing about a person in it.")
@json_option
def command(directory: "Desk", file: Path, as_json: bool, **given: Any) -> int:  # Any: options by name
    """Publish FILE, exact bytes, on this institution's log, for everybody to read. At once, not with a cut.

    An achievement (Open Badges 3.0 JSON), requirement set, framework, rules, crosswalk or acceptance. An id and version never
    change their meaning; the same file again keeps its place. What looks as if it could be about a person is told first, and
    nothing is published until --reviewed says that somebody has read it.
    """
    import asyncio

    from ledger.log.body import MAX_DOCUMENT_BYTES
    from node.desk import at_desk, open_desk
    from node.outfile import read_input

    data = read_input(file, MAX_DOCUMENT_BYTES)
    _review(data, is_reviewed=given["reviewed"])
    home = open_desk(directory)
    answer = asyncio.run(
        at_desk(
            home,
            lambda client: client.publish(
                data,
                type_name=given["type_name"] or "",
                document_id=given["document_id"],
                version=given["version"] or 0,
                with_achievement=given["with_achievement"],
            ),
        )
    )
    published = [answer] if answer.achievement is None else [answer, answer.achievement]
    if as_json:
        rows = [{"id": one.id, "index": one.index, "type": one.type, "version": one.version} for one in published]
        terminal.result_json(rows)
    else:
        for one in published:
            terminal.result(
                f"published: {one.type.replace('_', ' ')} {one.id}, version {one.version}, entry {one.index}"
            )
    achievements = [one for one in published if one.type == "achievement"]
    if achievements:
        terminal.next_step(f"cairn-node issue {directory} --csv FILE --achievement {achievements[0].id}")
    else:
        terminal.next_step(f"cairn-node publish {directory} FILE, the achievement that names it")
    return terminal.EXIT_YES


def _review(data: bytes, *, is_reviewed: bool) -> None:
    """Tell what may be about a person; without `--reviewed` that ends the command."""
    from ledger.errors import RuleError
    from ledger.log.body import MAX_DOCUMENT_BYTES
    from node.privacy.publictext import review_document

    remarks = review_document(data, MAX_DOCUMENT_BYTES)
    for remark in remarks[:_REMARKS_SHOWN]:
        terminal.note(f"remark: {remark}")
    if remarks and not is_reviewed:
        raise RuleError(
            f"publish: {terminal.count(len(remarks), 'remark')}; what is published can never be taken back, so nothing was",
            hint="let a person read the file; if nothing in it is about a learner, publish it with --reviewed",
        )
