"""`cairn-node key announce`: show witnesses a rotation of the log key that the log's host does not write down."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import SpreadCommand, directory_argument, json_option

if TYPE_CHECKING:
    from node.home import Home
    from node.proposal import Proposal


@click.command("announce", cls=SpreadCommand, epilog="Example:  cairn-node key announce /srv/cairn-new move.proposal")
@directory_argument
@click.argument("file", metavar="P", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--to", "addresses", multiple=True, metavar="HOST:PORT…", help="Only these nodes, from any node's directory."
)
@json_option
def announce(directory: Path, file: Path, addresses: tuple[str, ...], as_json: bool) -> int:
    """Show every witness that root keys rotated the log key: they stop cosigning under the old one, at once and for good.

    For a log key that was stolen, or a host that will not let go. DIR is a directory of this institution that does not run,
    such as cairn-node recover makes; with --to it may be any node's. Nothing is written to the log: that is for
    cairn-node takeover, or for cairn-node submit where the host is your own.

    Exit code 0: enough witnesses took it that no head can come to be under the old key. 1: the rotation has no effect.
    3: too few answered.
    """
    import asyncio

    from node.commands.takeover import answers_json, show_answers
    from node.home import open_home
    from node.proposal import read_proposal
    from node.recovery.takeover import announce_rotation

    proposal = read_proposal(file)
    home = open_home(directory)
    if addresses:
        return _announce_to(home, proposal, addresses, as_json=as_json)
    with terminal.show_work("asking witnesses"):
        shown = asyncio.run(announce_rotation(home, proposal))
    if as_json:
        terminal.result_json(answers_json(shown))
    else:
        show_answers(shown)
    terminal.next_step(f"cairn-node takeover {directory} {file}")
    return terminal.EXIT_YES


def _announce_to(home: "Home", proposal: "Proposal", addresses: tuple[str, ...], *, as_json: bool) -> int:
    import asyncio

    from node.recovery.takeover import announce_to

    answers = asyncio.run(announce_to(home, proposal, addresses))
    if as_json:
        terminal.result_json([{"address": at, "cosigned": size, "problem": why or None} for at, size, why in answers])
    else:
        for address, size, why in answers:
            if size is None:
                terminal.note(f"{address}: {why}")
            else:
                entries = terminal.count(size, "entry", "entries")
                terminal.result(f"{address}: cosigned {entries}, and nothing more under the old key")
    return terminal.EXIT_YES if all(size is not None for _, size, _ in answers) else terminal.EXIT_UNDECIDED
