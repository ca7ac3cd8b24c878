"""`cairn-node charter`: propose another name or address for this institution."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from node.proposal import Proposal


@click.command(
    "charter",
    epilog="Example:  cairn-node charter /srv/cairn --url https://ledger.granite.example --grpc ledger.granite.example:443 "
    "-o address.proposal",
)
@directory_argument
@click.option("--name", metavar="TEXT", help="What the institution is called from now on.")
@click.option("--url", metavar="URL", help="Where its node answers over HTTP.")
@click.option("--grpc", metavar="HOST:PORT", help="Where its node answers over gRPC.")
@output_option("Where to write the proposal.")
@force_option
@json_option
def command(
    directory: Path, name: str | None, url: str | None, grpc: str | None, output: Path, force: bool, as_json: bool
) -> int:
    """Propose to change what this institution's charter says of its name and addresses; root keys decide.

    Peers follow the newest charter they hold, so a node that moved is found again. What was issued under an earlier
    address stays good.
    """
    import asyncio

    from node.access import open_access
    from node.commands.proposing import make_drafter, write_proposal
    from node.home import open_home
    from node.outfile import check_output

    if name is None and url is None and grpc is None:
        raise click.UsageError("say at least one of --name, --url, --grpc")
    check_output(output, force=force)
    home = open_home(directory)

    async def draft() -> "Proposal":
        async with open_access(home) as access:
            return make_drafter((await access.held_log()).state).amend_charter(name=name, url=url, grpc=grpc)

    write_proposal(asyncio.run(draft()), output, as_json=as_json)
    return terminal.EXIT_YES
