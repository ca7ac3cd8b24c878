"""Which trust root, replica and nodes a command works with: what its options name, else what is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.policy import TrustRoot
from wallet_cli import remembered
from wallet_cli.remembered import Remembered
from wallet_cli.trust import read_trust_root

REPLICA_NAME = "replica"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a command finds the ledger.

    Attributes:
        folder: where it is remembered.
        trust_path, trust: the trust root's file, and what it says.
        replica: folder of the light replica; it need not exist yet.
        nodes: HTTP addresses to fetch from.
    """

    folder: Path
    trust_path: Path
    trust: TrustRoot
    replica: Path
    nodes: tuple[str, ...]


def find_places(folder: Path, trust_file: str | None, replica: str | None, nodes: Sequence[str] = ()) -> Places:
    """Join what options name with what is remembered in `folder`; the trust root itself may name nodes too.

    Raises:
        MalformedError: no trust root is named or remembered, or its file cannot be read.
    """
    known = remembered.load(folder)
    trust_path = Path(trust_file).absolute() if trust_file else known.trust
    if trust_path is None:
        raise MalformedError(
            "no trust root is remembered",
            hint="say --trust FILE, or `cairn trust FILE` once; your network gives it out",
        )
    try:
        trust = read_trust_root(trust_path)
    except OSError as error:
        raise MalformedError(
            f"trust root {trust_path} cannot be read: {error.strerror}", hint="put it back, or say --trust FILE"
        ) from error
    return Places(
        folder=folder,
        trust_path=trust_path,
        trust=trust,
        replica=Path(replica).absolute() if replica else known.replica or folder / REPLICA_NAME,
        nodes=tuple(nodes) or known.nodes or trust.http,
    )


def remember(places: Places) -> None:
    """Remember these places for later commands."""
    remembered.save(places.folder, Remembered(trust=places.trust_path, replica=places.replica, nodes=places.nodes))


def find_other_replica(places: Places) -> Path | None:
    """Give the replica that is remembered if it is another one than these places have."""
    known = remembered.load(places.folder).replica
    return None if known is None or known == places.replica else known
