"""Exporting the trust root of a node's network, once a head of it has the quorum that is asked for."""

import asyncio
import time
from collections.abc import Sequence

from ledger.errors import PolicyError
from ledger.log.identity import LogId, encode_log_id
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.state import LogState
from node.access import open_access
from node.home import Home
from node.pinning import pin_network
from node.trust import load_trust_roots

POLL_SECONDS = 0.1


async def export_trust_root(home: Home, quorum: QuorumRule, wanted: str | None, wait_seconds: float) -> TrustRoot:
    """Give the trust root that pins the newest head of a network this node is, belongs to, or follows.

    Args:
        home: the node's directory; it may run or not.
        quorum: what verifiers shall demand.
        wanted: name or log id of the network; None for the node's own, or the only one it follows.
        wait_seconds: how long to wait for cosignatures that a running node gathers.

    Raises:
        PolicyError: no such network, or no head with a quorum.
    """
    async with open_access(home) as access:
        roots = tuple(load_trust_roots(home.directory, home.config.networks).values())
        network = _choose((await access.held_log()).state, roots, wanted)
        end = time.monotonic() + (wait_seconds if home.is_running() else 0)
        while True:
            held = await access.held_log(network)
            try:
                return pin_network(held, quorum)
            except PolicyError:
                # Cosignatures come in the background; without any witness in force there is nothing to wait for.
                if time.monotonic() > end or not held.state.members.witness_sets[-1].witnesses:
                    raise
            await asyncio.sleep(POLL_SECONDS)


def _choose(own: LogState, roots: Sequence[TrustRoot], wanted: str | None) -> LogId:
    known = {own.log_id: own.name} if own.is_network else {}
    if wanted is None and known:
        return own.log_id
    known.update({root.network: root.name for root in roots})
    chosen = [log for log, name in known.items() if wanted in (None, name, encode_log_id(log))]
    if len(chosen) == 1:
        return chosen[0]
    if not known:
        raise PolicyError("trust: this node belongs to no network", hint="cairn-node join DIR --trust FILE -o REQUEST")
    raise PolicyError(f"trust: which network: {', '.join(known.values())}?", hint="say --network NAME")
