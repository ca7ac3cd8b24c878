"""What a node has to tell its operator about its public half: the findings that `cairn-node status` shows.

Each judgment reads what the tasks know anyway; nobody is asked, nothing is written. No finding means all is well. What a
finding is, and what its words promise, is told by `node.client.finding`; since when it stands, by `node.watch`.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from ledger import base64url
from ledger.errors import CairnError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.identity import encode_log_id
from ledger.log.network import Network
from node.client.finding import Finding, FindingCode, Severity
from node.clock import Clock
from node.diskspace import describe_bytes, find_low_disk
from node.forkfinding import find_fork
from node.keylist import missing_keys
from node.lastbackup import find_old_backup
from node.ledgerside import LedgerSide
from node.rulings import Rulings
from node.startup import Cause
from node.tls.report import find_certificate_trouble

SILENT_AFTER_MS = 3_600_000
_GATES = {
    Cause.PEERS_NOT_ASKED: (
        FindingCode.WAITING_FOR_PEERS,
        Severity.WARNING,
        "nothing to do where witnesses are starting too; else cairn-node doctor DIR says which do not answer",
    ),
    Cause.OLDER_COPY: (
        FindingCode.OLDER_COPY,
        Severity.PROBLEM,
        "leave it running while peers answer: it takes back what is missing; if no peer has it, restore the newest backup",
    ),
    Cause.OTHER_HISTORY: (
        FindingCode.OTHER_HISTORY,
        Severity.PROBLEM,
        "stop whatever else runs with these keys, tell the network's governors, and rotate the log key",
    ),
    Cause.NO_RECORD: (
        FindingCode.NO_SIGNING_RECORD,
        Severity.PROBLEM,
        "if no newer copy of this log exists anywhere: stop it, then once cairn-node run DIR --only-copy",
    ),
    Cause.RECORD_UNWRITABLE: (
        FindingCode.SIGNING_RECORD_UNWRITABLE,
        Severity.PROBLEM,
        "give this account the right to write there, or set XDG_STATE_HOME to a folder it may write to",
    ),
}


async def gather_findings(side: LedgerSide, clock: Clock) -> tuple[Finding, ...]:
    """Everything about the public half that somebody should look at."""
    found = [*_own_log(side), *_keys(side), *_witnesses(side), *_membership(side)]
    found += [
        *side.timekeeping.findings(),
        *_certificates(side, clock()),
        *_peers(side, clock()),
        *_quota(side),
    ]
    found += await asyncio.to_thread(
        lambda: [*_ruling(side), *_forks(side), *_find_local_trouble(side.parts.directory, clock())]
    )
    return tuple(found)


def _find_local_trouble(directory: Path, now: int) -> Iterator[Finding]:
    """What is wrong with a directory whether its node runs or not."""
    yield from find_low_disk(directory)
    yield from find_old_backup(directory, now)


def _own_log(side: LedgerSide) -> Iterator[Finding]:
    if side.sequencer.failure is not None:
        yield Finding(
            code=FindingCode.WRITE_FAILED,
            severity=Severity.PROBLEM,
            what="nothing is written",
            why=side.sequencer.failure,
            do="make room, or repair the disk: the node opens its stores again by itself, and what was acknowledged is there",
        )
    elif side.startup.reason is not None:
        code, severity, do = _GATES[side.startup.cause]
        yield Finding(code=code, severity=severity, what="nothing is signed", why=side.startup.reason, do=do)
    elif side.sequencer.refusal is not None:
        yield Finding(
            code=FindingCode.NOT_WRITING,
            severity=Severity.PROBLEM,
            what="nothing is written",
            why=side.sequencer.refusal,
            do="cure what it says: the node goes on by itself, and what was acknowledged is there",
        )


def _keys(side: LedgerSide) -> Iterator[Finding]:
    for role, consequence in missing_keys(side.log.state, side.parts.keystore):
        yield _missing_key(role, consequence)


def _missing_key(role: str, consequence: str) -> Finding:
    return Finding(
        code=FindingCode.KEY_MISSING,
        severity=Severity.PROBLEM,
        subject=role,
        what=f"no {role} key in force is on this computer",
        why=consequence,
        do="restore DIR/keys from the backup, or put a new key in force with cairn-node key",
    )


def _witnesses(side: LedgerSide) -> Iterator[Finding]:
    note = side.log.note
    answer = side.directory.quorum(side.log_id, note)
    if not answer.witnesses:
        yield _no_witnesses(side)
    elif not answer.has_quorum:
        yield Finding(
            code=FindingCode.NO_QUORUM,
            severity=Severity.PROBLEM,
            what=f"size {read_checkpoint(note).size} of the log has {answer.present} of the {answer.required} "
            "cosignatures it needs",
            why="not enough witnesses answered yet; verifiers see the state before",
            do="nothing within minutes; after that ask the institutions named as missing witnesses whether they run",
        )
    named = set(side.directory.witnesses(side.log_id))
    for witness, problem in side.cosigning.problems.items():
        if problem and witness in named:
            yield Finding(
                code=FindingCode.WITNESS_MISSING,
                severity=Severity.WARNING,
                subject=witness.key.name,
                what=f"witness {witness.key.name} did not cosign",
                why=problem,
                do="nothing while a quorum is there; else tell that institution's operator what it answered",
            )


def _no_witnesses(side: LedgerSide) -> Finding:
    what = "no independent witness is in force for this log yet"
    if not side.directory.networks():
        return Finding(
            code=FindingCode.NO_NETWORK,
            severity=Severity.WARNING,
            what=what,
            why="it belongs to no network",
            do="cairn-node join DIR --trust FILE -o request.json, then send the request to the network",
        )
    return Finding(
        code=FindingCode.NO_WITNESSES,
        severity=Severity.WARNING,
        what=what,
        why="no network has admitted it with witnesses whose first cut is anchored",
        do="wait for the network's next cut; if it was never admitted, send its governors the request again",
    )


def _membership(side: LedgerSide) -> Iterator[Finding]:
    for network in side.directory.networks():
        held = side.ledger.log(network)
        if held is None or side.log_id not in held.state.members.records:
            continue
        if not held.state.members.is_active(side.log_id):
            op = held.state.members.records[side.log_id][-1].change.op.value
            yield Finding(
                code=FindingCode.NOT_A_MEMBER,
                severity=Severity.PROBLEM,
                subject=held.state.name,
                what=f"{held.state.name} does not count this institution as a member in good standing",
                why=f"its last decision: {op}",
                do="ask the network's governors; what is issued now is not verified as authorised",
            )


def _ruling(side: LedgerSide) -> Iterator[Finding]:
    """The own log is never replaced by itself: whoever runs it has to know that what it writes does not count."""
    ruling = Rulings(side.ledger, side.directory.networks).against_held(side.log)
    if ruling is not None:
        yield Finding(
            code=FindingCode.OVERRULED,
            severity=Severity.PROBLEM,
            subject=ruling.network,
            what=f"{ruling.network} named another history of this log than the one held here: nothing written here counts",
            why=f"its entry {ruling.index} names {ruling.boundary.size} entries with fingerprint "
            f"{base64url.encode(ruling.boundary.root)}",
            do="stop the node; if that history is this institution's, recover it from a peer into a new directory and "
            "take over there with a new log key (cairn-node recover, takeover); else ask for a succession",
        )


def _forks(side: LedgerSide) -> Iterator[Finding]:
    trust = side.trust
    if trust is None:
        return
    try:
        network = Network(trust, side.ledger)
    except CairnError as error:
        yield Finding(
            code=FindingCode.NETWORK_UNREADABLE,
            severity=Severity.WARNING,
            subject=trust.name,
            what=f"the log of {trust.name} is not held as far as its trust root says",
            why=str(error),
            do="nothing in the first minutes; after that cairn-node doctor DIR says whether its nodes answer",
        )
        return
    for log_id in side.ledger.log_ids():
        fork = network.fork_of(log_id)
        if fork is not None and fork.decided_by is None:
            yield find_fork(network, log_id, fork, is_own=log_id == side.log_id)


def _certificates(side: LedgerSide, now: int) -> Iterator[Finding]:
    for report in side.certificates.reports():
        yield from find_certificate_trouble(report, now)


def _peers(side: LedgerSide, now: int) -> Iterator[Finding]:
    for report in side.followers.reports():
        if report.problem and (report.reached_at is None or now - report.reached_at > SILENT_AFTER_MS):
            since = "since the start" if report.reached_at is None else "for over an hour"
            yield Finding(
                code=FindingCode.PEER_SILENT,
                severity=Severity.WARNING,
                subject=report.address,
                since=report.reached_at,
                what=f"peer {report.address} was not reached {since}",
                why=report.problem,
                do="nothing if that institution is away for a while; else tell its operator, and check outgoing firewalls",
            )
        for log, why in report.refused.items():
            yield Finding(
                code=FindingCode.PEER_WRONG_LOG,
                severity=Severity.WARNING,
                subject=f"{report.address} {log}",
                what=f"peer {report.address} serves a wrong log {log}",
                why=why,
                do="tell that peer's operator; nothing of it was stored, other peers are asked",
            )


def _quota(side: LedgerSide) -> Iterator[Finding]:
    for log in side.puller.paused():
        text = encode_log_id(log)
        yield Finding(
            code=FindingCode.LOG_PAUSED,
            severity=Severity.WARNING,
            subject=text,
            what=f"log {text} used up its quota of {describe_bytes(side.puller.daily_bytes)} for today (UTC)",
            why="it grew more than daily_quota_mebibytes allows",
            do="nothing: it goes on tomorrow; if that institution is that busy, raise daily_quota_mebibytes in node.toml",
        )
