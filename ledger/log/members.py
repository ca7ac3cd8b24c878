"""Membership of a network, folded from its log: who is a member with which rights, who witnesses, which heads are anchored.

Everything here follows from the network log's bytes alone. No clock is used: each `member` entry names a boundary in the
member's log, and the last one in network order whose boundary size is at most i decides for entry i of that log.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from ledger.errors import CairnError
from ledger.log.checkpoint import Checkpoint, open_cosignatures, read_checkpoint
from ledger.log.governance import NO_RIGHTS, MemberChange, MemberOp, Rights, Standing
from ledger.log.identity import LogId, short_log_id
from ledger.log.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: its cosigner key, and the log of the institution that runs it."""

    log: LogId
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class WitnessSet:
    """The witnesses in force from the network's anchor at `since` on (-1: none yet)."""

    since: int
    witnesses: tuple[Witness, ...]

    def for_log(self, log: LogId) -> tuple[Witness, ...]:
        """Give the witnesses that count for a log: all that its own operator does not run."""
        return tuple(witness for witness in self.witnesses if witness.log != log)


NO_WITNESSES = WitnessSet(-1, ())


def quorum_of(witnesses: int) -> int:
    """Give how many of so many witnesses must have cosigned: more than half, and none of none."""
    return witnesses // 2 + 1 if witnesses else 0


@dataclass(frozen=True, slots=True)
class QuorumAnswer:
    """What the cosignatures under one note amount to.

    Attributes:
        witnesses: how many witnesses count for this log.
        required: how many must have cosigned.
        present: how many did.
        seconds: the k-th smallest cosignature time (Unix seconds) with k = required; `None` without a quorum. At least
            one honest witness knew the head by then.
        fresh: the k-th largest. At least one honest witness knew no larger head even then, though a thief of a witness
            key may sign an old head with a new time.
    """

    witnesses: int
    required: int
    present: int
    seconds: int | None
    fresh: int | None = None

    @property
    def has_quorum(self) -> bool:
        """Tell whether enough independent witnesses cosigned; never with none at all."""
        return self.seconds is not None


def judge_quorum(note: bytes, log: LogId, witness_set: WitnessSet) -> QuorumAnswer:
    """Count the cosignatures of a note against the witnesses that count for its log.

    A cosignature line of a known witness that does not verify spoils the note (C2SP signed-note): it then has no quorum.
    """
    counting = witness_set.for_log(log)
    try:
        cosignatures = open_cosignatures(note, [witness.key for witness in counting])
    except CairnError:
        cosignatures = ()
    return _count(len(counting), [cosignature.seconds for cosignature in cosignatures])


def judge_by_any(sets: Sequence[WitnessSet], judge: Callable[[WitnessSet], QuorumAnswer]) -> QuorumAnswer:
    """Give the answer under the first witness set that has a quorum, else under the last."""
    answers = [judge(witnesses) for witnesses in sets]
    return next((answer for answer in answers if answer.has_quorum), answers[-1])


def judge_notes(notes: Sequence[bytes], log: LogId, witness_set: WitnessSet) -> QuorumAnswer:
    """Count the cosignatures under several notes over one checkpoint together, each witness once.

    For evidence, which anybody may pass on with lines left out or spoiled: a bad line costs only itself.
    """
    counting = witness_set.for_log(log)
    times: dict[VerifierKey, int] = {}
    for note in notes:
        for witness in counting:
            try:
                found = open_cosignatures(note, [witness.key])
            except CairnError:
                continue
            for cosignature in found:
                times[witness.key] = min(cosignature.seconds, times.get(witness.key, cosignature.seconds))
    return _count(len(counting), times.values())


def _count(witnesses: int, times: Iterable[int]) -> QuorumAnswer:
    required, ordered = quorum_of(witnesses), sorted(times)
    if not required or len(ordered) < required:
        return QuorumAnswer(witnesses, required, len(ordered), None)
    return QuorumAnswer(witnesses, required, len(ordered), ordered[required - 1], ordered[-required])


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """One effective `member` entry: its index in the network log and what it says."""

    index: int
    change: MemberChange


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """A head of some log as the network log recorded it.

    Attributes:
        index: of the network's anchor entry.
        size: of the tree the note is over.
        root: its root.
        seconds: time of its quorum under the witnesses in force there; `None` without one.
    """

    index: int
    size: int
    root: bytes
    seconds: int | None


