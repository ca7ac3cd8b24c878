"""`cairn-node copy`: an award as a file that other software reads."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node import terminal
from node.commands.options import SpreadCommand, desk_argument, force_option, json_option, output_option

if TYPE_CHECKING:
    from node.client.copyform import CopyOrder, MadeCopy
    from node.desk import Desk

FORMS = ("open-badge", "png", "svg", "jws", "jws-rs256", "sd-jwt", "sd-jwt-es256", "clr")
PICTURES = ("png", "svg")
HIDING = ("sd-jwt", "sd-jwt-es256")
PRIVATE_MODE = 0o600


@click.command(
    "copy",
    cls=SpreadCommand,
    epilog="Example:  cairn-node copy /srv/cairn mjqa2x7d5ek3wz6o --form open-badge -o maya.json",
)
@desk_argument
@click.argument("award_ids", metavar="[AWARD…]", nargs=-1)
@click.option("--form", required=True, type=click.Choice(FORMS), help="Which form; docs/credentials.md says for whom.")
@click.option("--learner", "learner_id", default="", metavar="ID", help="For clr: every valid award of this learner.")
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For png and svg: the picture to put the badge into.",
)
@click.option("--subject", default="", metavar="DID", help="The learner's did:key, where one was given to you.")
@click.option("--include", multiple=True, metavar="FIELD…", help="Add email or date_of_birth, for everybody to read.")
@click.option(
    "--association",
    "associations",
    multiple=True,
    metavar="'A/1 isPartOf B/1'",
    help="For clr: how two achievements hang together.",
)
@click.option("--new", "is_fresh", is_flag=True, help="Make another one, though one was made for the same request.")
@click.option(
    "--receipts",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the receipts too, once the copy is on the ledger.",
)
@output_option("Where to write the copy.")
@force_option
@json_option
def command(directory: "Desk", output: Path, force: bool, as_json: bool, **given: Any) -> int:  # Any: options by name
    """Write a copy of an award for software that does not read Cairn's own form.

    The copy has an id, a status slot and a commitment of its own, which goes to the ledger with the next cut; revoking the
    award revokes it too. The same command again gives the same copy, and then its receipts. Whoever has the file can
    read all of it; of the forms sd-jwt and sd-jwt-es256 other software can leave fields out before it shows them. Tell the
    learner: other software reads the status of such copies from lists that are public, and how many of them are revoked
    can partly be counted there.
    """
    import asyncio

    from node.client.copyform import make_copy
    from node.desk import open_desk, with_reach
    from node.outfile import check_output, write_output

    receipts: Path | None = given["receipts"]
    for path in (output, *((receipts,) if receipts is not None else ())):
        check_output(path, force=force)
    order, home = _read_order(given), open_desk(directory)
    image = _read_image(given["form"], given["image"])
    with terminal.show_work("signing"):
        made = asyncio.run(with_reach(home, lambda reach: make_copy(reach, order)))
    write_output(output, made.text.encode() if image is None else _bake(image, made.text), mode=PRIVATE_MODE)
    if receipts is not None and made.receipts:
        write_output(receipts, json.dumps([json.loads(one) for one in made.receipts], indent=2).encode() + b"\n")
    _tell(directory, given["form"], output, receipts, made, as_json=as_json)
    return terminal.EXIT_YES


def _read_order(given: dict[str, Any]) -> "CopyOrder":  # Any: options by name
    from node.client.copyform import AssociationOrder, CopyOrder, Form

    associations = []
    for text in given["associations"]:
        words = text.split()
        if len(words) != 3:
            raise click.UsageError(f"--association {text!r} is not 'ID/VERSION TYPE ID/VERSION'")
        associations.append(AssociationOrder(type=words[1], source=words[0], target=words[2]))
    form: str = given["form"]
    return CopyOrder(
        form=Form.OPEN_BADGE if form in PICTURES else Form(form),
        award_ids=given["award_ids"],
        learner_id=given["learner_id"],
        subject=given["subject"],
        include=given["include"],
        associations=tuple(associations),
        is_fresh=given["is_fresh"],
    )


def _read_image(form: str, path: Path | None) -> bytes | None:
    """The picture for a badge; refused before anything is signed where it would not take one."""
    from ledger.credential.baking import MAX_IMAGE_BYTES, is_png, unbake
    from ledger.errors import MalformedError
    from node.outfile import read_input

    if (path is None) == (form in PICTURES):
        raise click.UsageError("--image FILE belongs to --form png and --form svg, and they need it")
    if path is None:
        return None
    image = read_input(path, MAX_IMAGE_BYTES)
    if unbake(image) is not None:
        raise MalformedError(f"{path}: has a badge inside already", hint="take the original picture")
    if is_png(image) != (form == "png"):
        raise MalformedError(f"{path}: is no {form.upper()}", hint="--form is the kind of the picture")
    return image


def _bake(image: bytes, text: str) -> bytes:
    from ledger.credential.baking import bake

    return bake(image, text)


def _tell(
    directory: "Desk", form: str, output: Path, receipts: Path | None, made: "MadeCopy", *, as_json: bool
) -> None:
    is_written = receipts is not None and bool(made.receipts)
    if as_json:
        result = {
            "file": str(output),
            "new": made.is_new,
            "next_cut": made.next_cut,
            "on_ledger": bool(made.receipts),
            "receipts": str(receipts) if is_written else None,
        }
        terminal.result_json(result)
    else:
        terminal.result(f"{'made' if made.is_new else 'given again'}: {output}")
        if made.receipts:
            terminal.result("on the ledger" + (f"; receipts in {receipts}" if is_written else ""))
        else:
            when = "the next cut" if made.next_cut is None else f"the cut of {terminal.instant(made.next_cut)}"
            terminal.result(f"on the ledger with {when}")
    if made.is_new:
        if form in HIDING:
            terminal.note(
                "whoever has this copy reads all of it; software that knows SD-JWT can leave fields out of what it shows"
            )
        else:
            terminal.note("whoever has this copy reads all of it")
        terminal.note(
            "tell the learner that revocations of such copies stand in public lists of other software's formats,"
        )
        terminal.note("where they can partly be counted")
    if made.receipts or made.next_cut is not None:
        terminal.next_step(f"give {output} to the learner")
    else:
        terminal.next_step(f"cairn-node cut {directory}")
