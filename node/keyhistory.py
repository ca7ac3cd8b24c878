"""The credential keys that speak for an institution: those of its log up to where that ended, then those of whoever goes on
with it, as the network decided.

A successor signs in the old institution's name: awards that are issued again, and status lists. Readers without a ledger
look for its keys in the old institution's documents, which the network's host serves. Readers of the ledger ask neither.
"""

from ledger.log.identity import LogId
from ledger.log.keyring import KeyRing
from ledger.log.network import Network
from ledger.log.view import LogView
from node.registrar.predecessors import EndedLog, Predecessor, end_log

MAX_ENDED = 1_000
"""Ended logs whose last state is kept ready; what stands at an end never changes."""


class KeyHistories:
    """Finds the logs; one that grew beyond its end is folded once."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._ended: dict[tuple[LogId, bytes], EndedLog] = {}

    def line_of(self, network: Network, log: LogView) -> tuple[LogView, ...]:
        """The logs in whose entries an institution's keys stand, its own first, each as far as it counts.

        Args:
            network: says who goes on with whom.
            log: the institution's, as it is held.

        Raises:
            RuleError: what is held is another history than the network named.
        """
        found = []
        for log_id in network.line_of(log.state.log_id):
            held = log if log_id == log.state.log_id else network.ledger.log(log_id)
            successor = network.successor_of(log_id)
            if held is not None and successor is not None and held.state.size > successor[1].size:
                held = self._end(network, Predecessor(successor[1], network.trust.network))
            if held is not None:
                found.append(held)
        return tuple(found)

    def _end(self, network: Network, predecessor: Predecessor) -> EndedLog:
        place = predecessor.log, predecessor.boundary.root
        if place not in self._ended:
            if len(self._ended) >= MAX_ENDED:
                self._ended.clear()
            self._ended[place] = end_log(network.ledger, predecessor)
        return self._ended[place]


def rings_of(line: tuple[LogView, ...]) -> tuple[KeyRing, ...]:
    """Their keys."""
    return tuple(log.state.keys for log in line)
