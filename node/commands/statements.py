"""`cairn-node statements`: what this institution signed, for whoever watches its log."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command(
    "statements",
    epilog="Example:  cairn-node statements /srv/cairn > granite.statements",
)
@directory_argument
@json_option
def command(directory: Path, as_json: bool) -> int:
    """List the statements that this institution's own database signed: id and SHA-256, one a line, nothing personal.

    `cairn monitor` compares the log with it and tells what was issued in your name and not by you. What governors signed
    is not in it; the monitor tells such entries for you to recognise.
    """
    import asyncio

    from ledger import base64url
    from node.home import open_home
    from node.signedlist import read_signed

    names = asyncio.run(read_signed(open_home(directory)))
    if as_json:
        rows = [
            {"id": base64url.encode(name.id), "sha256": base64url.encode(name.digest) if name.digest else None}
            for name in names
        ]
        terminal.result_json(rows)
    else:
        for name in names:
            terminal.result(name.to_line())
    adopted = sum(not name.digest for name in names)
    if adopted:
        terminal.note(f"{terminal.count(adopted, 'statement')} read from the log after a restore: known by id alone")
    terminal.next_step(
        "cairn monitor --own-log LOG --own-command 'cairn-node statements DIR', at a computer of its own"
    )
    return terminal.EXIT_YES
