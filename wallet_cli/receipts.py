"""Receipts that come with a file in a form of other software, which has no place for them inside.

`cairn-node copy --receipts FILE` writes a JSON array of them: of the copy, then of each credential inside. They are looked
for where `--receipts` says, and beside the file: `maya.receipts.json` for `maya.json`. Which belongs to what is told by
proof alone, so that a receipt in the wrong place harms nobody.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.credential.strict_json import parse_strict_json
from ledger.errors import CairnError, MalformedError
from wallet_cli import files

SUFFIX = ".receipts.json"
MAX_BYTES = 4 << 20


class Receipts:
    """What was given for all files, and what stands beside the one that is judged."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        """Read the files that an option names.

        Raises:
            MalformedError: one cannot be read, or holds no receipts.
        """
        self._named = tuple(one for name in named for one in parse_receipts(read_file(Path(name)), name))
        self._beside: tuple[object, ...] = ()

    @property
    def given(self) -> tuple[object, ...]:
        """JSON objects, unread; those beside the file first."""
        return (*self._beside, *self._named)

    def follow(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Give files on to whoever takes and judges one after the other, looking beside each."""
        for path in paths:
            data = find_beside(path)
            try:
                self._beside = () if data is None else parse_receipts(data, str(path))
            except CairnError:
                self._beside = ()  # a damaged file beside it: then there is none, as the report says
            yield path


def place_beside(path: Path) -> Path:
    """Where the receipts of a file are looked for first."""
    return path.with_name(path.stem + SUFFIX)


def find_beside(path: Path) -> bytes | None:
    """The file with receipts beside another one; None where there is none that can be read."""
    for name in (path.stem + SUFFIX, path.name + SUFFIX):
        beside = path.with_name(name)
        if beside.is_file() and beside != path:
            try:
                return read_file(beside)
            except CairnError:
                return None
    return None


def read_file(path: Path) -> bytes:
    """The bytes of a file with receipts.

    Raises:
        MalformedError: it cannot be read, or is over `MAX_BYTES`.
    """
    try:
        return files.read_bounded(path.expanduser(), MAX_BYTES)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error


def parse_receipts(data: bytes, name: str) -> tuple[object, ...]:
    """The receipts in a file: an array, or one alone.

    Raises:
        MalformedError: it holds none.
    """
    value = parse_strict_json(data, max_bytes=MAX_BYTES, where=f"receipts {name}")
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, dict) for item in items):
        raise MalformedError(f"{name}: expected an array of receipts", hint="`cairn-node copy --receipts` writes them")
    return tuple(items)


def encode_receipts(receipts: Iterable[object]) -> bytes:
    """The file of some receipts; `parse_receipts` inverts it."""
    return json.dumps(list(receipts), indent=2, ensure_ascii=True).encode() + b"\n"
