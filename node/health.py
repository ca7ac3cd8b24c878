"""What a node has to tell its operator, in words: the findings that `cairn-node status` shows.

An empty list means all is well. Each finding is one sentence that says what is wrong and, where that helps, what to do.
"""

from ledger.errors import CairnError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.network import Network
from node.clock import Clock
from node.ledgerside import LedgerSide

SILENT_AFTER_MS = 3_600_000


def describe_findings(side: LedgerSide, clock: Clock) -> tuple[str, ...]:
    """Everything somebody should look at, the most pressing first."""
    return (
        *_store(side),
        *_own_log(side),
        *side.timekeeping.findings(),
        *_witnesses(side),
        *_forks(side),
        *_peers(side, clock),
        *side.certificates.findings(),
    )


def _store(side: LedgerSide) -> list[str]:
    failure = side.ledger.failure
    if not failure:
        return []
    words = f"the ledger store takes nothing since a write failed: {failure}"
    return [f"{words}; the node goes on by itself once the disk can be written"]


def _own_log(side: LedgerSide) -> list[str]:
    if side.startup.reason is not None:
        return [f"nothing is signed: {side.startup.reason}"]
    refusal = side.sequencer.refusal
    return [] if refusal is None else [f"nothing is written: {refusal}"]


def _witnesses(side: LedgerSide) -> list[str]:
    note = side.log.note
    answer = side.directory.quorum(side.log_id, note)
    found = []
    if not answer.witnesses and not side.directory.networks():
        found.append("no independent witness is in force for this log yet: it belongs to no network")
    elif not answer.witnesses:
        found.append("no independent witness is in force for this log yet")
    elif not answer.has_quorum:
        size = read_checkpoint(note).size
        found.append(f"size {size} has {answer.present} of the {answer.required} cosignatures it needs")
    for witness, problem in side.cosigning.problems.items():
        if problem:
            found.append(f"witness {witness.key.name} did not cosign: {problem}")
    return found


def _forks(side: LedgerSide) -> list[str]:
    trust = side.trust
    if trust is None:
        return []
    try:
        network = Network(trust, side.ledger)
    except CairnError as error:
        return [str(error)]
    found = []
    for log_id in side.ledger.log_ids():
        fork = network.fork_of(log_id)
        if fork is not None and fork.decided_by is None:
            found.append(
                f"fork: {network.name_of(log_id)} signed two histories from entry {fork.size} on; tell its governors"
            )
    return found


def _peers(side: LedgerSide, clock: Clock) -> list[str]:
    found = []
    for report in side.followers.reports():
        if report.problem and (report.reached_at is None or clock() - report.reached_at > SILENT_AFTER_MS):
            since = "since the start" if report.reached_at is None else "for over an hour"
            found.append(f"peer {report.address} was not reached {since}: {report.problem}")
        found += [f"peer {report.address} serves a wrong log {log}: {why}" for log, why in report.refused.items()]
        found += [f"following is paused at peer {report.address}: {why}" for why in report.paused.values()]
    return found
