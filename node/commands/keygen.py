"""`cairn-node keygen`: make a root or governor key."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import json_option


@click.command("keygen", epilog="Example:  cairn-node keygen /media/usb/governor-anna.key")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the passphrase here.",
)
@json_option
def command(file: Path, passphrase_file: Path | None, as_json: bool) -> int:
    """Make a root or governor key as an encrypted file, on any computer, and print its public half.

    A root key decides about an institution's other keys; a network's root keys are its governors'. None of them may
    ever stand on the node itself.
    """
    import os

    from ledger.errors import RuleError
    from ledger.log.didkey import encode_did_key
    from node.clock import system_draw
    from node.keystore import create_key_file
    from node.passphrase import read_passphrase

    if os.path.lexists(file):
        raise RuleError(f"{file}: exists already, and nothing in it was changed", hint="name another file")
    passphrase = read_passphrase(passphrase_file, f"new passphrase for {file.name}", confirm=True)
    public = encode_did_key(create_key_file(file, passphrase, system_draw))
    if as_json:
        terminal.result_json({"file": str(file), "public": public})
    else:
        terminal.result(public)
    terminal.note(f"written: {file} (encrypted); keep it and its passphrase apart, each in two places")
    terminal.next_step(f"cairn-node init DIR … --root-key {public}")
    return terminal.EXIT_YES
