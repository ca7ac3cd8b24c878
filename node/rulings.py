"""Which history of a log this node's networks named, where its key signed two (DESIGN 3).

A network rules by a `member` entry whose boundary lies above the place where the histories part: the newest such entry
counts. A node may belong to several networks; only where none of them names the history held does it follow the others. What
it cosigned stands in the name of each, so it takes that back on the word of the first that has the log as a member, or
after it: the governors of another one must not have it sign two histories for a network that has decided nothing.
The network's own log is never ruled on by itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.errors import CairnError, RuleError
from ledger.log.checkpoint import Checkpoint
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.governance import Boundary, MemberOp
from ledger.log.identity import LogId, encode_log_id
from ledger.log.members import MemberRecord
from ledger.log.merkle import root_at
from ledger.log.network import has_boundary
from ledger.log.state import LogState
from node.store.ledgerstore import LedgerStore
from node.store.logstore import LogStore

_ENDS = (MemberOp.REMOVE, MemberOp.SUCCEED)
"""After these a log is no member, and the network waits for nothing."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A network's decision that names a history of a log.

    Attributes:
        network: its name.
        index: of the `member` entry in its log.
        boundary: what the entry names.
    """

    network: str
    index: int
    boundary: Boundary


class Rulings:
    """What the networks of a node decided about the logs it holds; blocks on the disk where it says so.

    Args:
        store: the ledger store.
        networks: gives the ids of the networks whose word counts here.
    """

    def __init__(self, store: LedgerStore, networks: Callable[[], Iterable[LogId]]) -> None:
        self._store = store
        self._networks = networks

    def newest(self, log_id: LogId) -> tuple[tuple[LogId, int], ...]:
        """Give the index of each network's newest entry about a log: while it is the same, nothing new was decided."""
        return tuple((state.log_id, records[-1].index) for state, records in self._about(log_id))

    def for_other(self, log: LogStore, parting: int) -> tuple[Ruling, ...]:
        """Give the decisions for another history than the one held, where two part at entry `parting`; blocks.

        Raises:
            RuleError: a network named the history held; or, where this node cosigned that above the parting, the first
                network that has the log as a member named none.
        """
        log_id = log.state.log_id
        found: list[Ruling] = []
        silent = ""
        for state, records in self._about(log_id):
            record = state.members.naming(log_id, parting)
            if record is None:
                if not found and records[-1].change.op not in _ENDS:
                    silent = silent or state.name
                continue
            if has_boundary(log, record.change.boundary):
                raise RuleError(
                    f"log {encode_log_id(log_id)}: entry {record.index} of {state.name} names the history held here"
                )
            found.append(Ruling(state.name, record.index, record.change.boundary))
        if found and silent and log.cosigned_size() > parting:
            raise RuleError(
                f"log {encode_log_id(log_id)}: {found[0].network} names another history than the one cosigned here, and "
                f"{silent} has not decided"
            )
        return tuple(found)

    def against_held(self, log: LogStore) -> Ruling | None:
        """Give a decision for another history than the one held, as far as what is held shows it; blocks.

        It is the newest entry of a network whose boundary is not above what is held, if its root is another than held.
        """
        log_id = log.state.log_id
        for state, records in self._about(log_id):
            newest = next((item for item in reversed(records) if item.change.boundary.size <= log.size), None)
            if newest is not None and not has_boundary(log, newest.change.boundary):
                return Ruling(state.name, newest.index, newest.change.boundary)
        return None

    def is_overruled(self, log: LogStore, head: Checkpoint) -> bool:
        """Tell whether a network decided against this checkpoint and for the history held; blocks.

        So it did where evidence shows that the checkpoint contradicts one of the tree held, and that one was named.
        """
        for piece in log.evidence():
            try:
                fork = verify_fork(parse_fork(piece), log.state.verifier_keys())
            except CairnError:
                continue
            pair = {fork.first, fork.second}
            others = pair - {head}
            if head in pair and all(_has(log, other) for other in others) and self._names_held(log, fork.split):
                return True
        return False

    def _names_held(self, log: LogStore, parting: int) -> bool:
        log_id = log.state.log_id
        named = [state.members.naming(log_id, parting, log.size) for state, _ in self._about(log_id)]
        return any(record is not None and has_boundary(log, record.change.boundary) for record in named)

    def _about(self, log_id: LogId) -> Iterable[tuple[LogState, list[MemberRecord]]]:
        for network in self._networks():
            held = None if network == log_id else self._store.log(network)
            records = [] if held is None else held.state.members.records.get(log_id, [])
            if held is not None and records:
                yield held.state, records


def _has(log: LogStore, checkpoint: Checkpoint) -> bool:
    return checkpoint.size <= log.size and root_at(checkpoint.size, log.read_hashes) == checkpoint.root
