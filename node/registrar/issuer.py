"""Under which id this institution issues: below its network's host, so that the id outlives its own domain (DESIGN 5)."""

from collections.abc import Iterable

from ledger.log.identity import LogId, short_log_id
from ledger.log.view import LedgerView


def find_issuer_id(ledger: LedgerView, own: LogId, networks: Iterable[LogId], http_url: str) -> str:
    """The issuer id of new credentials: `https://HOST/m/…` of the network that admitted this log first.

    First by the boundary in this log, so that joining a second network never changes under which id it issues.

    Args:
        ledger: logs held here.
        own: this institution's log.
        networks: networks it belongs to or follows.
        http_url: where this node answers; before it is a member nobody would verify the id, and this is the honest one.
    """
    homes: list[tuple[int, int, LogId, str]] = []
    for network in networks:
        log = ledger.log(network)
        if log is None:
            continue
        host = log.state.url.split("://", 1)[1].split("/", 1)[0]
        if network == own:
            return f"https://{host}/m/{short_log_id(own)}"
        records = log.state.members.records.get(own)
        if records:
            change = records[0].change
            homes.append((change.boundary.size, change.at, network, host))
    return f"https://{min(homes)[3]}/m/{short_log_id(own)}" if homes else f"{http_url}/m/{short_log_id(own)}"
