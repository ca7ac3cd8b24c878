"""Fork evidence in plain words: for somebody who has to act on it and has never seen a ledger."""

from collections.abc import Iterator

from ledger import base64url
from ledger.log.identity import encode_log_id
from wallet_cli.audit_report import at_second
from wallet_cli.evidence import Branch, EvidenceFinding, ProvenFork
from wallet_cli.terminal import count

NOT_PROVEN = (
    "that the log is that of the institution it is called after: anybody can found one under any name; its log id tells",
    "who did it: the operator of the log, or somebody who copied or stole its key",
    "which of the two histories is the true one; the network decides that, in its own log",
    "when the log's key signed: only cosignatures carry times, each by its witness's clock",
    "anything about a learner, or whether any credential is true",
)


def to_lines(finding: EvidenceFinding) -> Iterator[str]:
    """Give a finding as text, escaping left to whoever prints."""
    yield f"Proven: two histories of the log of {finding.name} ({finding.origin}) were signed"
    yield ""
    yield "What is claimed"
    yield f"  A ledger has one history; its key promises so. The key of {finding.name} signed two that cannot both be true."
    yield ""
    yield "Whose key"
    yield f"  {_whose_key(finding)}"
    yield f"  log id {encode_log_id(finding.log)}; compare it with what the institution or its network publishes"
    if finding.is_member is not None:
        is_member = "knows" if finding.is_member else "does not know"
        yield f"  {finding.network} {is_member} this log, as far as its ledger is held here"
    for number, fork in enumerate(finding.forks, 1):
        yield ""
        title = f"Contradiction {number}" if len(finding.forks) > 1 else "The contradiction"
        yield from _fork_lines(fork, title, has_replica=finding.is_member is not None)
    yield ""
    yield "What this does not prove"
    for line in NOT_PROVEN:
        yield f"  {line}"


def to_summary(finding: EvidenceFinding) -> str:
    """Give a finding in one line."""
    begins = min((fork.begins for fork in finding.forks if fork.begins is not None), default=None)
    where = "" if begins is None else f"; they share the first {count(begins, 'entry', 'entries')}"
    return f"{finding.name} ({finding.origin}): two histories were signed{where}"


def to_json(finding: EvidenceFinding) -> dict[str, object]:
    """Give a finding as plain values."""
    return {
        "forks": [_fork_json(fork) for fork in finding.forks],
        "is_member": finding.is_member,
        "log": encode_log_id(finding.log),
        "name": finding.name,
        "network": finding.network,
        "not_proven": list(NOT_PROVEN),
        "origin": finding.origin,
        "proven": True,
        "stands_alone": finding.stands_alone,
    }


def _whose_key(finding: EvidenceFinding) -> str:
    if finding.stands_alone:
        return (
            "both are signed by the key that the log's own charter, or its root keys since, name; the file holds them"
        )
    if finding.is_member is not None:
        return "both are signed by a key that the log held here names as its own"
    return "both are signed by the key that your trust root names"


def _fork_lines(fork: ProvenFork, title: str, *, has_replica: bool) -> Iterator[str]:
    yield title
    yield from _branch_lines("first ", fork.first)
    yield from _branch_lines("second", fork.second)
    if fork.first.size == fork.second.size:
        yield f"  Both are over {count(fork.first.size, 'entry', 'entries')}, and their fingerprints differ."
    else:
        yield f"  Entry {fork.split} is another one in each; the proofs that both stand there hold."
    yield ""
    yield "Where it begins"
    yield f"  {_beginning(fork)}"
    yield ""
    yield "What it means for credentials"
    for line in _meaning(fork, has_replica=has_replica):
        yield f"  {line}"


def _branch_lines(name: str, branch: Branch) -> Iterator[str]:
    yield f"  {name} {count(branch.size, 'entry', 'entries')}, fingerprint {base64url.encode(branch.root)}"
    for witness, seconds in branch.cosigned:
        yield f"           cosigned by {witness}, {at_second(seconds)}"
    if not branch.cosigned:
        yield "           no cosignature that could be checked here, so nothing tells when"
    if branch.unknown:
        yield f"           cosigners whose keys are not known here: {', '.join(branch.unknown)}"
    if branch.required:
        enough = "enough to count" if branch.has_quorum else "too few to count"
        yield f"           {branch.present} independent cosignatures, {branch.required} needed: {enough}"


def _beginning(fork: ProvenFork) -> str:
    is_doubted = fork.decided_by is None and not fork.is_alarm_only
    if fork.common is not None:
        text = f"Both histories share the first {count(fork.common, 'entry', 'entries')}: that is proven here."
    elif fork.begins is not None:
        shared = count(fork.begins, "entry", "entries")
        text = f"Not proven here; taken as shared are the first {shared}, recorded by the network before."
    else:
        return f"Not shown here: at entry {max(fork.split, 0)} or below. The ledger of the network tells more."
    return f"{text} From entry {fork.begins} on they {'are in doubt' if is_doubted else 'differ'}."


def _meaning(fork: ProvenFork, *, has_replica: bool) -> Iterator[str]:
    begins = "the place where it begins" if fork.begins is None else f"entry {fork.begins}"
    if fork.decided_by is not None:
        yield f"The network has decided, in entry {fork.decided_by} of its log: the history held here counts, as if the other"
        yield "had never been. Credentials of the other history are not on the ledger."
        return
    if fork.is_alarm_only:
        yield "One of the two has too few cosignatures to count, so no verifier follows it: no credential changes. It is an"
        if fork.has_old_key:
            yield "alarm about the key. One of the two is signed by a key that the institution's root keys have replaced"
            yield "since; where that is the one with too few, nothing has to be done: the old key can do no more than this."
        else:
            yield "alarm about the key: whoever has it may try again. The institution should replace it."
        if not has_replica:
            yield "That is by the witnesses your trust root names. The network may have named others since, whose"
            yield "cosignatures count too: judge it again with a replica (cairn sync) before you rely on it."
        return
    if fork.is_alarm_only is None:
        yield "If both histories have enough independent cosignatures (not known here; a replica tells):"
    yield f"Recorded below {begins}: they stay good; their status is read as it was there."
    yield f"Recorded from {begins} on: nobody can tell (FORKED_LOG) until the network's log names the history that counts."


def _fork_json(fork: ProvenFork) -> dict[str, object]:
    return {
        "alarm_only": fork.is_alarm_only,
        "begins": fork.begins,
        "common": fork.common,
        "decided_by": fork.decided_by,
        "first": _branch_json(fork.first),
        "has_old_key": fork.has_old_key,
        "second": _branch_json(fork.second),
        "split": fork.split,
    }


def _branch_json(branch: Branch) -> dict[str, object]:
    return {
        "cosigned": [{"name": name, "seconds": seconds} for name, seconds in branch.cosigned],
        "has_quorum": branch.has_quorum,
        "not_checked": list(branch.unknown),
        "present": branch.present,
        "required": branch.required,
        "root": base64url.encode(branch.root),
        "size": branch.size,
    }
