"""What an operator is told about two histories of one log: what they put in doubt, or that they are an alarm alone."""

from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import Fork, Network
from node.client.finding import Finding, FindingCode, Severity


def find_fork(network: Network, log_id: LogId, fork: Fork, *, is_own: bool) -> Finding:
    """Say what a proven fork that the network has not decided means at this node.

    Args:
        network: that judges it.
        log_id: the log that was forked.
        fork: of it.
        is_own: whether this node writes that log.
    """
    if fork.is_alarm_only:
        return _alarm(network, log_id, fork, is_own=is_own)
    return Finding(
        code=FindingCode.FORK,
        severity=Severity.PROBLEM,
        subject=encode_log_id(log_id),
        what=f"fork: {network.name_of(log_id)} signed two histories from entry {fork.size} on",
        why="this log's own key signed both: it was copied, stolen, or an older copy of DIR ran"
        if is_own
        else "the evidence is kept and passed on",
        do="stop the node, find the second copy of the key, tell the network's governors, rotate the log key"
        if is_own
        else f"tell the governors of {network.trust.name}; they decide which history counts",
    )


def _alarm(network: Network, log_id: LogId, fork: Fork, *, is_own: bool) -> Finding:
    """One history has too few cosignatures to count, as after a log was taken away from its host."""
    name, rotated = network.name_of(log_id), _rotated_at(network, log_id, fork)
    if rotated is not None:
        why = f"entry {rotated} of its log replaced that key; no verifier follows what it signs, and no verdict changes"
        do = "nothing: whoever has the old key can do no more than this"
    elif is_own and not network.judge_head(log_id).quorum.has_quorum:
        why = "this log's key signed both, and the one held here has too few itself: the other may be what verifiers follow"
        do = "stop the node, find the second copy of the key, and go on with the history that witnesses cosigned"
    elif is_own:
        why = (
            "no verifier follows that one, but somebody has this log's key: copied, stolen, or in an older copy of DIR"
        )
        do = "stop the node, find the second copy of the key, rotate the log key"
    else:
        why = "no verifier follows that one, and no verdict changes; but somebody has that log's key"
        do = f"tell {name}: its log key has to be rotated"
    return Finding(
        code=FindingCode.FORK,
        severity=Severity.PROBLEM if is_own and rotated is None else Severity.WARNING,
        subject=encode_log_id(log_id),
        what=f"alarm: {name} signed two histories from entry {fork.size} on, one of which too few witnesses cosigned",
        why=why,
        do=do,
    )


def _rotated_at(network: Network, log_id: LogId, fork: Fork) -> int | None:
    """The entry above the shared ones, of the history that is held, by which the root keys replaced the log key."""
    view = network.ledger.log(log_id)
    assert view is not None  # a fork of a log that is not held is not judged
    return next((since for since, _ in view.state.log_keys if since >= fork.size), None)
