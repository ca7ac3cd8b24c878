"""Which heads an anchor records: this log's own, then those that its institution answers for (DESIGN 5).

Logs record each other's heads, so a rewind of one contradicts another. A member records the heads of its networks; a
network those of all its members. Which logs are named follows from the network's log alone, never from what happened in
them, so an anchor says nothing about awards.
"""

from collections.abc import Callable, Iterable

from ledger.errors import RuleError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import LogId
from ledger.log.view import LedgerView


def collect_heads(
    ledger: LedgerView,
    own: LogId,
    networks: Iterable[LogId],
    newest_head: Callable[[LogId], bytes | None] | None = None,
) -> tuple[bytes, ...]:
    """The newest heads held, with all their cosignatures: own first, the others ascending by log id.

    Args:
        ledger: all logs held.
        own: this node's log.
        networks: logs of the networks it belongs to; a network's own members are read from its own log.
        newest_head: finds the newest head of a log; by default its newest note.

    Raises:
        RuleError: this node's log, or a checkpoint of it, is not held.
    """
    find = newest_head or (lambda log_id: _newest_note(ledger, log_id))
    log = ledger.log(own)
    note = None if log is None else find(own)
    if log is None or note is None:
        raise RuleError("anchor: no checkpoint of this node's own log is held")
    anchored = log.state.own_anchor
    if anchored is not None and read_checkpoint(note).size < anchored[1]:
        # Heads anchored only grow; after a change of witnesses the newest with a quorum may be an older one.
        note = log.note or note
    others = set(networks)
    if log.state.is_network:
        others |= {member for member in log.state.members.records if log.state.members.is_active(member)}
    others.discard(own)
    notes = (find(other) for other in sorted(others))
    return (note, *(found for found in notes if found is not None))


def _newest_note(ledger: LedgerView, log_id: LogId) -> bytes | None:
    log = ledger.log(log_id)
    # A member whose log has not arrived yet is left out: an anchor can only record what is held.
    return None if log is None else log.note
