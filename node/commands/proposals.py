"""`cairn-node registrar proposals`, `show`, `approve`, `reject`: what waits for a second person."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, force_option, json_option

if TYPE_CHECKING:
    from node.client.staff import ProposalLine
    from node.desk import Desk

SECRET_MODE = 0o600

_proposal = click.argument("proposal", metavar="PROPOSAL")


@click.command("proposals", cls=DeskCommand, epilog="Example:  cairn-node registrar proposals /srv/cairn")
@desk_argument
@click.option("--all", "with_decided", is_flag=True, help="Also those that wait no longer.")
@json_option
def proposals(directory: "Desk", with_decided: bool, as_json: bool) -> int:
    """List what waits for a second person, because four_eyes in node.toml asks for one. A proposal waits 7 days."""
    import asyncio

    from node.desk import open_desk, with_people

    found = asyncio.run(
        with_people(open_desk(directory), lambda client: client.list_proposals(with_decided=with_decided))
    )
    if as_json:
        terminal.result_json([_to_json(line) for line in found])
    elif found:
        terminal.table(
            ("proposal", "act", "proposed by", "on", "until", "state"),
            [
                (
                    line.id,
                    line.act,
                    line.proposed_by,
                    terminal.instant(line.proposed_at),
                    terminal.instant(line.expires_at),
                    line.state + (f" by {line.decided_by}" if line.decided_by else ""),
                )
                for line in found
            ],
        )
    else:
        terminal.result("nothing waits for a second person")
    following = f"show {directory} PROPOSAL" if found else f"trail {directory}"
    terminal.next_step(f"cairn-node registrar {following}")
    return terminal.EXIT_YES


@click.command("show", cls=DeskCommand, epilog="Example:  cairn-node registrar show /srv/cairn q7d2m4xc -o june.csv")
@desk_argument
@_proposal
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the file that goes with it, exact bytes.",
)
@force_option
@json_option
def show(directory: "Desk", proposal: str, output: Path | None, force: bool, as_json: bool) -> int:
    """Show what a proposal would do, and write the file that goes with it, so that it can be read before approving."""
    import asyncio

    from node.desk import open_desk, with_people
    from node.outfile import check_output, write_output

    if output is not None:
        check_output(output, force=force)
    answer = asyncio.run(with_people(open_desk(directory), lambda client: client.read_proposal(proposal)))
    if output is not None and answer.data:
        write_output(output, answer.data, mode=SECRET_MODE)
    if as_json:
        terminal.result_json({**_to_json(answer.proposal), "file_bytes": len(answer.data), "lines": list(answer.lines)})
    else:
        line = answer.proposal
        terminal.result(f"proposal {line.id} by {line.proposed_by}, {terminal.instant(line.proposed_at)}")
        for text in answer.lines:
            terminal.result(f"  {text}")
        if answer.data:
            terminal.result(
                f"written: {output}" if output is not None else "  -o FILE writes the file that goes with it"
            )
    terminal.next_step(f"cairn-node registrar approve {directory} {proposal}, or cairn-node registrar reject …")
    return terminal.EXIT_YES


@click.command("approve", cls=DeskCommand, epilog="Example:  cairn-node registrar approve /srv/cairn q7d2m4xc")
@desk_argument
@_proposal
@json_option
def approve(directory: "Desk", proposal: str, as_json: bool) -> int:
    """Do exactly what somebody else proposed. One's own proposal needs another person."""
    import asyncio

    from node.desk import open_desk, with_people

    with terminal.show_work("doing what was proposed"):
        lines = asyncio.run(with_people(open_desk(directory), lambda client: client.approve(proposal)))
    if as_json:
        terminal.result_json({"lines": list(lines), "proposal": proposal})
    else:
        terminal.result(f"approved: proposal {proposal}")
        for text in lines:
            terminal.result(f"  {text}")
    terminal.next_step(f"cairn-node registrar proposals {directory}")
    return terminal.EXIT_YES


@click.command("reject", cls=DeskCommand, epilog="Example:  cairn-node registrar reject /srv/cairn q7d2m4xc")
@desk_argument
@_proposal
@json_option
def reject(directory: "Desk", proposal: str, as_json: bool) -> int:
    """Refuse what somebody proposed, or withdraw what you proposed yourself. Its content is erased."""
    import asyncio

    from node.desk import open_desk, with_people

    asyncio.run(with_people(open_desk(directory), lambda client: client.reject(proposal)))
    if as_json:
        terminal.result_json({"proposal": proposal})
    else:
        terminal.result(f"rejected: proposal {proposal}")
    terminal.next_step(f"cairn-node registrar proposals {directory}")
    return terminal.EXIT_YES


def _to_json(line: "ProposalLine") -> dict[str, object]:
    return {
        "act": line.act,
        "call": line.call,
        "decided_at": line.decided_at,
        "decided_by": line.decided_by,
        "digest": line.digest.hex(),
        "expires_at": line.expires_at,
        "id": line.id,
        "proposed_at": line.proposed_at,
        "proposed_by": line.proposed_by,
        "state": line.state,
    }
