"""What an auditor reports about logs that were replayed from zero.

Replaying itself is `follow`: a log that breaks a growth rule is refused there and never gets here. What is left are
findings: facts that a reader of the network should know. `broken` findings contradict the rules, `void` entries had no
effect, `notice` is neither.

What is found about single entries stays true as a log grows, unless something later reaches back: a compromise, a
restatement, a decision of the network about this log. `Looked` remembers it together with all of that (`basis`), so that a
later audit looks at the new entries alone, or again at all of them where it must.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ledger import base64url, canonical
from ledger.errors import CairnError, ProofError, SignatureError
from ledger.log.body import parse_body
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.evidence import parse_fork, verify_fork
from ledger.log.finding import Finding, Rule, Severity
from ledger.log.follow import judge_checkpoint
from ledger.log.identity import LogId, encode_log_id
from ledger.log.network import Network, has_boundary, root_of_view
from ledger.log.records import Anchor, EvidenceEntry, Issue, StatusUpdate
from ledger.log.reports import origin_of, read_reports
from ledger.log.view import LogView

_BASIS_CONTEXT = b"cairn/audit-basis/v1\n"


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found about the first entries of a log.

    Attributes:
        basis: what else the findings rest on; with another one they have to be made anew.
        size: how many entries were looked at; fewer than the log has where one names what is not held yet.
        last_kind: kind of the last of them, empty for none.
        findings: about them.
    """

    basis: bytes
    size: int
    last_kind: str
    findings: tuple[Finding, ...]


def audit_network(network: Network) -> Iterator[Finding]:
    """Yield the findings about all held logs of a network, log by log.

    Checks, for each log: (1) its head and quorum; (2) void entries, and kinds of the future; (3) entries voided by a later
    compromise; (4) every batch and document stands where the log had the rights of a member; (5) each cut is anchor, issue,
    status; (6) heads of other held logs that it anchors are the beginnings of these; (7) boundaries and heads that the
    network's log names lie on the held log; (8) fork evidence, and that what the logs report as such proves a fork.
    """
    yield from find_missing_logs(network)
    for log_id in network.ledger.log_ids():
        view = network.ledger.log(log_id)
        if view is not None:
            yield from audit_log(network, log_id, view)


def find_missing_logs(network: Network) -> Iterator[Finding]:
    """Yield a finding for each log that the network has decided about and that is not held."""
    for member in network.members():
        if network.ledger.log(member.log) is None:
            text = f"the log of {member.standing.name} is not held"
            yield Finding(member.log, None, Severity.NOTICE, text, Rule.HELD)


