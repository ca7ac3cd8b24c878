"""`cairn-node retention`: what the retention table would erase now."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.desk import Desk


@click.command("retention", cls=DeskCommand, epilog="Example:  cairn-node retention /srv/cairn")
@desk_argument
@click.option("--apply", "is_applied", is_flag=True, help="Erase it now, instead of with the node's next daily run.")
@json_option
def command(directory: "Desk", is_applied: bool, as_json: bool) -> int:
    """Tell what each row of `retention` in node.toml would erase now; the node applies them once a day.

    What a legal hold keeps is counted beside. Exit code 3 where something was erased and its traces wait, because a backup
    is under way.
    """
    import asyncio

    from node.desk import open_desk, with_rights

    answer = asyncio.run(
        with_rights(open_desk(directory), lambda client: client.apply_retention(dry_run=not is_applied))
    )
    if as_json:
        rows = [{"held": row.held, "number": row.number, "row": row.row} for row in answer.rows]
        terminal.result_json({"is_applied": is_applied, "is_complete": answer.is_complete, "rows": rows})
    elif answer.rows:
        heading = "erased" if is_applied else "due now"
        terminal.table(
            ("row", heading, "kept by a hold"), [(row.row, str(row.number), str(row.held)) for row in answer.rows]
        )
    else:
        terminal.result("the node runs without a retention row: nothing is erased by itself")
    if not answer.rows:
        terminal.next_step(
            'a line in node.toml such as retention = ["awards 60 years after decision"] (docs/rights.md), '
            "which counts from the node's next start on"
        )
    else:
        then = "" if is_applied else " --apply, or wait for the node's daily run"
        terminal.next_step(f"cairn-node retention {directory}{then}")
    return terminal.EXIT_YES if answer.is_complete else terminal.EXIT_UNDECIDED
