"""The issuer id that new credentials bear: under the network's host, so that it outlives the institution's own domain."""

from collections.abc import Sequence

from ledger.log.identity import LogId, short_log_id
from ledger.log.view import LedgerView


def find_issuer_id(ledger: LedgerView, log_id: LogId, networks: Sequence[LogId], http_url: str) -> str:
    """Give the id by which this log's copies name their issuer.

    Args:
        ledger: what is held.
        log_id: the issuer's log.
        networks: it may belong to; the first that counts it as a member decides.
        http_url: of the issuer's own node, without / at the end: before it is a member nobody would verify it anyway,
            and its own URL is the honest answer.
    """
    for network in networks:
        log = ledger.log(network)
        if log is not None and (network == log_id or log_id in log.state.members.records):
            host = log.state.url.split("://", 1)[1].split("/", 1)[0]
            return f"https://{host}/m/{short_log_id(log_id)}"
    return f"{http_url}/m/{short_log_id(log_id)}"
