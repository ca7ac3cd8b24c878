"""The ledger as this computer holds it: the remembered trust root and light replica, opened together.

A learner may have neither: then a credential can be kept and shown, but nobody here can say what the ledger knows of
it.
"""

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import MalformedError
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.policy import MAX_TRUST_ROOT_BYTES, TrustRoot, parse_trust_root
from ledger.log.view import LedgerView, LogView
from wallet_cli import files, remembered
from wallet_cli.replica import Replica
from wallet_cli.replica_key import load_key


@dataclass(frozen=True, slots=True)
class HeldLedger:
    """A trust root, the logs held of its network, the rules over both, nodes to fetch from, and the replica's folder."""

    trust: TrustRoot
    ledger: LedgerView
    network: Network
    nodes: tuple[str, ...]
    folder: Path

    def log(self, log_id: LogId) -> LogView | None:
        """Return a held log."""
        return self.ledger.log(log_id)


def open_held(folder: Path) -> HeldLedger | None:
    """Open what is remembered in a folder; None where no trust root or no replica is remembered, or the replica is
    empty.

    Raises:
        MalformedError: a remembered file has gone or is damaged.
    """
    known = remembered.load(folder)
    if known.trust is None or known.replica is None:
        return None
    try:
        trust = parse_trust_root(files.read_bounded(known.trust, MAX_TRUST_ROOT_BYTES))
    except OSError as error:
        raise MalformedError(
            f"trust root {known.trust} cannot be read: {error.strerror}", hint="put it back, or run `cairn trust FILE`"
        ) from error
    if not known.replica.is_dir():
        return None
    return read_held(trust, known.replica, known.nodes or trust.http, load_key(folder))


def read_held(trust: TrustRoot, folder: Path, nodes: tuple[str, ...], key: bytes | None) -> HeldLedger | None:
    """Open the replica in a folder under a trust root; None where the network's log is not in it yet.

    Args:
        trust: names the network.
        folder: the replica.
        nodes: to fetch from.
        key: of this account (`replica_key`).

    Raises:
        PolicyError: what is held does not contain the trust root's pinned head.
    """
    replica = Replica(folder, key)
    if replica.log(trust.network) is None:
        return None
    return HeldLedger(trust, replica, Network(trust, replica), nodes, folder)


def owns_issuer(folder: Path, issuer: str) -> bool:
    """Whether an issuer id belongs to a member of the ledger held; nobody's is known where none is."""
    held = open_held(folder)
    return held is not None and held.network.owner_of(issuer) is not None
