"""Under which id this institution issues: below its network's host, so that the id outlives its own domain (DESIGN 5)."""

from collections.abc import Iterable

from ledger.log.identity import LogId, short_log_id
from ledger.log.state import LogState
from ledger.log.view import LedgerView


def find_issuer_id(ledger: LedgerView, own: LogId, networks: Iterable[LogId], http_url: str) -> str:
    """The issuer id of new credentials.

    Args:
        ledger: logs held here.
        own: this institution's log.
        networks: networks it belongs to or follows.
        http_url: where this node answers; before it is a member nobody would verify the id, and this is the honest one.
    """
    held = [view.state for network in networks if (view := ledger.log(network)) is not None]
    return choose_issuer_id(own, held) or f"{http_url}/m/{short_log_id(own)}"


def choose_issuer_id(own: LogId, networks: Iterable[LogState]) -> str | None:
    """`https://HOST/m/…` of the network that admitted this log first; None where it is a member of none.

    First by the boundary in this log, so that joining a second network never changes under which id it issues. A network
    is at home in itself.
    """
    homes = []
    for network in networks:
        records = network.members.records.get(own)
        if network.log_id == own:
            homes.append((-1, 0, network.log_id, network.url))
        elif records:
            change = records[0].change
            homes.append((change.boundary.size, change.at, network.log_id, network.url))
    if not homes:
        return None
    host = min(homes)[3].split("://", 1)[1].split("/", 1)[0]
    return f"https://{host}/m/{short_log_id(own)}"
