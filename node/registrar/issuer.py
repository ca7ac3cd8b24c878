"""Under which id this institution issues: below its network's host, so that the id outlives its own domain (DESIGN 5)."""

from collections.abc import Iterable

from ledger.log.identity import LogId, short_log_id
from ledger.log.view import LedgerView


def find_issuer_id(ledger: LedgerView, own: LogId, networks: Iterable[LogId], http_url: str) -> str:
    """The issuer id of new credentials: `https://HOST/m/…` of the first network this log is a member of.

    Args:
        ledger: logs held here.
        own: this institution's log.
        networks: networks it belongs to or follows.
        http_url: where this node answers; before it is a member nobody would verify the id, and this is the honest one.
    """
    for network in networks:
        log = ledger.log(network)
        if log is not None and (network == own or own in log.state.members.records):
            host = log.state.url.split("://", 1)[1].split("/", 1)[0]
            return f"https://{host}/m/{short_log_id(own)}"
    return f"{http_url}/m/{short_log_id(own)}"
