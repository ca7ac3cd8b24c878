"""`cairn-node sign`: read a proposal in words and sign it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.proposal import Proposal


@click.command("sign", epilog="Example:  cairn-node sign admit-granite.proposal --key /media/usb/governor-anna.key")
@click.argument("files", metavar="P…", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
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
@click.option(
    "--against",
    metavar="COPY",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Refuse P unless it says what this copy of it says, from before or from another signer; show what differs.",
)
@click.option("--yes", is_flag=True, help="Sign without asking; the words are shown all the same.")
@json_option
def command(
    files: tuple[Path, ...],
    key_file: Path,
    passphrase_file: Path | None,
    against: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Show what a proposal says, in words, and add one signature to the file; several are signed together.

    No network and no node is needed. The words are made from the very bytes that are signed; a file that was altered
    between signers is refused, and what differs is shown.
    """
    import sys

    from ledger.errors import MalformedError
    from node.commands.proposing import show_words
    from node.keystore import open_key_file
    from node.outfile import write_output
    from node.passphrase import read_passphrase
    from node.proposal import check_same, encode_proposal, read_proposal, sign_proposal

    if against is not None and len(files) != 1:
        raise click.UsageError("--against compares one proposal")
    if against is not None:
        # Before the file is believed at all: also one whose signatures do not fit any more is compared.
        kept, now = (read_proposal(path, verify=False) for path in (against, files[0]))
        check_same(now, kept)
    proposals = [read_proposal(file) for file in files]
    for proposal in proposals:
        show_words(proposal, aside=as_json)
    if not yes and not sys.stdin.isatty():
        raise MalformedError(
            "sign: this needs an answer and the input is not a terminal", hint="add --yes after reading"
        )
    question = "Sign this?" if len(files) == 1 else f"Sign these {len(files)}?"
    if not yes and not click.confirm(question, err=True):
        terminal.note("nothing was signed")
        return terminal.EXIT_NO
    key = open_key_file(key_file, read_passphrase(passphrase_file, f"passphrase of {key_file.name}"))
    # Signed before any is written: a file that this key may not sign leaves the others as they were.
    signed = [sign_proposal(proposal, key) for proposal in proposals]
    for file, proposal in zip(files, signed, strict=True):
        write_output(file, encode_proposal(proposal))
    _report(files, signed, as_json=as_json)
    return terminal.EXIT_YES


def _report(files: "Sequence[Path]", signed: "Sequence[Proposal]", *, as_json: bool) -> None:
    rows = [
        {
            "file": str(file),
            "missing": proposal.missing(),
            "signatures": len(proposal.signatures),
            "words": list(proposal.words),
        }
        for file, proposal in zip(files, signed, strict=True)
    ]
    if as_json:
        terminal.result_json(rows[0] if len(rows) == 1 else rows)
    else:
        for file, proposal in zip(files, signed, strict=True):
            present = terminal.count(len(proposal.signatures), "signature")
            which = "" if len(files) == 1 else f"{file}: "
            terminal.result(f"{which}signed: {present}, {proposal.missing()} more needed")
    names = " ".join(map(str, files))
    if any(proposal.missing() for proposal in signed):
        terminal.next_step(f"hand {names} to the next signer, who runs cairn-node sign {names} --key FILE")
    else:
        terminal.next_step(f"cairn-node submit DIR {names}")
