"""Files that whoever verifies names about issuers outside of the ledger; their bytes are all that is read here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ledger.credential.external.given import Given
from ledger.errors import MalformedError

MAX_BYTES = 16 << 20
"""Largest of these files: a list of revoked ids may be long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFiles:
    """What the options of a command name, unread: files about issuers, ids, authorities, status lists and receipts."""

    issuer_documents: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    status_lists: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()


def read_files(named: GivenFiles) -> Given:
    """Everything that was named, but receipts, as bytes.

    Raises:
        MalformedError: a file cannot be read; the message names it.
    """
    return Given(
        documents=tuple(read_documents(named.issuer_documents)),
        issuers=named.issuers,
        authorities=tuple(map(read_file, named.authorities)),
        status_lists=tuple(map(read_file, named.status_lists)),
    )


def read_documents(sources: Iterable[str]) -> Iterable[tuple[str | None, bytes]]:
    """Documents about issuers, each with whose it is: `ID=FILE`, or `FILE` where it says so itself.

    Raises:
        MalformedError: a file cannot be read.
    """
    for source in sources:
        owner, mark, path = source.partition("=")
        # A file whose name holds a `=` is taken as one if it is there.
        is_plain = not mark or Path(source).exists()
        yield (None, read_file(source)) if is_plain else (owner, read_file(path))


def read_file(name: str) -> bytes:
    """A file that an option names.

    Raises:
        MalformedError: it cannot be read, or is over `MAX_BYTES`.
    """
    return read_bounded(Path(name), MAX_BYTES)


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """A file of at most so many bytes.

    Raises:
        MalformedError: it cannot be read, or is longer.
    """
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
    if len(data) > max_bytes:
        raise MalformedError(f"{path} is longer than {max_bytes} bytes")
    return data
