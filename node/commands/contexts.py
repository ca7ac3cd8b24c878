"""`cairn-node contexts`: the JSON-LD contexts that badges of this node are signed with."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command("contexts", epilog="Example:  cairn-node contexts /srv/cairn --from ~/jsonld-contexts")
@directory_argument
@click.option(
    "--from",
    "source",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take every context this program knows from the files below this folder.",
)
@json_option
def command(directory: Path, source: Path | None, as_json: bool) -> int:
    """List the JSON-LD contexts held in DIR/contexts, or take them from a folder.

    An Open Badge is signed with eddsa-rdfc-2022, whose signature covers what the contexts make of the badge. They are
    their publishers' and do not come with this program. A context is known by its content: files may have any name and
    come from anywhere. `make contexts` in the sources of this program fetches most from public packages.
    """
    from node.client.contexts import describe_folder, fill_folder
    from node.home import open_home

    folder = open_home(directory).directory
    filled = describe_folder(folder) if source is None else fill_folder(source, folder)
    if as_json:
        terminal.result_json(filled.to_json())
        return terminal.EXIT_YES
    for line in filled.to_lines():
        terminal.result(line)
    terminal.note(f"{terminal.count(len(filled.held), 'context')} held, {len(filled.missing)} missing")
    here = f"cairn-node copy {directory} AWARD --form open-badge -o FILE"
    terminal.next_step(here if filled.held else f"cairn-node contexts {directory} --from FOLDER")
    return terminal.EXIT_YES
