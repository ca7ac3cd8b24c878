"""Which of two histories of a log the network named: whether a light replica that holds the other one goes over (DESIGN 3).

The newest `member` entry whose boundary lies above the place where the histories part decides. Nothing is fetched or
written here; the branch was judged whole before.
"""

from ledger.log.follow import Growth
from ledger.log.members import MemberRecord
from ledger.log.merkle import Frontier
from ledger.log.network import has_boundary
from ledger.log.state import LogState
from wallet_cli.replica import ReplicaLog


def may_be_overruled(network: LogState, held: ReplicaLog) -> bool:
    """Tell whether the network named anything about a log that what is held does not show: then it is worth fetching."""
    records = network.members.records.get(held.state.log_id, ())
    return any(not has_boundary(held, record.change.boundary) for record in records)


def find_ruling(network: LogState, held: ReplicaLog, branch: Growth) -> MemberRecord | None:
    """Give the decision that names a branch and not what is held; `None` if there is none.

    Args:
        network: its state.
        held: one history.
        branch: another one, judged whole from entry 0 on.
    """
    parting = _find_parting(held, branch)
    record = None if parting is None else network.members.naming(held.state.log_id, parting)
    if record is None or has_boundary(held, record.change.boundary):
        return None
    boundary = record.change.boundary
    if boundary.size > len(branch.entries):
        return None
    frontier = Frontier()
    frontier.extend([entry.leaf_hash for entry in branch.entries[: boundary.size]])
    return record if frontier.root() == boundary.root else None


def _find_parting(held: ReplicaLog, branch: Growth) -> int | None:
    common = min(held.size, len(branch.entries))
    ours = held.read_hashes([(0, index) for index in range(common)])
    return next((index for index in range(common) if ours[index] != branch.entries[index].leaf_hash), None)
