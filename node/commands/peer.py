"""`cairn-node peer`: nodes to follow beside the members of the networks."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import directory_argument, json_option

if TYPE_CHECKING:
    from node.home import Home


@click.group("peer")
def command() -> None:
    """Nodes to follow beside the members of the networks, whose addresses the networks' logs tell."""


@command.command("add", epilog="Example:  cairn-node peer add /srv/cairn ledger.tidewater.example:443")
@directory_argument
@click.argument("address", metavar="HOST:PORT")
@json_option
def add(directory: Path, address: str, as_json: bool) -> int:
    """Follow a node: every log it holds is replicated and checked."""
    from node.home import open_home

    home = open_home(directory)
    return _change(home, (*(peer for peer in home.config.peers if peer != address), address), as_json=as_json)


@command.command("remove", epilog="Example:  cairn-node peer remove /srv/cairn ledger.tidewater.example:443")
@directory_argument
@click.argument("address", metavar="HOST:PORT")
@json_option
def remove(directory: Path, address: str, as_json: bool) -> int:
    """No longer follow a node; what was replicated stays."""
    from ledger.errors import RuleError
    from node.home import open_home

    home = open_home(directory)
    if address not in home.config.peers:
        raise RuleError(f"peer {address}: is not in the list", hint=f"cairn-node peer list {directory}")
    return _change(home, tuple(peer for peer in home.config.peers if peer != address), as_json=as_json)


@command.command("list", epilog="Example:  cairn-node peer list /srv/cairn")
@directory_argument
@json_option
def list_(directory: Path, as_json: bool) -> int:
    """List the nodes followed: those in node.toml, and those the networks' logs and trust roots tell."""
    import asyncio

    from node.followed import list_followed
    from node.home import open_home

    home = open_home(directory)
    followed = asyncio.run(list_followed(home))
    if as_json:
        terminal.result_json([{"address": peer.address, "because": peer.because} for peer in followed])
    elif followed:
        terminal.table(("address", "because"), [(peer.address, peer.because) for peer in followed])
    else:
        terminal.result("no node is followed")
    terminal.next_step(f"cairn-node status {directory}")
    return terminal.EXIT_YES


def _change(home: "Home", peers: tuple[str, ...], *, as_json: bool) -> int:
    from node import durable
    from node.config import FILE_NAME, change_config

    path = home.directory / FILE_NAME
    text = change_config(path.read_text(encoding="utf-8"), str(path), peers=peers)
    durable.replace_file(path, text.encode(), mode=path.stat().st_mode & 0o777)
    if as_json:
        terminal.result_json({"peers": list(peers)})
    else:
        terminal.result(f"peers: {', '.join(peers) or 'none'}")
    if home.is_running():
        terminal.note("the running node takes this over at its next start")
        terminal.next_step(f"stop the node, then cairn-node run {home.directory}")
    else:
        terminal.next_step(f"cairn-node run {home.directory}")
    return terminal.EXIT_YES