def audit_log(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    """Yield the findings about one held log."""
    looked, later = look(network, log_id, view)
    yield from audit_whole(network, log_id, view)
    yield from (*looked.findings, *later)


def audit_whole(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    """Yield the findings that are not about single entries: head, unknown kinds, boundaries, anchors of it, forks."""
    yield from _audit_head(network, log_id)
    if view.state.unknown is not None:
        text = "of a kind or op this version does not know: a newer cairn is needed above it"
        yield Finding(log_id, view.state.unknown, Severity.NOTICE, text, Rule.UNKNOWN)
    yield from _audit_boundaries(network, log_id, view)
    fork = network.fork_of(log_id)
    if fork is not None:
        text = f"two histories of this log were signed; they share the first {fork.size} entries"
        if fork.decided_by is not None:
            text += f"; the network decided for the held one in its entry {fork.decided_by.index}"
        severity = Severity.NOTICE if fork.is_alarm_only else Severity.BROKEN
        heads = (fork.proof.first, fork.proof.second)
        evidence = "; ".join(
            f"checkpoint over {head.size} entries, root {base64url.encode(head.root)}" for head in heads
        )
        yield Finding(log_id, fork.size, severity, text, Rule.FORK, evidence)


def look(
    network: Network, log_id: LogId, view: LogView, before: Looked | None = None
) -> tuple[Looked, tuple[Finding, ...]]:
    """Look at the entries of a log one by one.

    Args:
        network: as it is now.
        log_id: of the log.
        view: of the log.
        before: what an earlier look at the beginning of the same log remembers.

    Returns:
        what to remember, and findings that have to be made anew next time.
    """
    basis = _basis_of(network, log_id, view)
    if before is None or before.basis != basis or before.size > view.state.size:
        before = Looked(basis, 0, "", ())
    look = _Look(network, log_id, view, before.last_kind)
    found, kept = list(before.findings), before
    for index in range(before.size, view.state.size):
        found += look.at(parse_entry(view.entry(index)))
        if not look.is_ahead:
            kept = Looked(basis, index + 1, look.last_kind, ())
    firm = tuple(item for item in found if item.index is None or item.index < kept.size)
    return Looked(basis, kept.size, kept.last_kind, firm), tuple(found[len(firm) :])


class _Look:
    """A walk over the entries of a log, in order."""

    def __init__(self, network: Network, log_id: LogId, view: LogView, last_kind: str) -> None:
        self._network = network
        self._log_id = log_id
        self._view = view
        self._origins = _held_origins(network)
        self.last_kind = last_kind
        self.is_ahead = False
        """Whether an entry so far names more of another log than is held."""

    def at(self, entry: Entry) -> Iterator[Finding]:
        index, statement, last_kind = entry.index, entry.statement, self.last_kind
        void = self._view.state.void_reason(entry)
        if void is not None:
            text = f"{statement.kind} entry is void: {void}"
            yield self._finding(entry, Severity.VOID, text, Rule.EFFECT)
        elif isinstance(statement, Issue) and statement.restates is None:
            rights = self._network.rights_at(self._log_id, index)
            # Every log cuts, also that of a network which does not list itself; its batches give nobody rights.
            is_unlisted = rights.record is None and self._log_id == self._network.trust.network
            if rights.reason is not None and not is_unlisted:
                text = f"batch issued although {rights.reason}"
                yield self._finding(entry, Severity.NOTICE, text, Rule.RIGHTS)
            if last_kind != "anchor":
                text = f"a cut without its anchor: issue follows {last_kind}"
                yield self._finding(entry, Severity.NOTICE, text, Rule.CUT)
        elif isinstance(statement, StatusUpdate) and statement.restates is None and last_kind != "issue":
            text = f"a cut without its batch: status follows {last_kind}"
            yield self._finding(entry, Severity.NOTICE, text, Rule.CUT)
        if last_kind == "anchor" and not isinstance(statement, Issue):
            text = f"an anchor outside a cut: {statement.kind} follows it"
            yield self._finding(entry, Severity.NOTICE, text, Rule.CUT)
        if isinstance(statement, Anchor) and void is None and self._log_id != self._network.trust.network:
            # What the network's own anchors record is in its state and looked at log by log, in `_audit_boundaries`.
            yield from self._at_anchor(entry)
        if isinstance(statement, EvidenceEntry) and void is None:
            yield from self._at_evidence(entry)
        self.last_kind = statement.kind if void is None or not isinstance(statement, Anchor) else last_kind

    def _at_anchor(self, entry: Entry) -> Iterator[Finding]:
        body = self._view.body(entry.index)
        for note in parse_body("anchor", body)[1:] if body is not None else ():
            yield from self._at_note(entry, note)

    def _at_note(self, entry: Entry, note: bytes) -> Iterator[Finding]:
        try:
            head = read_checkpoint(note)
        except CairnError as error:
            text = f"it anchors something that is no checkpoint: {error}"
            yield self._finding(entry, Severity.NOTICE, text, Rule.ANCHOR)
            return
        other = self._origins.get(head.origin)
        view = None if other is None else self._network.ledger.log(other)
        if other is None or view is None:
            # A head of another network, or of a log that is not held, which is told as such.
            return
        if head.size > view.state.size:
            self.is_ahead = True
            text = f"it anchors {head.size} entries of {head.origin}, of which {view.state.size} are held"
            yield self._finding(entry, Severity.NOTICE, text, Rule.ANCHOR)
            return
        try:
            judge_checkpoint(view.state, note, root_of_view(view, head.size))
        except ProofError as error:
            text = (
                f"entry {entry.index} of {self._network.name_of(self._log_id)} anchors another tree than the one held"
            )
            yield Finding(other, head.size - 1, Severity.BROKEN, text, Rule.ANCHOR, str(error))
        except CairnError as error:
            text = f"it anchors a note under the name of {head.origin} that is not its checkpoint: {error}"
            yield self._finding(entry, Severity.NOTICE, text, Rule.ANCHOR)

    def _at_evidence(self, entry: Entry) -> Iterator[Finding]:
        for number, piece in enumerate(read_reports(self._view, [entry.index])):
            origin = origin_of(piece)
            other = None if origin is None else self._origins.get(origin)
            view = None if other is None else self._network.ledger.log(other)
            if origin is not None and view is None:
                # About a log that is not held, so nobody here can tell.
                continue
            try:
                verify_fork(parse_fork(piece), () if view is None else view.state.verifier_keys())
            except CairnError as error:
                # A key that signed it may be one that is named further up than that log is held.
                self.is_ahead |= isinstance(error, SignatureError)
                text = f"item {number} of the evidence it reports proves nothing: {error}"
                yield self._finding(entry, Severity.NOTICE, text, Rule.FORK)

    def _finding(self, entry: Entry, severity: Severity, text: str, rule: Rule) -> Finding:
        evidence = f"entry {entry.index}, leaf hash {base64url.encode(entry.leaf_hash)}"
        return Finding(self._log_id, entry.index, severity, text, rule, evidence)


def _held_origins(network: Network) -> dict[str, LogId]:
    origins = {network.trust.origin: network.trust.network}
    for member in network.members():
        if network.ledger.log(member.log) is not None:
            origins.setdefault(member.standing.origin, member.log)
    return origins


def _basis_of(network: Network, log_id: LogId, view: LogView) -> bytes:
    """A hash of all that can change what is said about an entry after it was written."""
    state = view.state
    value: canonical.JSONObject = {
        "log": encode_log_id(log_id),
        "members": [
            [record.index, has_boundary(view, record.change.boundary)]
            for record in network.state.members.records.get(log_id, ())
        ],
        "network": encode_log_id(network.trust.network),
        "restated": [[index, len(items)] for index, items in sorted(state.restated.items())],
        "stolen": [
            [base64url.encode(key_id), record.stolen_since]
            for key_id, record in sorted(state.keys.records.items())
            if record.stolen_since is not None
        ],
    }
    return hashlib.sha256(_BASIS_CONTEXT + canonical.encode(value)).digest()


def _audit_head(network: Network, log_id: LogId) -> Iterator[Finding]:
    try:
        answer = network.judge_head(log_id)
    except CairnError as error:
        yield Finding(log_id, None, Severity.BROKEN, str(error), Rule.HEAD)
        return
    quorum = answer.quorum
    evidence = f"checkpoint over {answer.size} entries, root {base64url.encode(answer.root)}"
    if quorum.witnesses and not quorum.has_quorum:
        text = f"the newest head has {quorum.present} of the {quorum.required} cosignatures it needs"
        yield Finding(log_id, answer.size - 1, Severity.NOTICE, text, Rule.QUORUM, evidence)
    if not quorum.witnesses:
        text = "no independent witness counts for this log yet"
        yield Finding(log_id, None, Severity.NOTICE, text, Rule.QUORUM, evidence)


def _audit_boundaries(network: Network, log_id: LogId, view: LogView) -> Iterator[Finding]:
    membership = network.state.members
    for record in membership.records.get(log_id, ()):
        boundary = record.change.boundary
        named = f"the network's entry {record.index}"
        evidence = f"{named}: size {boundary.size}, root {base64url.encode(boundary.root)}"
        if boundary.size > view.state.size:
            text = f"{named} names a boundary above the {view.state.size} entries held"
            yield Finding(log_id, None, Severity.NOTICE, text, Rule.BOUNDARY, evidence)
        elif not has_boundary(view, boundary):
            text = f"{named} names another history than the one held"
            evidence += f"; held: root {base64url.encode(root_of_view(view, boundary.size))}"
            yield Finding(log_id, boundary.size, Severity.BROKEN, text, Rule.BOUNDARY, evidence)
        largest = membership.retroactive_below(record)
        if largest is not None:
            text = f"{named} is retroactive: a larger head was anchored before"
            evidence += f"; anchored before: size {largest}"
            yield Finding(log_id, boundary.size, Severity.NOTICE, text, Rule.BOUNDARY, evidence)
    for head in membership.anchored.get(log_id, ()):
        if head.size > view.state.size:
            text = f"the network's anchor {head.index} records {head.size} entries, {view.state.size} are held"
            yield Finding(log_id, None, Severity.NOTICE, text, Rule.ANCHOR, f"root {base64url.encode(head.root)}")
        elif (held := root_of_view(view, head.size)) != head.root:
            text = f"the network's anchor {head.index} records another tree than the one held"
            evidence = f"size {head.size}: root {base64url.encode(head.root)}, held {base64url.encode(held)}"
            yield Finding(log_id, head.size - 1, Severity.BROKEN, text, Rule.ANCHOR, evidence)
