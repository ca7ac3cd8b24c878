"""Files that somebody shows, and the receipts that come with those in a form of other software, which has no place for them.

`cairn-node copy --receipts FILE` writes a JSON array of them: of the copy, then of each credential inside. They are looked
for where `--receipts` says, and beside the file: `maya.receipts.json` for `maya.json`. Which belongs to what is told by
proof alone, so that a receipt in the wrong place harms nobody.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.credential.receipt_list import MAX_BYTES, parse_receipts
from ledger.errors import CairnError
from node.client.givenfiles import read_bounded

SUFFIX = ".receipts.json"


class Receipts:
    """What was given for all files, and what stands beside the one that is judged."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        """Read the files that an option names.

        Raises:
            MalformedError: one cannot be read, or holds no receipts.
        """
        self._named = tuple(one for name in named for one in parse_receipts(read_bounded(Path(name), MAX_BYTES), name))
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
                return read_bounded(beside, MAX_BYTES)
            except CairnError:
                return None
    return None


def find_files(names: Iterable[str]) -> Iterator[Path]:
    """Give the files that arguments name; a folder stands for the files in it, in order, without hidden ones and
    those that only hold the receipts of others."""
    for name in names:
        path = Path(name)
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.is_file() and _is_shown(file.name))
        else:
            yield path


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(SUFFIX)
