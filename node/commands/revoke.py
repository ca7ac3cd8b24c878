"""`cairn-node revoke`, `suspend`, `reinstate`: decisions about awards that were made."""

from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option

if TYPE_CHECKING:
    from ledger.credential.status import Status
    from node.desk import Desk

_awards = click.argument("awards", metavar="AWARD…", nargs=-1, required=True)
_reason = click.option("--reason", metavar="TEXT", default="", help="Stays in this institution's own database.")


@click.command(
    "revoke",
    cls=DeskCommand,
    epilog="Example:  cairn-node revoke /srv/cairn 7f3k2m9q --reason 'issued to the wrong person'",
)
@desk_argument
@_awards
@_reason
@json_option
def command(directory: "Desk", awards: tuple[str, ...], reason: str, as_json: bool) -> int:
    """Take awards back, for good: all of them or none. The ledger shows it from the next cut on."""
    from ledger.credential.status import Status

    return _decide(directory, awards, Status.REVOKED, "revoked", reason, as_json=as_json)


@click.command(
    "suspend", cls=DeskCommand, epilog="Example:  cairn-node suspend /srv/cairn 7f3k2m9q --reason 'under review'"
)
@desk_argument
@_awards
@_reason
@json_option
def suspend(directory: "Desk", awards: tuple[str, ...], reason: str, as_json: bool) -> int:
    """Suspend awards for a while. The ledger shows it from the next cut on."""
    from ledger.credential.status import Status

    return _decide(directory, awards, Status.SUSPENDED, "suspended", reason, as_json=as_json)


@click.command("reinstate", cls=DeskCommand, epilog="Example:  cairn-node reinstate /srv/cairn 7f3k2m9q")
@desk_argument
@_awards
@_reason
@json_option
def reinstate(directory: "Desk", awards: tuple[str, ...], reason: str, as_json: bool) -> int:
    """End the suspension of awards. The ledger shows it from the next cut on."""
    from ledger.credential.status import Status

    return _decide(directory, awards, Status.VALID, "valid again", reason, as_json=as_json)


def _decide(
    directory: "Desk", awards: tuple[str, ...], status: "Status", word: str, reason: str, *, as_json: bool
) -> int:
    import asyncio

    from node.desk import at_desk, open_desk

    home = open_desk(directory)
    answer = asyncio.run(at_desk(home, lambda client: client.set_status(list(awards), status, reason=reason)))
    if as_json:
        terminal.result_json({"changed": list(answer.changed), "next_cut": answer.next_cut})
    else:
        unchanged = len(set(awards)) - len(answer.changed)
        terminal.result(f"{word}: {terminal.count(len(answer.changed), 'award')}")
        if unchanged:
            terminal.result(f"already {word}: {terminal.count(unchanged, 'award')}")
        when = (
            "with the next cut" if answer.next_cut is None else f"with the cut of {terminal.instant(answer.next_cut)}"
        )
        terminal.result(f"the ledger shows it {when}")
    terminal.next_step(f"cairn-node cut {directory}" if answer.next_cut is None else f"cairn-node awards {directory}")
    return terminal.EXIT_YES
