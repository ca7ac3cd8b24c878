"""`cairn-node run`: run a node until it is signalled."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument

if TYPE_CHECKING:
    from node.run import Node


@click.command("run", epilog="Example:  cairn-node run /srv/cairn")
@directory_argument
@click.option(
    "--only-copy",
    is_flag=True,
    help="Sign although this computer has no record of how far: there is no newer copy of this log anywhere.",
)
@click.option(
    "--log-format",
    type=click.Choice(["logfmt", "json"]),
    help="How lines on stderr are written, whatever node.toml says: logfmt for people, json for collectors.",
)
def command(directory: Path, only_copy: bool, log_format: str | None) -> int:
    """Run the node in DIR until it gets SIGTERM or SIGINT (Ctrl-C).

    What happens is told on stderr, one line per event (docs/monitoring.md lists them); how it stands, by cairn-node
    status DIR.
    """
    import asyncio
    import os

    # Before grpc is loaded: it would write a line of its own for every stranger that breaks off a handshake.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")

    from node.home import open_home
    from node.logs import LogFormat, configure_logging
    from node.run import run_until_signalled

    config = open_home(directory).config
    configure_logging(LogFormat(log_format) if log_format else config.log_format, config.log_level)
    asyncio.run(run_until_signalled(directory, only_copy=only_copy, ready=_tell))
    return terminal.EXIT_YES


def _tell(node: "Node") -> None:
    terminal.result(f"running: {node.config.name}, HTTP {node.http_url}, gRPC {node.address}")
