"""Whose issuer ids are whose: under the network's host by construction, else as a `member` entry lists them.

Asked for every credential, and the answer is the same for all of one issuer: it is found once, however many members a
network has.
"""

from ledger.log.identity import LogId, short_log_id
from ledger.log.state import LogState

MAX_KEPT = 1024
"""Issuer ids that are remembered; files of strangers may name any number."""


class IssuerIds:
    """The issuer ids of one network, as one state of its log gives them."""

    __slots__ = ("_by_construction", "_network", "_owners", "_state")

    def __init__(self, network: LogId, state: LogState) -> None:
        """Read them from the state of the network's log."""
        self._network = network
        self._state = state
        self._owners: dict[str, LogId | None] = {}
        self._by_construction: dict[LogId, tuple[str, ...]] = {}

    def url_of(self, log: LogId) -> str:
        """Give the issuer id that belongs to a log by construction."""
        return _url(self._state.url, log)

    def owner_of(self, issuer: str) -> LogId | None:
        """Give the log an issuer id belongs to, `None` where it is nobody's here."""
        if issuer not in self._owners:
            if len(self._owners) >= MAX_KEPT:
                self._owners.clear()
            self._owners[issuer] = self._find_owner(issuer)
        return self._owners[issuer]

    def is_own(self, log: LogId, issuer: str) -> bool:
        """Tell whether an issuer id is a log's by construction, so that no `member` entry has to list it."""
        if log not in self._by_construction:
            # An earlier host of the network's still counts: what was issued under it outlives the change.
            self._by_construction[log] = tuple(_url(url, log) for url in self._state.urls)
        urls = self._by_construction[log]
        return issuer.startswith(urls) and any(issuer == url or issuer.startswith(url + "/") for url in urls)

    def _find_owner(self, issuer: str) -> LogId | None:
        records = self._state.members.records
        for log in (*records, self._network):
            if self.is_own(log, issuer):
                return log
        claims = [
            (record.index, log)
            for log, entries in records.items()
            for record in entries
            if record.change.standing is not None and issuer in record.change.standing.rights.issuers
        ]
        return min(claims)[1] if claims else None


def _url(network_url: str, log: LogId) -> str:
    return f"https://{host_of(network_url)}/m/{short_log_id(log)}"


def host_of(url: str) -> str:
    """Give the host of an http or https URL, with its port if it names one."""
    return url.split("://", 1)[1].split("/", 1)[0]
