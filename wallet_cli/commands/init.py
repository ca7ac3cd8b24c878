"""`cairn init`: make a vault."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import read_vault_options, vault_options


@click.command(
    "init", epilog="Example:  cairn init      or, on a shared computer:  cairn init --vault /media/usb/vault"
)
@vault_options
def command(vault: str | None, passphrase_file: str | None, yes: bool) -> int:
    """Make a vault: one encrypted file for everything you hold.

    The passphrase is asked for twice. Nobody can reset it; without it the vault cannot be read, by you or anybody.
    """
    from wallet_cli import passphrase
    from wallet_cli.vault import Vault, check_absent

    options = read_vault_options(vault, passphrase_file, yes)
    check_absent(options.path)
    Vault.create(options.path, passphrase.read_passphrase(options.passphrase_file, confirm=True))
    terminal.result(f"vault made: {terminal.escape(str(options.path))}")
    terminal.note("keep the passphrase and a copy of this file in two places; nobody can reset it")
    terminal.next_step("cairn receive OFFER, with the link or file your school gave you")
    return terminal.EXIT_YES
