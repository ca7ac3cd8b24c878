"""`cairn history`: what was shown to whom."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options


@click.command("history", epilog="Example:  cairn history --to 'Tidewater College'")
@click.option("--to", "audience", metavar="AUDIENCE", default="", help="Only what was shown to this receiver.")
@vault_options
@json_option
def command(audience: str, vault: str | None, passphrase_file: str | None, yes: bool, as_json: bool) -> int:
    """List what you showed, to whom and when, newest first; nobody but you has this list."""
    from wallet_cli import history, present, records

    contents = read_vault_options(vault, passphrase_file, yes).open_vault().contents
    rows = history.history_rows(contents, audience)
    if as_json:
        terminal.result_json([records.history_json(item) for item in rows])
    elif rows:
        terminal.table(history.HEADINGS, [history.row_cells(item) for item in rows])
        for line in history.overlaps(contents):
            terminal.note(f"note: {terminal.escape(line)}, and could find out that they met the same person")
        for line in present.LIMITS:
            terminal.note(line)
    else:
        terminal.note("nothing was shown yet")
    terminal.next_step("cairn list")
    return terminal.EXIT_YES
