"""The logs that this institution goes on with, as its networks say, and where each of them ends (DESIGN 3 "Succession").

Read from the networks' logs whenever it is asked, like everything about members. A log ends at the boundary of its
`succeed` entry: what its writer signs above that is nobody's word, and is not read here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import RuleError
from ledger.log.entry import parse_entry
from ledger.log.governance import Boundary
from ledger.log.identity import LogId, encode_log_id
from ledger.log.merkle import HashReader
from ledger.log.network import has_boundary
from ledger.log.state import LogState, found_state
from ledger.log.view import LedgerView, LogView
from node.registrar.page import PublishedPage, read_published


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A log that ended, and where; `network` is the one that says so."""

    boundary: Boundary
    network: LogId

    @property
    def log(self) -> LogId:
        """Its id."""
        return self.boundary.log


class EndedLog:
    """A held log as it was at its end; satisfies `LogView`."""

    def __init__(self, log: LogView, state: LogState) -> None:
        """See `end_log`."""
        self._log = log
        self.state = state

    @property
    def note(self) -> bytes | None:
        """Its newest checkpoint, where that is its end."""
        return self._log.note if self._log.state.size == self.state.size else None

    @property
    def read_hashes(self) -> HashReader:
        """Of the whole log; a tree of `state.size` entries is read from the same hashes."""
        return self._log.read_hashes

    def entry(self, index: int) -> bytes:
        """Give an entry below the end."""
        if not 0 <= index < self.state.size:
            raise IndexError(index)
        return self._log.entry(index)

    def body(self, index: int) -> bytes | None:
        """Give the body of an entry below the end."""
        return self._log.body(index) if index < self.state.size else None

    def evidence(self) -> Sequence[bytes]:
        """Give the evidence held about it."""
        return self._log.evidence()


def find_predecessors(ledger: LedgerView, own: LogId, networks: Iterable[LogId]) -> dict[LogId, Predecessor]:
    """Every log whose line of successors leads here in one of the networks, nearest first."""
    found: dict[LogId, Predecessor] = {}
    for network in networks:
        view = ledger.log(network)
        if view is None:
            continue
        members = view.state.members
        ends = {
            log: record.change
            for log in members.records
            if (record := members.succession_of(log)) is not None and record.change.successor is not None
        }
        heirs = [own]
        for heir in heirs:
            for log, change in ends.items():
                if change.successor == heir and log not in heirs:
                    heirs.append(log)
                    found.setdefault(log, Predecessor(change.boundary, network))
    found.pop(own, None)
    return found


def find_undecided(ledger: LedgerView, own: LogId, networks: Iterable[LogId], log: LogId) -> tuple[str, ...]:
    """Names of networks that know both institutions, and do not say that this one goes on with that log.

    Their verifiers would count no page of ours that restates its lists, for our own credentials either.
    """
    names = []
    for network in networks:
        view = ledger.log(network)
        if view is None or log not in view.state.members.records:
            continue
        if (network == own or own in view.state.members.records) and log not in find_predecessors(
            ledger, own, [network]
        ):
            names.append(view.state.name)
    return tuple(names)


def end_log(ledger: LedgerView, predecessor: Predecessor) -> EndedLog:
    """A predecessor's log up to its end.

    Raises:
        RuleError: it is not held that far, or what is held is another history than the network named.
    """
    text, boundary = encode_log_id(predecessor.log), predecessor.boundary
    log = ledger.log(predecessor.log)
    if log is None or log.state.size < boundary.size:
        size = 0 if log is None else log.state.size
        raise RuleError(
            f"log {text}: {size} of its {boundary.size} entries are held here",
            hint="cairn-node run DIR fetches the rest from whoever has it; then try again",
        )
    if not has_boundary(log, boundary):
        raise RuleError(
            f"log {text}: what is held is not the history that ended at entry {boundary.size}",
            hint="two histories of it were signed; recover the right one from a peer that has it",
        )
    return EndedLog(log, log.state if log.state.size == boundary.size else _fold(log, boundary.size))


def last_pages(ledger: LedgerView, own: LogId, networks: Iterable[LogId]) -> list[PublishedPage]:
    """The last status page of each predecessor that is held to its end, nearest first."""
    pages = []
    for predecessor in find_predecessors(ledger, own, networks).values():
        try:
            page = read_published(end_log(ledger, predecessor))
        except RuleError:
            # Whoever needs it and does not find it says so.
            continue
        pages += [] if page is None else [page]
    return pages


def _fold(log: LogView, size: int) -> LogState:
    state = found_state(parse_entry(log.entry(0)))
    for index in range(1, size):
        # Checked when they were stored; only what they amount to is asked here.
        state.apply(parse_entry(log.entry(index)), log.body(index), is_prechecked=True)
    return state
