"""`cairn refresh`: receipts and status."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options


@click.command("refresh", epilog="Example:  cairn refresh")
@click.option("--node", "nodes", metavar="URL", multiple=True, help="Node to ask; the remembered ones by default.")
@vault_options
@json_option
def command(nodes: tuple[str, ...], vault: str | None, passphrase_file: str | None, yes: bool, as_json: bool) -> int:
    """Bring the ledger held here up to date, find where your credentials stand, and tell what changed.

    Whole batches are fetched and searched here: no node learns which entry is yours.
    """
    import asyncio

    from ledger.errors import PolicyError
    from wallet_cli import records, refresh
    from wallet_cli.clock import system_clock

    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    held = asyncio.run(refresh.sync_held(options.folder, terminal.note, nodes))
    if held is None:
        raise PolicyError("no ledger is held here", hint="get the network's trust root and run cairn sync --trust FILE")
    waiting = refresh.find_waiting(opened.contents, held)
    receipts = asyncio.run(refresh.find_receipts(waiting, held)) if waiting else {}
    if receipts:
        opened.change(lambda contents: refresh.with_receipts(contents, receipts))
    rows = records.list_rows(opened.contents, held, system_clock())
    if as_json:
        terminal.result_json({"found": len(receipts), "held": [row.to_json() for row in rows]})
    else:
        terminal.table(
            ("id", "what", "issued by", "state"),
            [(row.holding.id, row.reading.title, row.reading.issuer_name, row.state) for row in rows],
        )
    terminal.note(f"{len(receipts)} of {len(waiting)} waiting copies found on the ledger")
    terminal.next_step("cairn show ID, then cairn present")
    return terminal.EXIT_YES
