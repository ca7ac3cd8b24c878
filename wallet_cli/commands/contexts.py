"""`cairn contexts`: fill and list the folder of JSON-LD contexts that some signatures are checked with."""

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options


@click.command("contexts", epilog="Example:  cairn contexts --from ~/jsonld-contexts")
@click.option(
    "--from",
    "source",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Take every context this program knows from the files below this folder.",
)
@click.option("--vault", metavar="FILE", help="Keep them beside this vault instead of ~/.cairn/vault.")
@json_option
def command(source: str | None, vault: str | None, as_json: bool) -> int:
    """List the JSON-LD contexts held here, or take them from a folder.

    Open Badges of other software are often signed with eddsa-rdfc-2022. What such a signature covers depends on the
    contexts the badge names. They are their publishers' and do not come with this program, and none is ever fetched
    while something is verified: a badge whose contexts are not here is answered with `could not check`.

    A context is known by its content: files may have any name and come from anywhere. `make contexts` in the sources of
    this program fetches most from public packages; the CLR contexts are found at their own addresses.
    """
    from pathlib import Path

    from node.client.contexts import describe_folder, fill_folder

    folder = read_vault_options(vault, None, False).folder
    filled = describe_folder(folder) if source is None else fill_folder(Path(source), folder)
    if as_json:
        terminal.result_json(filled.to_json())
        return terminal.EXIT_YES
    for line in filled.to_lines():
        terminal.result(line)
    terminal.note(f"{terminal.count(len(filled.held), 'context')} held, {len(filled.missing)} missing")
    terminal.next_step("cairn verify FILE" if filled.held else "cairn contexts --from DIR")
    return terminal.EXIT_YES
