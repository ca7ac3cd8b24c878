"""What leaves the vault as a file for other software: the exact bytes of one credential, or a badge inside a picture.

Such a file cannot be shown in part, so what it says is said before it is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.credential.baking import MAX_IMAGE_BYTES, bake
from ledger.credential.external.container import open_container
from ledger.credential.external.kind import Envelope, Kind, find_kind
from ledger.credential.receipt_list import encode_receipts
from ledger.credential.report import RecordReport
from ledger.errors import MalformedError
from node.client.shownfiles import place_beside
from wallet_cli import files
from wallet_cli.holdings import Holding
from wallet_cli.imported import Judged
from wallet_cli.present import check_output
from wallet_cli.reading import read_credential

NOTHING_HIDDEN = "nothing of it can be hidden: whoever has the file reads all of it"
_BAKED_KINDS = (Kind.BADGE_3,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file to be written.

    Attributes:
        data: its bytes.
        name: what to call it where nobody says.
        form: what it is, in words.
        contents: what it says, a line each.
        remarks: what its holder should know before it is given away.
        receipts: the file of receipts to stand beside it; empty for none.
    """

    data: bytes
    name: str
    form: str
    contents: tuple[str, ...]
    remarks: tuple[str, ...]
    receipts: bytes = b""

    def explain(self) -> Iterator[str]:
        """What is said before it is written."""
        yield f"this file ({self.form}) says, to everybody who has it:"
        yield from (f"  {line}" for line in self.contents)
        yield from self.remarks


def export_file(judged: Judged, picture: bytes | None = None) -> Export:
    """A kept file with its exact bytes, or what is in it inside a picture.

    Args:
        judged: the file, and what is found about it now.
        picture: PNG or SVG without a badge inside; None for the file itself.

    Raises:
        MalformedError: it has no place in a picture, or that is no such picture.
    """
    held = judged.held
    carried = open_container(held.data)
    found = find_kind(carried.text)
    form = f"{found.kind}, {found.envelope}" + ("" if carried.container == "file" else f", in a {carried.container}")
    data, name = held.data, held.name
    if picture is not None:
        if found.kind not in _BAKED_KINDS or found.envelope not in (Envelope.EMBEDDED, Envelope.JWS):
            raise MalformedError(f"{held.id}: {form} does not go into a picture", hint="Open Badges 3.0 do")
        data = bake(picture, carried.text)
        suffix = "png" if picture[:1] == b"\x89" else "svg"
        form, name = f"{found.kind}, {found.envelope}, in a picture", f"{Path(held.name).stem}.{suffix}"
    return Export(
        data=data,
        name=Path(name).name or held.id,
        form=form,
        contents=tuple(describe(judged.report)),
        remarks=(NOTHING_HIDDEN, *judged.remarks),
        receipts=held.receipts,
    )


def export_sd_jwt(holding: Holding) -> Export:
    """The first current copy of an award as the school signed it, every field of it in the open."""
    copy = holding.current[0]
    reading = read_credential(copy.sd_jwt)
    remarks = ["every field is in it; to show chosen ones to somebody, use cairn present"]
    if copy.seed is not None:
        remarks.append(
            "it is bound to a key that stays in this vault: other wallets can read it, and show it to nobody as "
            "theirs; for another wallet ask the school for a claim link"
        )
    fields = (f"{name}: {field.value}" for name, field in reading.fields.items())
    return Export(
        data=copy.sd_jwt.encode("ascii"),
        name=f"{holding.id}.sdjwt",
        form="SD-JWT",
        contents=(f"{reading.title}, issued by {reading.issuer_name}", *fields),
        remarks=tuple(remarks),
        receipts=b"" if copy.receipt is None else encode_receipts([copy.receipt]),
    )


def describe(report: RecordReport) -> Iterator[str]:
    """What the credentials of a file say, a line each."""
    for one in report.credentials:
        yield one.title + (f", issued by {one.issuer}" if one.issuer else "")
        yield from (f"  {line.label}: {line.value}" for line in one.shown)


def check_outputs(export: Export, path: Path, *, force: bool) -> None:
    """Refuse, before anything is written, a file that exists, or a folder that does not.

    Raises:
        MalformedError: something stands in one of the places, and `force` was not said.
    """
    for place in (path, *((place_beside(path),) if export.receipts else ())):
        check_output(place, force=force)


def write(export: Export, path: Path) -> Path | None:
    """Write the file whole, and its receipts beside it; gives where those are, None where there are none."""
    files.write_atomically(path, export.data)
    if not export.receipts:
        return None
    beside = place_beside(path)
    files.write_atomically(beside, export.receipts)
    return beside


def read_picture(path: Path) -> bytes:
    """A picture to put a badge into.

    Raises:
        MalformedError: it cannot be read, or is too long.
    """
    try:
        return files.read_bounded(path.expanduser(), MAX_IMAGE_BYTES)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
