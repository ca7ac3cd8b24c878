"""What `trust` and `sync` remember for later commands: the trust root, the light replica, the nodes to ask.

A small plain file `remembered.json` beside the vault (by default in `~/.cairn`): public facts and paths only, so that
an admissions officer who has no vault and no passphrase can verify. Written by temporary file, sync and rename.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from wallet_cli import files

FILE_NAME = "remembered.json"
MAX_BYTES = 1 << 16
DEFAULT_VAULT = Path("~/.cairn/vault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Places a command falls back to when its options do not name them.

    Attributes:
        trust: absolute path of the trust root file.
        replica: absolute path of the light replica folder.
        nodes: HTTP addresses, in the order they were given.
    """

    trust: Path | None = None
    replica: Path | None = None
    nodes: tuple[str, ...] = ()


def folder_of(vault: Path | None = None) -> Path:
    """Return the folder that holds the vault and what is remembered beside it."""
    return (vault or DEFAULT_VAULT).expanduser().absolute().parent


def load(folder: Path) -> Remembered:
    """Return what is remembered in a folder, nothing where there is no such file.

    Raises:
        MalformedError: the file is not one that `save` wrote.
    """
    path = folder / FILE_NAME
    try:
        data = files.read_bounded(path, MAX_BYTES)
    except FileNotFoundError:
        return Remembered()
    try:
        value = json.loads(data)
        nodes = value.get("nodes", [])
        return Remembered(
            trust=_path(value.get("trust")),
            replica=_path(value.get("replica")),
            nodes=tuple(str(node) for node in nodes),
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedError(f"{path} cannot be read", hint="delete it and run `cairn sync` again") from error


def save(folder: Path, remembered: Remembered) -> None:
    """Write what is to be remembered, creating the folder (mode 0700) if it is not there."""
    value = {
        "nodes": list(remembered.nodes),
        "replica": str(remembered.replica) if remembered.replica else "",
        "trust": str(remembered.trust) if remembered.trust else "",
    }
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_atomically(folder / FILE_NAME, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str) and value else None
