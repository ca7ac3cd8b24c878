"""The list of what was forgotten, outside of the node's directory, for the day on which an older backup is restored.

`$XDG_STATE_HOME/cairn/<log id>.forgotten` holds one random id a line, and nothing about anybody: ids of awards, marks and
disclosures that were erased. No backup of the directory brings an older one back. A receipt of `cairn-node forget` holds the
ids of that one learner, for a computer that has lost the list too.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from ledger.errors import MalformedError
from node import durable

MAX_BYTES = 256 * 1024 * 1024
_ID = re.compile(r"[a-z2-7]{16}")


def list_path(state_home: Path, log: str) -> Path:
    """Where the list of a log is."""
    return state_home / "cairn" / f"{log}.forgotten"


def read_list(path: Path) -> tuple[str, ...]:
    """The ids of a list or of a receipt; none where there is no such file.

    Raises:
        MalformedError: it is neither.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    if len(data) > MAX_BYTES:
        raise MalformedError(f"{path}: longer than {MAX_BYTES} bytes")
    ids = _from_receipt(data, path) if data.lstrip()[:1] == b"{" else data.decode("ascii", "replace").split()
    if not all(_ID.fullmatch(row_id) for row_id in ids):
        raise MalformedError(f"{path}: is neither a receipt nor a list of what was forgotten")
    return tuple(ids)


def add_to_list(path: Path, ids: Iterable[str]) -> None:
    """Add ids, durably; those that stand there already change nothing."""
    known = dict.fromkeys(read_list(path))
    wanted = known | dict.fromkeys(ids)
    if len(wanted) > len(known):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.replace_file(path, "".join(f"{row_id}\n" for row_id in wanted).encode("ascii"), mode=0o600)


def _from_receipt(data: bytes, path: Path) -> list[str]:
    try:
        ids = json.loads(data)["forgotten"]
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedError(f"{path}: is no receipt of cairn-node forget") from error
    if not isinstance(ids, list) or not all(isinstance(row_id, str) for row_id in ids):
        raise MalformedError(f"{path}: is no receipt of cairn-node forget")
    return ids
