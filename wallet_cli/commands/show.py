"""`cairn show`: one credential in full."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options


@click.command("show", epilog="Example:  cairn show c1")
@click.argument("credential", metavar="ID")
@vault_options
@json_option
def command(credential: str, vault: str | None, passphrase_file: str | None, yes: bool, as_json: bool) -> int:
    """Show one credential, and the field names that `cairn present --disclose` takes."""
    from wallet_cli import records
    from wallet_cli.clock import system_clock
    from wallet_cli.held import open_held

    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    now = system_clock()
    row = records.describe_holding(opened.contents.holding(credential), open_held(options.folder), now)
    if as_json:
        terminal.result_json(records.show_json(row))
    else:
        for line in records.show_lines(row, now):
            terminal.result(terminal.escape(line))
        terminal.result("")
        terminal.table(("field", "value"), [(name, field.value) for name, field in row.reading.fields.items()])
    name = next(iter(row.reading.fields), "name")
    terminal.next_step(
        f"cairn present --to 'Tidewater College' --credential {credential} --disclose {terminal.escape(name)} -o FILE"
    )
    return terminal.EXIT_YES
