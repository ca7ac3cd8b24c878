"""The signed status lists this node serves: its own, and those it copied for the members it is the host of.

One file for each list and form, replaced whole, in `DIR/status/<22 characters>/<number>/`. They are public and can be
made again at every cut, so a backup leaves them out.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ledger.credential.plainlist.slots import ListFile
from node.durable import replace_file

FOLDER_NAME = "status"
MAX_FILE_BYTES = 1024 * 1024
MAX_NUMBER_DIGITS = 9
"""Lists are numbered by the day they were opened."""

_MODE = 0o644


class StatusFiles:
    """The files below one folder, which need not exist before the first is kept."""

    def __init__(self, folder: Path) -> None:
        """Keep them in `folder`."""
        self._folder = folder

    def read(self, short: str, number: int, file: ListFile) -> bytes | None:
        """One file of the institution whose log id begins with these 22 characters; None where there is none."""
        try:
            return self._path(short, number, file).read_bytes()
        except FileNotFoundError:
            return None

    def keep(self, short: str, number: int, file: ListFile, data: bytes) -> None:
        """Put a file in place of the one before, durably: readers see the old bytes or the new."""
        path = self._path(short, number, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data, mode=_MODE)

    def numbers(self, short: str) -> Sequence[int]:
        """The lists of an institution that are kept here, oldest first."""
        folder = self._folder / short
        if not folder.is_dir():
            return ()
        return sorted(int(path.name) for path in folder.iterdir() if is_number(path.name))

    async def find(self, short: str, number: int, file: ListFile) -> bytes | None:
        """As `read`, in a thread."""
        return await asyncio.to_thread(self.read, short, number, file)

    def _path(self, short: str, number: int, file: ListFile) -> Path:
        # `-` and `_` are the only characters of a short id that are no letters or digits, so that it names no other place
        if "/" in short or short.startswith("."):
            raise ValueError("not the beginning of a log id")
        return self._folder / short / str(number) / file.value


def is_number(text: str) -> bool:
    """Whether a part of a URL or path is the number of a list, in its one spelling."""
    return text.isascii() and text.isdecimal() and len(text) <= MAX_NUMBER_DIGITS and str(int(text)) == text
