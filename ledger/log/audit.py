"""What an auditor reports about logs that were replayed from zero.

Replaying itself is `follow.judge_growth`: a log that breaks a growth rule is refused there and never gets here. What is
left are findings: facts that a reader of the network should know. `broken` findings contradict the rules, `void` entries
had no effect, `notice` is neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import CairnError
from ledger.log.entry import parse_entry
from ledger.log.identity import LogId
from ledger.log.network import Network, has_boundary, root_of_view
from ledger.log.records import Anchor, Issue, StatusUpdate
from ledger.log.view import LogView


class Severity(StrEnum):
    """How much a finding matters."""

    BROKEN = "broken"
    VOID = "void"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about one log: where, how bad, and what, in words."""

    log: LogId
    index: int | None
    severity: Severity
    text: str


def audit_network(network: Network) -> Iterator[Finding]:
    """Yield the findings about all held logs of a network, log by log.

    Checks, for each log: (1) its head and quorum; (2) void entries, and kinds of the future; (3) entries voided by a later
    compromise; (4) every batch and document stands where the log had the rights of a member; (5) each cut is anchor, issue,
    status; (6) boundaries and anchored heads of the network lie on the held log; (7) fork evidence.
    """
    for member in network.members():
        if network.ledger.log(member.log) is None:
            yield Finding(member.log, None, Severity.NOTICE, f"the log of {member.standing.name} is not held")
    for log_id in network.ledger.log_ids():
        view = network.ledger.log(log_id)
        if view is not None:
            yield from audit_log(network, log_id, view)


def audit_log(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    """Yield the findings about one held log."""
    yield from _audit_head(network, log_id)
    yield from _audit_entries(network, log_id, view)
    yield from _audit_boundaries(network, log_id, view)
    fork = network.fork_of(log_id)
    if fork is not None:
        text = f"two histories of this log were signed; they share the first {fork.size} entries"
        if fork.decided_by is not None:
            text += f"; the network decided for the held one in its entry {fork.decided_by.index}"
        yield Finding(log_id, fork.size, Severity.NOTICE if fork.is_alarm_only else Severity.BROKEN, text)


def _audit_head(network: Network, log_id: LogId) -> Iterator[Finding]:
    try:
        answer = network.judge_head(log_id)
    except CairnError as error:
        yield Finding(log_id, None, Severity.BROKEN, str(error))
        return
    quorum = answer.quorum
    if quorum.witnesses and not quorum.has_quorum:
        text = f"the newest head has {quorum.present} of the {quorum.required} cosignatures it needs"
        yield Finding(log_id, answer.size - 1, Severity.NOTICE, text)
    if not quorum.witnesses:
        yield Finding(log_id, None, Severity.NOTICE, "no independent witness counts for this log yet")


def _audit_entries(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    state = view.state
    last_kind = ""
    for index in range(state.size):
        entry = parse_entry(view.entry(index))
        statement = entry.statement
        void = state.void_reason(entry)
        if void is not None:
            yield Finding(log_id, index, Severity.VOID, f"{statement.kind} entry is void: {void}")
        elif isinstance(statement, Issue) and statement.restates is None:
            rights = network.rights_at(log_id, index)
            if rights.reason is not None:
                yield Finding(log_id, index, Severity.NOTICE, f"batch issued although {rights.reason}")
            if last_kind != "anchor":
                yield Finding(log_id, index, Severity.NOTICE, f"a cut without its anchor: issue follows {last_kind}")
        elif isinstance(statement, StatusUpdate) and statement.restates is None and last_kind != "issue":
            yield Finding(log_id, index, Severity.NOTICE, f"a cut without its batch: status follows {last_kind}")
        if last_kind == "anchor" and not isinstance(statement, Issue):
            yield Finding(log_id, index, Severity.NOTICE, f"an anchor outside a cut: {statement.kind} follows it")
        last_kind = statement.kind if void is None or not isinstance(statement, Anchor) else last_kind
    if state.unknown is not None:
        text = "of a kind or op this version does not know: a newer cairn is needed above it"
        yield Finding(log_id, state.unknown, Severity.NOTICE, text)


def _audit_boundaries(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    membership = network.state.members
    for record in membership.records.get(log_id, ()):
        boundary = record.change.boundary
        if boundary.size > view.state.size:
            text = f"the network's entry {record.index} names a boundary above the {view.state.size} entries held"
            yield Finding(log_id, None, Severity.NOTICE, text)
        elif not has_boundary(view, boundary):
            text = f"the network's entry {record.index} names another history than the one held"
            yield Finding(log_id, boundary.size, Severity.BROKEN, text)
        anchored = [head.size for head in membership.anchored.get(log_id, ()) if head.index < record.index]
        if anchored and boundary.size < max(anchored):
            text = f"the network's entry {record.index} is retroactive: a larger head was anchored before"
            yield Finding(log_id, boundary.size, Severity.NOTICE, text)
    for head in membership.anchored.get(log_id, ()):
        if head.size <= view.state.size and root_of_view(view, head.size) != head.root:
            text = f"the network's anchor {head.index} records another tree than the one held"
            yield Finding(log_id, head.size - 1, Severity.BROKEN, text)
