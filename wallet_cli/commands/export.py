"""`cairn export`: a credential as a file for other wallets and verifiers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet_cli import terminal
from wallet_cli.commands.options import json_option, read_vault_options, vault_options

if TYPE_CHECKING:
    from wallet_cli.exporting import Export
    from wallet_cli.holdings import Contents


@click.command(
    "export",
    epilog="Example:  cairn export x1 -o maya.json   or  cairn export x1 --picture badge.png -o maya.png   or  "
    "cairn export --clr x1 x2 --association 'x2 isPartOf x1' -o record.json",
)
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("-o", "--out", "output", metavar="FILE", help="File to write; by default the name it came with, here.")
@click.option("--picture", metavar="FILE", help="Put the badge into a copy of this PNG or SVG.")
@click.option("--clr", "as_record", is_flag=True, help="Put several badges into one record (CLR 2.0), signed by you.")
@click.option(
    "--association",
    "associations",
    metavar="'ID TYPE ID'",
    multiple=True,
    help="For --clr: how two achievements hang together, such as 'x2 isPartOf x1'.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@vault_options
@json_option
def command(
    ids: tuple[str, ...],
    output: str | None,
    picture: str | None,
    as_record: bool,
    associations: tuple[str, ...],
    force: bool,
    vault: str | None,
    passphrase_file: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Write a credential as it is, for another wallet or verifier, and its receipts beside it.

    You are told first what the file says: of a badge nothing can be hidden. --clr makes a record of badges you choose,
    signed by the keys they are made out to; it says that you put it together, and each badge stands for itself.
    """
    from wallet_cli import exporting

    if not as_record and (len(ids) != 1 or associations):
        raise click.UsageError("one ID at a time; several go into a record with --clr")
    if as_record and (picture is not None or output is None):
        raise click.UsageError("--clr needs -o FILE, and takes no --picture")
    links = [_read_association(text) for text in associations]
    options = read_vault_options(vault, passphrase_file, yes)
    opened = options.open_vault()
    if as_record:
        export = _make_record(opened.contents, ids, links, options.folder)
    else:
        export = _make_file(opened.contents, ids[0], picture, options.folder)
    path = Path(output or export.name).expanduser()
    exporting.check_outputs(export, path, force=force)
    for line in export.explain():
        terminal.note(terminal.escape(line))
    beside = exporting.write(export, path)
    _tell(export, path, beside, as_json=as_json)
    return terminal.EXIT_YES


def _read_association(text: str) -> tuple[str, str, str]:
    words = text.split()
    if len(words) != 3:
        raise click.UsageError(f"--association {text!r} is not 'ID TYPE ID'")
    return words[0], words[1], words[2]


def _make_file(contents: "Contents", name: str, picture: str | None, folder: Path) -> "Export":
    from wallet_cli import exporting, imported
    from wallet_cli.clock import system_clock

    held = next((one for one in contents.imports if one.id == name), None)
    if held is None:
        if picture is not None:
            contents.holding(name)
            raise click.UsageError(f"{name} is an SD-JWT, which has no place in a picture")
        return exporting.export_sd_jwt(contents.holding(name))
    image = None if picture is None else exporting.read_picture(Path(picture))
    judged = imported.Judged(held, imported.judge(held, imported.open_question(folder, system_clock())))
    return exporting.export_file(judged, image)


def _make_record(
    contents: "Contents", ids: tuple[str, ...], links: list[tuple[str, str, str]], folder: Path
) -> "Export":
    from wallet_cli import assembling, exporting, imported
    from wallet_cli.clock import system_clock

    now = system_clock()
    question = imported.open_question(folder, now)
    chosen = assembling.choose(contents, ids, question)
    made = assembling.make_record(chosen, links, question, now)
    return exporting.Export(
        data=made.data,
        name="",
        form=f"CLR 2.0, put together and signed by you, with {terminal.count(len(chosen), 'badge')}",
        contents=tuple(exporting.describe(made.report)),
        remarks=(exporting.NOTHING_HIDDEN, *assembling.warnings(chosen)),
        receipts=made.receipts,
    )


def _tell(export: "Export", path: Path, beside: Path | None, *, as_json: bool) -> None:
    shown = terminal.escape(str(path))
    if as_json:
        terminal.result_json(
            {
                "bytes": len(export.data),
                "contents": list(export.contents),
                "file": str(path),
                "form": export.form,
                "receipts": None if beside is None else str(beside),
                "remarks": list(export.remarks),
            }
        )
    else:
        terminal.result(f"written: {shown} ({len(export.data)} bytes)")
        if beside is not None:
            terminal.result(f"its receipts: {terminal.escape(str(beside))}")
    terminal.next_step(f"cairn verify {shown}, as whoever you give it to can")
