"""Which status pages of a log count, and so have to be held: the newest, and the newest below where the log is cut short.

A log is cut short where a successor took over, and where an open fork begins: credentials from before are read there
(DESIGN 3 and 4). `ledger.credential.verify_status` reads these pages and no others.
"""

from ledger.errors import CairnError
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.policy import TrustRoot
from wallet_cli.replica import Replica


def find_needed_pages(trust: TrustRoot, replica: Replica, log_id: LogId) -> frozenset[int]:
    """Give the indexes of the `status` entries of a held log whose pages count."""
    held = replica.log(log_id)
    if held is None:
        return frozenset()
    limits = {held.size}
    try:
        network = Network(trust, replica)
    except CairnError:
        # Without the network's log nobody can tell more.
        network = None
    if network is not None:
        heir, fork = network.successor_of(log_id), network.fork_of(log_id)
        end = held.size if heir is None else min(held.size, heir[1].size)
        limits.add(end)
        if fork is not None and fork.is_open:
            limits.add(min(end, fork.size))
    pages = [max((page.index for page in held.state.statuses if page.index < limit), default=None) for limit in limits]
    return frozenset(index for index in pages if index is not None)
