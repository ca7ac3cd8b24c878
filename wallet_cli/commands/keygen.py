"""`cairn keygen`: make a key to sign attestations with."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option


@click.command("keygen", epilog="Example:  cairn keygen ~/audit-office.key")
@click.argument("file", metavar="FILE")
@click.option("--passphrase-file", metavar="FILE", help="Read the passphrase from this file.")
@json_option
def command(file: str, passphrase_file: str | None, as_json: bool) -> int:
    """Make a key to sign audits and verifications with, as an encrypted file, and print its public half.

    Publish the public half where people look for you: an attestation is worth as much as their certainty that the key
    is yours.
    """
    import os
    from pathlib import Path

    from ledger.errors import RuleError
    from ledger.log.didkey import encode_did_key
    from wallet_cli.attestation_key import create_key
    from wallet_cli.passphrase import read_passphrase

    if os.path.lexists(file):
        raise RuleError(f"{file}: exists already, and nothing in it was changed", hint="name another file")
    source = Path(passphrase_file).expanduser() if passphrase_file else None
    public = encode_did_key(create_key(Path(file), read_passphrase(source, confirm=True, of="the new key")))
    if as_json:
        terminal.result_json({"file": file, "public": public})
    else:
        terminal.result(public)
    terminal.next_step(f"cairn audit --attest FILE --key {file} --by NAME, to sign what an audit finds")
    return terminal.EXIT_YES
