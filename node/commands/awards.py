"""`cairn-node awards`: what was awarded, with state and id."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.desk import Desk


@click.command("awards", cls=DeskCommand, epilog="Example:  cairn-node awards /srv/cairn --learner L02")
@desk_argument
@click.option("--learner", default="", metavar="ID", help="Of this learner only.")
@click.option("--achievement", default="", metavar="ID", help="Of this achievement only.")
@json_option
def command(directory: "Desk", learner: str, achievement: str, as_json: bool) -> int:
    """List awards, oldest first, with their state and the ids that revoke, suspend and offer take.

    This is personal data of this institution: it comes from the node's private database and stands on no ledger.
    """
    import asyncio

    from node.desk import at_desk, open_desk

    home = open_desk(directory)
    with terminal.show_work("reading"):
        found = asyncio.run(
            at_desk(home, lambda client: client.list_awards(learner_id=learner, achievement=achievement))
        )
    if as_json:
        rows = [
            {
                "achievement": view.achievement,
                "awarded_on": view.awarded_on,
                "id": view.id,
                "index": view.index,
                "is_status_pending": view.is_status_pending,
                "learner_id": view.learner_id,
                "name": view.name,
                "replaced_by": view.replaced_by,
                "status": view.status.name.lower(),
                "version": view.version,
                "wallet_copies": view.wallet_copies,
            }
            for view in found
        ]
        terminal.result_json(rows)
    elif found:
        terminal.table(
            ("award", "learner", "name", "achievement", "on", "copies", "state"),
            [
                (
                    view.id,
                    view.learner_id,
                    view.name,
                    f"{view.achievement}/{view.version}",
                    view.awarded_on,
                    str(view.wallet_copies),
                    view.describe(),
                )
                for view in found
            ],
        )
    else:
        terminal.result("no award")
    terminal.next_step(
        f"cairn-node offer {directory} AWARD, or cairn-node revoke {directory} AWARD"
        if found
        else f"cairn-node issue {directory} --csv FILE --achievement ID"
    )
    return terminal.EXIT_YES
