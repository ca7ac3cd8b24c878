"""`cairn-node sign`: read a proposal in words and sign it."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import json_option


@click.command("sign", epilog="Example:  cairn-node sign admit-granite.proposal --key /media/usb/governor-anna.key")
@click.argument("file", metavar="P", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Your key.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the passphrase here.",
)
@click.option("--yes", is_flag=True, help="Sign without asking; the words are shown all the same.")
@json_option
def command(file: Path, key_file: Path, passphrase_file: Path | None, yes: bool, as_json: bool) -> int:
    """Show what a proposal says, in words, and add one signature to the file.

    No network and no node is needed. The words are made from the very bytes that are signed; a file that was altered
    between signers is refused.
    """
    import sys

    from ledger.errors import MalformedError
    from node.commands.proposing import show_words
    from node.keystore import open_key_file
    from node.outfile import read_input, write_output
    from node.passphrase import read_passphrase
    from node.proposal import MAX_PROPOSAL_BYTES, encode_proposal, parse_proposal, sign_proposal

    proposal = parse_proposal(read_input(file, MAX_PROPOSAL_BYTES))
    show_words(proposal, aside=as_json)
    if not yes and not sys.stdin.isatty():
        raise MalformedError(
            "sign: this needs an answer and the input is not a terminal", hint="add --yes after reading"
        )
    if not yes and not click.confirm("Sign this?", err=True):
        terminal.note("nothing was signed")
        return terminal.EXIT_NO
    key = open_key_file(key_file, read_passphrase(passphrase_file, f"passphrase of {key_file.name}"))
    signed = sign_proposal(proposal, key)
    write_output(file, encode_proposal(signed))
    present, missing = len(signed.signatures), signed.missing()
    if as_json:
        terminal.result_json(
            {"file": str(file), "missing": missing, "signatures": present, "words": list(signed.words)}
        )
    else:
        terminal.result(f"signed: {terminal.count(present, 'signature')}, {missing} more needed")
    if missing:
        terminal.next_step(f"hand {file} to the next signer, who runs cairn-node sign {file} --key FILE")
    else:
        terminal.next_step(f"cairn-node submit DIR {file}")
    return terminal.EXIT_YES
