"""`cairn-node submit`: put a signed proposal on the ledger."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command("submit", epilog="Example:  cairn-node submit /srv/cairn admit-granite.proposal")
@directory_argument
@click.argument("file", metavar="P", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def command(directory: Path, file: Path, as_json: bool) -> int:
    """Put a proposal that enough have signed on this node's log. The node must be running.

    The same proposal may be submitted again: it keeps its place.
    """
    import asyncio

    from node.desk import at_desk
    from node.home import open_home
    from node.outfile import read_input
    from node.proposal import MAX_PROPOSAL_BYTES, parse_proposal, signatures_to_submit

    proposal = parse_proposal(read_input(file, MAX_PROPOSAL_BYTES))
    signatures = signatures_to_submit(proposal)
    home = open_home(directory)
    index = asyncio.run(at_desk(home, lambda client: client.submit(proposal.statement_bytes, signatures)))
    if as_json:
        terminal.result_json({"index": index, "words": list(proposal.words)})
    else:
        terminal.result(f"on the ledger: entry {index}: {proposal.words[0]}")
    terminal.next_step(f"cairn-node status {directory}")
    return terminal.EXIT_YES