class Membership:
    """The fold over a network's `member` and `anchor` entries. Empty for other institutions."""

    __slots__ = ("anchored", "records", "witness_sets")

    def __init__(self) -> None:
        """Start with no member, no witness, nothing anchored."""
        self.records: dict[LogId, list[MemberRecord]] = {}
        self.anchored: dict[LogId, list[AnchoredHead]] = {}
        self.witness_sets: list[WitnessSet] = [NO_WITNESSES]

    def copy(self) -> "Membership":
        """Give an independent copy."""
        copy = Membership()
        copy.records = {log: list(records) for log, records in self.records.items()}
        copy.anchored = {log: list(heads) for log, heads in self.anchored.items()}
        copy.witness_sets = list(self.witness_sets)
        return copy

    def standing_of(self, log: LogId) -> Standing | None:
        """Give a log's newest complete entry (also of a suspended or removed member); `None` if it never was one."""
        for record in reversed(self.records.get(log, ())):
            if record.change.standing is not None:
                return record.change.standing
        return None

    def is_active(self, log: LogId) -> bool:
        """Tell whether the newest entry about a log leaves it a member in good standing."""
        records = self.records.get(log)
        return bool(records) and records is not None and _is_active(records[-1].change.op)

    def deciding(self, log: LogId, index: int) -> MemberRecord | None:
        """Give the entry that decides for entry `index` of a log: the last whose boundary is not above it."""
        for record in reversed(self.records.get(log, ())):
            if record.change.boundary.size <= index:
                return record
        return None

    def naming(self, log: LogId, parting: int, held: int | None = None) -> MemberRecord | None:
        """Give the decision that names one of two histories of a log that part at entry `parting`; `None` for none.

        It is the newest whose boundary lies above the parting: a boundary below it lies on both.

        Args:
            log: which log.
            parting: index of the first entry that differs.
            held: boundaries above this size are passed over, since nobody who holds no more can judge them.
        """
        for record in reversed(self.records.get(log, ())):
            size = record.change.boundary.size
            if parting < size and (held is None or size <= held):
                return record
        return None

    def rights_at(self, log: LogId, index: int) -> Rights:
        """Give what a log may do at entry `index`; no rights where it is no member, suspended or removed."""
        record = self.deciding(log, index)
        if record is None or record.change.standing is None:
            return NO_RIGHTS
        return record.change.standing.rights

    def retroactive_below(self, record: MemberRecord) -> int | None:
        """Give the largest size that was anchored before a decision whose boundary lies below it; `None` for others.

        Such a decision reaches back: verifiers may have accepted by then what it takes away, or refused what it gives.
        """
        before = [head for head in self.anchored.get(record.change.member, ()) if head.index < record.index]
        # What no quorum stands behind was accepted by nobody, and may be of nobody's making.
        witnessed = [head for head in before if head.seconds is not None] or before
        largest = max((head.size for head in witnessed), default=0)
        return largest if record.change.boundary.size < largest else None

    def succession_of(self, log: LogId) -> MemberRecord | None:
        """Give the entry that ends a log and names its successor, if there is one."""
        for record in self.records.get(log, ()):
            if record.change.op is MemberOp.SUCCEED:
                return record
        return None

    def line_of(self, log: LogId) -> tuple[LogId, ...]:
        """Give a log, its successor, the successor's successor and so on, each once."""
        line = [log]
        while (record := self.succession_of(line[-1])) is not None:
            heir = record.change.successor
            if heir is None or heir in line:
                break
            line.append(heir)
        return tuple(line)

    def find_illegality(self, change: MemberChange) -> str | None:
        """Say why a change cannot take effect after what was decided before; `None` if it can."""
        if change.boundary.log != change.member:
            return "its boundary is in another log"
        records = self.records.get(change.member)
        last = records[-1].change.op if records else None
        if self.succession_of(change.member) is not None:
            return "the log has a successor already"
        legal = {
            MemberOp.ADMIT: last in (None, MemberOp.REMOVE),
            MemberOp.AMEND: last is not None and _is_active(last),
            MemberOp.SUSPEND: last is not None and _is_active(last),
            MemberOp.REINSTATE: last is MemberOp.SUSPEND,
            MemberOp.REMOVE: last not in (None, MemberOp.REMOVE),
            MemberOp.SUCCEED: last is not None,
        }
        if not legal[change.op]:
            return f"{change.op} does not follow {'nothing' if last is None else last}"
        if change.op is MemberOp.SUCCEED:
            successor = change.successor
            return None if successor is not None and self.is_active(successor) else "the successor is not a member"
        return None if change.standing is None else self._find_clash(change.member, change.standing)

    def _find_clash(self, member: LogId, standing: Standing) -> str | None:
        if standing.witness is not None and standing.witness.key == standing.log_key:
            return "the witness key is the log key"
        for log in self.records:
            other = None if log == member else self.standing_of(log)
            if other is None:
                continue
            if short_log_id(log) == short_log_id(member):
                return "another member's id begins with the same 22 characters"
            if other.origin == standing.origin:
                return f"origin {standing.origin} belongs to another member"
            if standing.witness is not None and other.witness is not None and other.witness.key == standing.witness.key:
                return "the witness key belongs to another member"
            taken = self._issuers_of(log) & set(standing.rights.issuers)
            if taken:
                return f"issuer id {min(taken)} belongs to another member"
        return None

    def _issuers_of(self, log: LogId) -> set[str]:
        # Also those it gave up: credentials issued under them must never become another's.
        standings = (record.change.standing for record in self.records.get(log, ()))
        return {issuer for standing in standings if standing is not None for issuer in standing.rights.issuers}

    def apply_change(self, index: int, change: MemberChange) -> None:
        """Take over a change that `find_illegality` found legal."""
        self.records.setdefault(change.member, []).append(MemberRecord(index, change))

    def named_below(self, size: int) -> tuple[Witness, ...]:
        """Give the witnesses that `member` entries below `size` name, ascending by cosigner name."""
        witnesses = []
        for log, records in self.records.items():
            before = [record.change for record in records if record.index < size]
            if not before or not _is_active(before[-1].op):
                continue
            standing = next(change.standing for change in reversed(before) if change.standing is not None)
            if standing.witness is not None:
                witnesses.append(Witness(log, standing.witness))
        return tuple(sorted(witnesses, key=lambda witness: (witness.key.name, witness.key.key)))

    def apply_anchor(self, index: int, own: LogId, notes: tuple[bytes, ...], first: Checkpoint) -> None:
        """Record the heads of one anchor, and change the witness set where its item 0 carries the quorum for it.

        Args:
            index: of the anchor entry.
            own: the network's log id.
            notes: the anchor's items; item 0 is the network's own last head.
            first: item 0, already opened under the network's log key.
        """
        current = self.witness_sets[-1]
        named = self.named_below(first.size)
        # A set in which nobody but the network's own witness is left counts for nothing here, as if there were none.
        judges = current if current.for_log(own) else WitnessSet(index, named)
        answer = judge_quorum(notes[0], own, judges)
        if answer.has_quorum and named != current.witnesses and first.size >= self._witnessed_size(own):
            current = WitnessSet(index, named)
            self.witness_sets.append(current)
        self._record(own, AnchoredHead(index, first.size, first.root, answer.seconds))
        by_origin = {standing.origin: log for log in self.records if (standing := self.standing_of(log)) is not None}
        for note in notes[1:]:
            try:
                checkpoint = read_checkpoint(note)
            except CairnError:
                continue
            log = by_origin.get(checkpoint.origin)
            if log is not None and log != own:
                seconds = judge_by_any(self.judges_of(log, index), partial(judge_quorum, note, log)).seconds
                self._record(log, AnchoredHead(index, checkpoint.size, checkpoint.root, seconds))

    def judges_of(self, log: LogId, index: int) -> tuple[WitnessSet, ...]:
        """Give the witness sets that judge the head of a member that the anchor at `index` records; any quorum counts.

        It is the one in force before it, which that anchor was made under: where it changes the set itself, nobody could
        have waited for the new one. By then notes may have been handed on that bear the new one's lines alone.
        """
        before = next(item for item in reversed(self.witness_sets) if item.since < index)
        since = next(item for item in reversed(self.witness_sets) if item.since <= index)
        return (before, since) if before.for_log(log) and before is not since else (since,)

    def _witnessed_size(self, log: LogId) -> int:
        """Largest anchored head of a log with a quorum: an older one must not bring an older witness set back."""
        return max((head.size for head in self.anchored.get(log, ()) if head.seconds is not None), default=0)

    def _record(self, log: LogId, head: AnchoredHead) -> None:
        self.anchored.setdefault(log, []).append(head)


def _is_active(op: MemberOp) -> bool:
    return op in (MemberOp.ADMIT, MemberOp.AMEND, MemberOp.REINSTATE)
