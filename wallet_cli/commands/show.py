"""`cairn show`: one credential in full."""

from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options

if TYPE_CHECKING:
    from pathlib import Path

    from wallet_cli.imports import Import


@click.command("show", epilog="Example:  cairn show c1")
@click.argument("credential", metavar="ID")
@click.option("-o", "output", metavar="FILE", help="Write the file of an external credential, as it was received.")
@click.option("--force", is_flag=True, help="Overwrite that file.")
@vault_options
@json_option
def command(
    credential: str,
    output: str | None,
    force: bool,
    vault: str | None,
    passphrase_file: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Show one credential, and the field names that `cairn present --disclose` takes.

    An external one is judged anew, and shown with everything that was checked.
    """
    from wallet_cli import records
    from wallet_cli.clock import system_clock
    from wallet_cli.held import open_held

    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    now = system_clock()
    held = next((one for one in opened.contents.imports if one.id == credential), None)
    if held is not None:
        return _show_external(held, options.folder, now, output, force=force, as_json=as_json)
    if output is not None:
        raise click.UsageError("-o writes external credentials; the others are shown with `cairn present`.")
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


def _show_external(held: "Import", folder: "Path", now: int, output: str | None, *, force: bool, as_json: bool) -> int:
    from pathlib import Path

    from wallet_cli import exporting, imported

    judged = imported.Judged(held, imported.judge(held, imported.open_question(folder, now)))
    if output is not None:
        export, path = exporting.export_file(judged), Path(output).expanduser()
        exporting.check_outputs(export, path, force=force)
        exporting.write(export, path)
        terminal.next_step(f"give {output} to whoever asks; it verifies by itself: cairn verify {output}")
        return terminal.EXIT_YES
    if as_json:
        terminal.result_json(judged.to_json())
    else:
        terminal.result(terminal.escape(f"{judged.title} ({held.id}), from the file {held.name}"))
        for remark in judged.remarks:
            terminal.result(f"note: {remark}")
        for line in judged.report.to_lines():
            terminal.result(terminal.escape(line))
    terminal.next_step(f"cairn export {held.id}, to give it to somebody")
    return terminal.EXIT_YES
