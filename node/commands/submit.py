"""`cairn-node submit`: put a signed proposal on the ledger."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.log.entry import Signature
    from node.client.registrar import RegistrarClient
    from node.home import Home
    from node.proposal import Proposal


@click.command("submit", epilog="Example:  cairn-node submit /srv/cairn admit-granite.proposal")
@directory_argument
@click.argument("files", metavar="P…", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@json_option
def command(directory: Path, files: tuple[Path, ...], as_json: bool) -> int:
    """Put proposals that enough have signed on this node's log, in the order given. The node must be running.

    The same proposal may be submitted again: it keeps its place. Where one is refused, those after it stay behind.
    """
    import asyncio

    from node.desk import at_desk
    from node.home import open_home
    from node.proposal import read_proposal, signatures_to_submit

    proposals = [read_proposal(file) for file in files]
    # Before the first is submitted: one that is not complete shall not leave half of a rotation on the ledger.
    signatures = [signatures_to_submit(proposal) for proposal in proposals]
    home = open_home(directory)
    rows = []
    for proposal, signed in zip(proposals, signatures, strict=True):
        index = asyncio.run(at_desk(home, partial(_submit, proposal.statement_bytes, signed)))
        rows.append({"index": index, "words": list(proposal.words)})
        if not as_json:
            terminal.result(f"on the ledger: entry {index}: {proposal.words[0]}")
    if as_json:
        terminal.result_json(rows[0] if len(rows) == 1 else rows)
    terminal.next_step(_after(proposals[-1], home, directory))
    return terminal.EXIT_YES


async def _submit(statement: bytes, signatures: "Sequence[Signature]", client: "RegistrarClient") -> int:
    return await client.submit(statement, signatures)


def _after(proposal: "Proposal", home: "Home", directory: Path) -> str:
    """The natural next command: after a theft, the repair."""
    import asyncio

    from ledger import base64url
    from ledger.log.charter import Role
    from ledger.log.governance import CompromiseKey
    from node.desk import at_desk

    statement = proposal.statement
    if not isinstance(statement, CompromiseKey):
        return f"cairn-node status {directory}"
    held = asyncio.run(at_desk(home, lambda client: client.held_log()))
    match held.state.keys.records[statement.key].role:
        case Role.OPERATE:
            return f"cairn-node restate {directory}"
        case Role.ISSUE | Role.REGISTER:
            return f"cairn-node reissue {directory} --key {base64url.encode(statement.key)}"
        case _:
            return f"cairn-node key list {directory}"
