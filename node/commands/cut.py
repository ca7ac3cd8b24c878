"""`cairn-node cut`: cut now."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from node.desk import Desk


@click.command("cut", cls=DeskCommand, epilog="Example:  cairn-node cut /srv/cairn")
@desk_argument
@json_option
def command(directory: "Desk", as_json: bool) -> int:
    """Cut now: put what waits on the ledger, as one anchor, one issue and one status entry.

    Only for institutions founded with --batch-interval 0; everywhere else cuts come at fixed hours, so that nobody can
    tell from the ledger when something happened.
    """
    import asyncio

    from node.desk import at_desk, open_desk

    home = open_desk(directory)
    with terminal.show_work("cutting"):
        answer = asyncio.run(at_desk(home, lambda client: client.cut()))
    if as_json:
        members = {"copies": answer.copies, "indexes": list(answer.indexes)}
        terminal.result_json({**members, "is_head": answer.is_head, "waiting": answer.waiting})
    else:
        entries = ", ".join(map(str, answer.indexes))
        terminal.result(f"cut: entries {entries}; {terminal.count(answer.copies, 'copy', 'copies')} went on the ledger")
        if not answer.is_head:
            terminal.result("too few witnesses cosigned it yet: verifiers go on reading the state before")
        if answer.waiting:
            terminal.result(f"{terminal.count(answer.waiting, 'copy', 'copies')} did not fit and wait for the next cut")
    following = "status" if not answer.is_head else "cut" if answer.waiting else "awards"
    terminal.next_step(f"cairn-node {following} {directory}")
    return terminal.EXIT_YES
