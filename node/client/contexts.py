"""The folder of JSON-LD contexts on this computer: filled from copies somebody has, read when a signature needs one.

A wallet has one beside its vault, to check badges of others; a node has one in its directory, to sign badges.

A context is known by the hash of its content, so it does not matter where a copy comes from or what its file is called.
Nothing is ever fetched from where a document points.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger.credential.jsonld.library import MAX_CONTEXT_BYTES, ContextLibrary, file_name, hash_context
from ledger.credential.jsonld.pins import PINS
from ledger.errors import MalformedError

FOLDER_NAME = "contexts"
MAX_FILES = 50_000
"""Files looked at under one folder; the packages that hold contexts have some hundreds."""

_SUFFIXES = (".json", ".jsonld")


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a folder that was looked through: URLs newly kept, and URLs now held and missing, in pin order."""

    added: tuple[str, ...]
    held: tuple[str, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, tuple[str, ...]]:
        """What `contexts --json` prints."""
        return {"added": self.added, "held": self.held, "missing": self.missing}

    def to_lines(self) -> Iterator[str]:
        """What it prints for people, a URL a line."""
        for url in self.held:
            yield f"held     {'(new) ' if url in self.added else ''}{url}"
        for url in self.missing:
            yield f"missing  {url}"


class ContextFiles(Mapping[str, bytes]):
    """The documents in a folder of contexts by URL, read when they are asked for."""

    def __init__(self, folder: Path) -> None:
        """Look into `folder`, which need not exist."""
        self._folder = folder

    def __getitem__(self, url: str) -> bytes:
        """Read the document at `url`; KeyError where it is not held, MalformedError where it is too long."""
        if url not in PINS:
            raise KeyError(url)
        try:
            return _read(self._folder / file_name(url))
        except FileNotFoundError as error:
            raise KeyError(url) from error

    def __iter__(self) -> Iterator[str]:
        """Give the URLs held, in the order they are pinned."""
        return (url for url in PINS if (self._folder / file_name(url)).is_file())

    def __len__(self) -> int:
        """Count the contexts held."""
        return sum(1 for _ in self)


def open_library(folder: Path) -> ContextLibrary:
    """The contexts kept in `folder`, that of a vault or a node; an empty library where there are none yet."""
    return ContextLibrary(ContextFiles(folder / FOLDER_NAME))


def fill_folder(source: Path, folder: Path) -> Filled:
    """Copy every pinned context found below `source` into the contexts of `folder`.

    Raises:
        MalformedError: `source` holds more than `MAX_FILES` files, or not one pinned context.
        OSError: a folder cannot be read or written.
    """
    found = _find_contexts(source)
    if not found:
        raise MalformedError(
            f"contexts: no file below {source} is a context that is known here",
            hint="`make contexts` fetches them, or take your own copies: .json or .jsonld files",
        )
    target = folder / FOLDER_NAME
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = set(ContextFiles(target))
    added = [url for url in PINS if PINS[url] in found and (url not in held or not _is_good(target, url))]
    for url in added:
        _replace(target / file_name(url), found[PINS[url]])
    return describe_folder(folder, added=tuple(added))


def describe_folder(folder: Path, *, added: tuple[str, ...] = ()) -> Filled:
    """What the contexts of `folder` hold and what is missing; a file that was changed counts as missing."""
    target = folder / FOLDER_NAME
    held = tuple(url for url in ContextFiles(target) if _is_good(target, url))
    return Filled(added, held, tuple(url for url in PINS if url not in held))


def _is_good(target: Path, url: str) -> bool:
    try:
        return hash_context(_read(target / file_name(url))) == PINS[url]
    except MalformedError:
        return False


def _find_contexts(source: Path) -> dict[bytes, bytes]:
    """Pinned contexts below a folder: bytes by hash."""
    wanted = frozenset(PINS.values())
    found: dict[bytes, bytes] = {}
    for path in _candidates(source):
        try:
            data = _read(path)
            digest = hash_context(data)
        except MalformedError:
            continue  # some other JSON: packages are full of it
        if digest in wanted:
            found.setdefault(digest, data)
    return found


def _candidates(source: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MAX_FILES:
                raise MalformedError(f"contexts: more than {MAX_FILES} files below {source}; name a smaller folder")
            path = Path(folder, name)
            if name.endswith(_SUFFIXES) and path.is_file():
                yield path


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_CONTEXT_BYTES + 1)
    if len(data) > MAX_CONTEXT_BYTES:
        raise MalformedError(f"{path}: longer than {MAX_CONTEXT_BYTES} bytes")
    return data


def _replace(path: Path, data: bytes) -> None:
    # A reader sees the old file or the new. One that a power cut leaves empty is told by its hash, like any other.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
