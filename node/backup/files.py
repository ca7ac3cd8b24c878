"""Which files of a node's directory belong into a backup.

Everything that somebody put there, since nobody else has it; not what a running node makes anew, and not the stores,
which go row by row. Secrets can be left out, or taken alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import CairnError
from node.backup.archive import FILES, Member
from node.config import FILE_NAME
from node.found import KEYS_DIRECTORY, LEDGER_DIRECTORY, NETWORKS_DIRECTORY

# What a running node makes and unmakes, what is backed up row by row, and what backups themselves leave.
_LEFT_OUT = re.compile(
    r"\..*|node\.lock|registrar\.(db(-wal|-shm|-journal)?|sock|path|layout-\d+\.\w+)|.*\.tmp|.*\.backup"
)


def node_files(directory: Path, *, with_keys: bool, with_others: bool) -> Iterator[Member]:
    """The files that belong into a backup, settings first.

    Args:
        directory: of the node.
        with_keys: also secrets: the node's keys, and whatever else holds a private key.
        with_others: also what is neither secret nor settings nor a trust root.

    Raises:
        CairnError: a file cannot be read by this account.
    """
    yield _read(directory, Path(FILE_NAME))
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if relative == Path(FILE_NAME) or relative.parts[0] == LEDGER_DIRECTORY:
            continue
        # A link leads to what somebody else looks after, such as the certificates of an ACME client.
        if path.is_symlink() or not path.is_file() or any(_LEFT_OUT.fullmatch(part) for part in relative.parts):
            continue
        if relative.parts[0] == KEYS_DIRECTORY and not with_keys:
            continue
        member = _read(directory, relative)
        is_secret = relative.parts[0] == KEYS_DIRECTORY or path.suffix == ".key" or b"PRIVATE KEY" in member.data
        if with_keys if is_secret else with_others or relative.parts[0] == NETWORKS_DIRECTORY:
            yield member


def _read(directory: Path, relative: Path) -> Member:
    path = directory / relative
    try:
        return Member(FILES, relative.as_posix(), path.read_bytes())
    except PermissionError as error:
        raise CairnError(
            f"{path}: cannot be read by this account",
            hint="run it as the account the node runs under, or leave the keys out with --without-keys",
        ) from error
