"""`cairn list`: what is held."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options


@click.command("list", epilog="Example:  cairn list")
@vault_options
@json_option
def command(vault: str | None, passphrase_file: str | None, yes: bool, as_json: bool) -> int:
    """List what you hold: its id, what it is, who gave it, and how it stands on the ledger held here."""
    from wallet_cli import imported, records
    from wallet_cli.clock import system_clock
    from wallet_cli.held import open_held

    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    now = system_clock()
    rows = records.list_rows(opened.contents, open_held(options.folder), now)
    others = imported.judge_all(opened.contents, options.folder, now)
    if as_json:
        terminal.result_json([*(row.to_json() for row in rows), *(one.to_json() for one in others)])
    elif rows or others:
        cells = [
            (row.holding.id, row.reading.title, row.reading.issuer_name, row.reading.valid_from, row.state)
            for row in rows
        ]
        cells += [(one.held.id, one.title, one.issuer, "", one.state) for one in others]
        terminal.table(("id", "what", "issued by", "since", "state"), cells)
    else:
        terminal.note("nothing yet")
    if rows:
        terminal.next_step(f"cairn show {rows[0].holding.id}, for the names of its fields")
    elif others:
        terminal.next_step(f"cairn show {others[0].held.id}, for what was checked")
    else:
        terminal.next_step("cairn receive OFFER, with the link or file your school gave you")
    return terminal.EXIT_YES
