"""`cairn-node upgrade`: bring what an older version left to the layout of this one."""

from pathlib import Path

import click

from node import terminal
from node.commands.options import directory_argument, json_option


@click.command("upgrade", epilog="Example:  cairn-node upgrade /srv/cairn")
@directory_argument
@json_option
def command(directory: Path, as_json: bool) -> int:
    """Migrate the stores in DIR to the layout of this version; `run` does the same by itself.

    The registrar's database is copied before anything is changed. A step that is interrupted has not happened.
    """
    from node.home import open_home
    from node.upgrade import upgrade_directory

    upgraded = upgrade_directory(open_home(directory))
    if as_json:
        terminal.result_json(
            {
                "before": upgraded.before,
                "kept": None if upgraded.kept is None else str(upgraded.kept),
                "layout": upgraded.layout,
                "steps": list(upgraded.steps),
            }
        )
    elif upgraded.kept is None:
        terminal.result(
            f"nothing to do: the registrar's database is of layout {upgraded.layout}, the newest this version knows"
        )
    else:
        for step in upgraded.steps:
            terminal.result(f"done: {step}")
        terminal.result(f"migrated: layout {upgraded.before} to {upgraded.layout}")
        terminal.result(f"kept: {upgraded.kept}, the database as it was")
    terminal.next_step(f"cairn-node run {directory}")
    return terminal.EXIT_YES
