"""`cairn-node countersign`: a network signs over the proofs of what a member issued."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node import terminal
from node.commands.options import DeskCommand, desk_argument, json_option, output_option

if TYPE_CHECKING:
    from ledger.credential.report import RecordReport
    from node.client.countersigned import Countersigned
    from node.desk import Desk

MAX_RECEIPT_FILE_BYTES = 1 << 20


@click.command(
    "countersign",
    cls=DeskCommand,
    epilog="Example:  cairn-node countersign /srv/confluence maya.json -o maya-countersigned.json",
)
@desk_argument
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--receipts",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The receipts that the school gave with it; without them the batches held are searched.",
)
@output_option("Where to write the countersigned file; nothing is written over another one.")
@json_option
def command(directory: "Desk", file: Path, receipts: Path | None, output: Path, as_json: bool) -> int:
    """Countersign an Open Badge or record of a member, as the network of this node.

    FILE is what `cairn-node copy` made in the form open-badge, png, svg or clr. The node verifies it as everybody would,
    against the logs it holds, and signs over the school's proofs with the network's own key only if it is valid now. The
    school's proofs, its receipts and its status stay as they are. Nothing of the file is kept. Exit code 0: countersigned.
    1: it is not valid, not a member's, or countersigned already. 2: it cannot be read. 3: that could not be decided.
    """
    import asyncio

    from ledger.credential.external.container import open_container
    from ledger.credential.report import RecordReport
    from node.client.countersigned import countersign
    from node.desk import open_desk, with_reach
    from node.outfile import check_new, write_new

    check_new(output)
    data, given = _read(file), _read_receipts(receipts)
    carried, home = open_container(data), open_desk(directory)
    with terminal.show_work("verifying and signing"):
        made = asyncio.run(with_reach(home, lambda reach: countersign(reach, carried.text, given)))
    if isinstance(made, RecordReport):
        return _refuse(made, file, as_json=as_json)
    write_new(output, made.text.encode() if carried.container == "file" else _bake(data, made.text))
    _tell(output, made, receipts, as_json=as_json)
    return terminal.EXIT_YES


def _read(path: Path) -> bytes:
    from ledger.credential.baking import MAX_IMAGE_BYTES
    from node.outfile import read_input

    return read_input(path, MAX_IMAGE_BYTES)


def _read_receipts(path: Path | None) -> tuple[bytes, ...]:
    """The receipts of a file that `cairn-node copy --receipts` wrote, each by itself."""
    if path is None:
        return ()
    import orjson

    from ledger.credential.strict_json import parse_strict_json
    from ledger.errors import MalformedError
    from node.outfile import read_input

    value = parse_strict_json(
        read_input(path, MAX_RECEIPT_FILE_BYTES), max_bytes=MAX_RECEIPT_FILE_BYTES, where=str(path)
    )
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) for item in items):
        raise MalformedError(f"{path}: expected an array of receipts", hint="`cairn-node copy --receipts` writes them")
    return tuple(orjson.dumps(item) for item in items)


def _bake(image: bytes, text: str) -> bytes:
    from ledger.credential.baking import rebake

    return rebake(image, text)


def _refuse(report: "RecordReport", file: Path, *, as_json: bool) -> int:
    if as_json:
        terminal.result_json({"countersigned": False, "file": None, "report": report.to_json()})
    else:
        terminal.result(f"not countersigned: {file}")
        for line in report.to_lines():
            terminal.result(line)
    terminal.next_step("do what the report says under `What to do`; nothing was signed")
    return report.exit_code


def _tell(output: Path, made: "Countersigned", receipts: Path | None, *, as_json: bool) -> None:
    day = terminal.instant(made.at)[: len("2026-01-01")]
    if as_json:
        result = {
            "by": made.network,
            "countersigned": True,
            "did": made.did,
            "file": str(output),
            "issuer": made.issuer,
            "on": day,
            "title": made.title,
        }
        terminal.result_json(result)
    else:
        terminal.result(f"countersigned: {output}")
        terminal.result(f"{made.title}, issued by {made.issuer}; countersigned by {made.network} on {day}")
    terminal.note("what the learner has of receipts for the file goes with this one too; it waits for no cut")
    also = "" if receipts is None else f" --receipts {receipts}"
    terminal.next_step(f"cairn verify {output}{also}; then give it back to {made.issuer}, for the learner")
