"""`cairn sync`: fetch a light copy of the ledger."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command(
    "sync", epilog="Example:  cairn sync --trust confluence.trust.json --node https://ledger.tidewater.example"
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False))
@click.option("--trust", "trust_file", metavar="FILE", help="Trust root; the remembered one by default.")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to fetch from, over HTTP; may be repeated.")
@click.option("--remember", is_flag=True, help="Let later commands use DIR, though another copy is remembered.")
@click.option("--history", is_flag=True, help="Fetch every body too, also older status pages and batches.")
@click.option("--vault", metavar="FILE", help="Remember beside this vault instead of ~/.cairn/vault.")
@json_option
def command(
    folder: str | None,
    trust_file: str | None,
    nodes: tuple[str, ...],
    remember: bool,
    history: bool,
    vault: str | None,
    as_json: bool,
) -> int:
    """Fetch a light copy of the ledger into DIR, to verify without a network; later runs fetch what is new.

    Every byte is checked before it is kept: a node that serves something else is named, and what was good before
    stays. Trust root, DIR and nodes are remembered for `cairn verify` and the next `cairn sync`, unless they know
    another copy already: that one stays theirs.
    """
    import asyncio

    from wallet_cli import places
    from wallet_cli.progress import show_progress
    from wallet_cli.replica_key import obtain_key
    from wallet_cli.replica_writer import ReplicaWriter
    from wallet_cli.sync import sync_replica

    place = places.find_places(read_vault_options(vault, None, False).folder, trust_file, folder, nodes)
    other = None if remember else places.find_other_replica(place)
    key = obtain_key(place.folder)
    with ReplicaWriter(place.replica, key) as writer, show_progress("fetching and checking") as progress:
        report = asyncio.run(sync_replica(writer, place.trust, place.nodes, history=history, progress=progress))
    if other is None:
        places.remember(place)
    if as_json:
        terminal.result_json(report.to_json())
    else:
        for line in report.to_lines():
            terminal.result(terminal.escape(line))
    if other is None:
        terminal.next_step("cairn verify FILE, which needs no network from now on")
    else:
        terminal.note(f"cairn: `cairn verify` goes on using {terminal.escape(str(other))}; --remember changes that")
        terminal.next_step(f"cairn audit --dump {place.replica}, or cairn verify --replica {place.replica} FILE")
    return terminal.EXIT_YES if report.is_complete else terminal.EXIT_UNDECIDED
