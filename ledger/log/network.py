"""What a verifier concludes about a network from the logs it holds: members, rights, witnesses, heads, forks.

Everything is computed when read, from a trust root and a `LedgerView`; nothing here stops a log from growing. Answers carry
what they rest on, so that a report can say it in words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ledger.errors import PolicyError
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.effects import StatusRecord
from ledger.log.entry import Entry
from ledger.log.follow import judge_checkpoint
from ledger.log.governance import NO_RIGHTS, Boundary, MemberOp, Rights, Standing
from ledger.log.identity import LogId, short_log_id
from ledger.log.issuers import IssuerIds, host_of
from ledger.log.members import (
    AnchoredHead,
    MemberRecord,
    QuorumAnswer,
    WitnessSet,
    judge_by_any,
    judge_notes,
    judge_quorum,
    quorum_of,
)
from ledger.log.merkle import RootHash, root_at
from ledger.log.policy import QuorumRule, TrustRoot
from ledger.log.recorded import newest_recorded
from ledger.log.reports import read_reports
from ledger.log.state import LogState
from ledger.log.view import LedgerView, LogView

if TYPE_CHECKING:
    from ledger.log.evidence import VerifiedFork


@dataclass(frozen=True, slots=True)
class Member:
    """One institution the network has decided about, newest entry last."""

    log: LogId
    standing: Standing
    records: tuple[MemberRecord, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class RightsAnswer:
    """What a log may do at a position.

    Attributes:
        rights: none where `reason` is given.
        record: the `member` entry that decides, if any.
        reason: why there are no rights; `None` where there are.
    """

    rights: Rights
    record: MemberRecord | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """The newest head held of a log.

    Attributes:
        size, root: of its tree.
        quorum: what its cosignatures amount to under the witnesses that count for it.
    """

    size: int
    root: RootHash
    quorum: QuorumAnswer


@dataclass(frozen=True, slots=True)
class Fork:
    """A proven fork of a log: it begins after `size` common entries, and what each branch carries.

    Attributes:
        size: entries that both branches share, as far as is known; everything from this index on is in doubt.
        proof: the two checkpoints.
        decided_by: the `member` entry whose boundary names the held branch, if the network has decided for it.
        is_alarm_only: one branch has no quorum: an alarm about the key that changes no verdict.
    """

    size: int
    proof: "VerifiedFork"
    decided_by: MemberRecord | None
    is_alarm_only: bool

    @property
    def is_open(self) -> bool:
        """Tell whether it puts entries in doubt: both branches count, and the network has decided for none."""
        return self.decided_by is None and not self.is_alarm_only


class Network:
    """A network as one verifier sees it now."""

    def __init__(self, trust: TrustRoot, ledger: LedgerView, reporters: Sequence[LogId] = ()) -> None:
        """Look at `ledger` from `trust`.

        Args:
            trust: names the network.
            ledger: the logs held.
            reporters: logs whose `evidence` entries are read; the network's is, and each log's about itself. Whoever
                keeps a replica has put what the others report beside the logs it is about.

        Raises:
            PolicyError: the network's log is not held, or what is held does not contain the pinned head.
        """
        self.trust = trust
        self.ledger = ledger
        view = ledger.log(trust.network)
        if view is None:
            raise PolicyError(
                f"network {trust.name}: its log is not held", hint="run `cairn sync --trust FILE --node URL`"
            )
        self.view: LogView = view
        self._reporters = (trust.network, *reporters)
        self.pages: dict[tuple[LogId, int], tuple[bytes, ...]] = {}
        """Status pages and documents already checked against their entries, by log and index."""
        self.entries: dict[tuple[LogId, int], Entry] = {}
        """Entries already proven to stand in the held tree, by log and index; the reader bounds their number."""
        self.deciding: dict[LogId, object] = {}
        """Which page decides about the lists of a log, once it was found (`verify_status`)."""
        self.sets: dict[tuple[LogId | None, str], object] = {}
        """Requirement sets that were found for the log of an issuer, by name (`verify_requirements`)."""
        self.earlier: dict[int, Network] = {}
        """What was known at earlier moments, by Unix milliseconds (`as_of`)."""
        self._anchors: dict[LogId, AnchoredHead | None] = {}
        self._heads: dict[LogId, tuple[bytes, HeadAnswer]] = {}
        self._forks: dict[LogId, Fork | None] = {}
        self._issuers = IssuerIds(trust.network, view.state)
        self._check_pin()

    @property
    def state(self) -> LogState:
        """The fold over the network's log."""
        return self.view.state

    @cached_property
    def host(self) -> str:
        """The host under which the network serves its members' URLs."""
        return host_of(self.state.url)

    def issuer_url(self, log: LogId) -> str:
        """Give the issuer id that belongs to a log by construction."""
        return self._issuers.url_of(log)

    def forget(self, log: LogId) -> None:
        """Forget what was judged about a log, because more of it is held now."""
        self._heads.pop(log, None)
        # It may report a fork of any log.
        for told in (self._forks, self.deciding, self.sets, self.earlier, self._anchors):
            told.clear()
        self._issuers = IssuerIds(self.trust.network, self.state)
        for kept in (self.pages, self.entries):
            for key in [key for key in kept if key[0] == log]:
                del kept[key]

    def members(self) -> Sequence[Member]:
        """Give all institutions the network has decided about, in the order of their first entry."""
        membership = self.state.members
        found = []
        for log, records in membership.records.items():
            standing = membership.standing_of(log)
            if standing is not None:
                found.append(Member(log, standing, tuple(records), membership.is_active(log)))
        return found

    def name_of(self, log: LogId) -> str:
        """Give an institution's name: its own, with the one the network knows it by before it where that is another.

        What it calls itself is its own word, and may be another member's name.
        """
        view, standing = self.ledger.log(log), self.state.members.standing_of(log)
        own = None if view is None else view.state.name
        if standing is None:
            return own or short_log_id(log)
        return standing.name if own in (None, standing.name) else f"{standing.name} (calls itself {own})"

    def owner_of(self, issuer: str) -> LogId | None:
        """Give the log an issuer id belongs to: under the network's host by construction, else by its `member` entry."""
        return self._issuers.owner_of(issuer)

    def successor_of(self, log: LogId) -> tuple[LogId, Boundary] | None:
        """Give who took over from a log and where it ended."""
        record = self.state.members.succession_of(log)
        if record is None or record.change.successor is None:
            return None
        return record.change.successor, record.change.boundary

    def line_of(self, log: LogId) -> tuple[LogId, ...]:
        """Give a log, its successor, the successor's successor and so on, each once."""
        return self.state.members.line_of(log)

    def may_restate(self, log: LogId, other: LogId) -> bool:
        """Tell whether a page of `log` may carry a list of `other`: its own, and those of the logs it goes on with.

        A log that this network never decided about may be a member of another one, which said who goes on with it:
        here it owns nothing, and nobody reads its lists.
        """
        return log in self.line_of(other) or other not in self.state.members.records

    def is_own_issuer(self, log: LogId, issuer: str) -> bool:
        """Tell whether an issuer id is a log's by construction, so that no `member` entry has to list it."""
        return self._issuers.is_own(log, issuer)

    def rights_at(self, log: LogId, index: int) -> RightsAnswer:
        """Give what a log may do at entry `index`, by the last `member` entry whose boundary is not above it."""
        record = self.state.members.deciding(log, index)
        if record is None:
            reason = "it was not a member at that position"
            for first in self.state.members.records.get(log, [])[:1]:
                reason += f"; entry {first.index} of the network admits it from entry {first.change.boundary.size} on"
            return RightsAnswer(NO_RIGHTS, None, reason)
        change = record.change
        if change.op is MemberOp.SUCCEED:
            reason = f"its log had ended and a successor goes on{self._reaches_back(record)}"
            return RightsAnswer(NO_RIGHTS, record, reason)
        if change.standing is None:
            word = "suspended" if change.op is MemberOp.SUSPEND else "removed"
            reason = f"it was {word} from entry {change.boundary.size} on{self._reaches_back(record)}"
            return RightsAnswer(NO_RIGHTS, record, reason)
        view = self.ledger.log(log)
        if view is not None and not has_boundary(view, change.boundary):
            return RightsAnswer(NO_RIGHTS, record, "its log is not the one the network admitted")
        return RightsAnswer(change.standing.rights, record, None)

    def _reaches_back(self, record: MemberRecord) -> str:
        anchored = self.state.members.retroactive_below(record)
        return "" if anchored is None else f", which was decided only after {anchored} entries had been anchored"

    def witness_sets_for(self, log: LogId, size: int, root: RootHash) -> tuple[WitnessSet, ...]:
        """Give the witness sets that judge this head, of which any quorum counts (`members.judge_by_any`).

        A member's head is judged by the set in force where the network's log anchors it, anything else by the set at the
        freshest network head held.
        """
        members = self.state.members
        for anchored in members.anchored.get(log, ()):
            if (anchored.size, anchored.root) == (size, root) and log != self.trust.network:
                return members.judges_of(log, anchored.index)
        return (members.witness_sets[-1],)

    def judge_head(self, log: LogId) -> HeadAnswer:
        """Check the newest head held of a log: signature, root, quorum.

        Raises:
            PolicyError: the log or a checkpoint of it is not held.
            CairnError: the note held is not a checkpoint of the tree held.
        """
        view = self.ledger.log(log)
        if view is None or view.note is None:
            raise PolicyError(f"log of {self.name_of(log)}: not held", hint="run `cairn sync`")
        known = self._heads.get(log)
        if known is not None and known[0] == view.note:
            return known[1]
        checkpoint = judge_checkpoint(view.state, view.note)
        note, sets = view.note, self.witness_sets_for(log, checkpoint.size, checkpoint.root)
        quorum = judge_by_any(sets, partial(judge_quorum, note, log))
        answer = HeadAnswer(checkpoint.size, checkpoint.root, quorum)
        self._heads[log] = (view.note, answer)
        return answer

    def confirmed_head(self, log: LogId) -> HeadAnswer:
        """Give the newest head held or, while a quorum for it is missing, the one that the network's log records with one.

        So a writer whose newest entries no quorum confirms takes nothing back from what was confirmed before.

        Raises:
            CairnError: as `judge_head`.
        """
        newest, anchored, view = self.judge_head(log), self.newest_anchor(log), self.ledger.log(log)
        if self.is_head_accepted(newest) or log == self.trust.network or anchored is None or anchored.seconds is None:
            return newest
        if view is None or anchored.size > newest.size or root_of_view(view, anchored.size) != anchored.root:
            return newest
        witnesses = len(self.state.members.judges_of(log, anchored.index)[-1].for_log(log))
        needed = quorum_of(witnesses)
        quorum = QuorumAnswer(witnesses, needed, needed, anchored.seconds, anchored.seconds)
        return HeadAnswer(anchored.size, RootHash(anchored.root), quorum)

    def is_head_accepted(self, answer: HeadAnswer) -> bool:
        """Tell whether a head is good enough under the trust root's quorum rule."""
        return answer.quorum.has_quorum or self.trust.quorum is QuorumRule.NONE

    def newest_anchor(self, log: LogId) -> AnchoredHead | None:
        """Give the largest head of a log that the network's log records with a quorum (any, where there are no witnesses)."""
        if log not in self._anchors:
            heads = self.state.members.anchored.get(log, ())
            counted = [head for head in heads if head.seconds is not None] or heads
            self._anchors[log] = newest_recorded(counted, self.ledger.log(log), root_of_view, self.ruling_on(log))
        return self._anchors[log]

    def choose_page(self, log: LogId, view: LogView, pages: Sequence[StatusRecord]) -> StatusRecord:
        """Give the page to read, of at least one that counts in a log, oldest first: the newest."""
        return pages[-1]

    def page_after(self, log: LogId, index: int) -> tuple[LogView, StatusRecord] | None:
        """Give the page that follows one that is not held any more, and the log to read it in; looking back alone."""
        return None

    def fork_of(self, log: LogId) -> Fork | None:
        """Give the proven fork of a log that begins lowest, if evidence of one is held.

        Judged once: a network is one look at what is held; look again to see new evidence.
        """
        if log not in self._forks:
            self._forks[log] = self._find_fork(log)
        return self._forks[log]

    def ruling_on(self, log: LogId) -> MemberRecord | None:
        """Give the decision that names the history held of a log that has two, if there is one."""
        return None if (fork := self.fork_of(log)) is None else fork.decided_by

    def _find_fork(self, log: LogId) -> Fork | None:
        pieces = list(self.evidence_about(log))
        forks = self.judge_forks(log, pieces) if pieces else []
        # What puts entries in doubt comes first, and an alarm last: it must not hide what two quorums signed.
        return min(forks, key=lambda fork: (not fork.is_open, fork.is_alarm_only, fork.size), default=None)

    def judge_forks(self, log: LogId, pieces: Iterable[bytes]) -> list[Fork]:
        """Give every fork of a held log that these pieces of evidence prove, and what each branch carries."""
        view = self.ledger.log(log)
        if view is None:
            return []
        # Imported where there is evidence, which is hardly ever: every cold command is five milliseconds sooner there.
        from ledger.log.evidence import gather_forks

        proven = gather_forks(pieces, view.state.verifier_keys())
        notes = {head: list(shown) for head, shown in proven.notes.items()}
        if proven.forks and view.note is not None:
            notes.setdefault(read_checkpoint(view.note), []).append(view.note)
        return [self._judge_fork(log, view, fork, notes) for fork in proven.forks]

    def evidence_about(self, log: LogId) -> Iterator[bytes]:
        """Give all evidence at hand that may be about a log; none of it is verified."""
        view = self.ledger.log(log)
        yield from () if view is None else view.evidence()
        for reporter in dict.fromkeys((*self._reporters, log)):
            view = self.ledger.log(reporter)
            if view is not None:
                yield from read_reports(view)

    def _judge_branch(self, log: LogId, head: Checkpoint, notes: list[bytes]) -> QuorumAnswer:
        sets = self.witness_sets_for(log, head.size, head.root)
        return judge_by_any(sets, partial(judge_notes, notes, log))

    def _judge_fork(
        self, log: LogId, view: LogView, fork: "VerifiedFork", notes: dict[Checkpoint, list[bytes]]
    ) -> Fork:
        quorums = [self._judge_branch(log, head, notes[head]) for head in (fork.first, fork.second)]
        alarm = any(quorum.witnesses and not quorum.has_quorum for quorum in quorums)
        size = fork.common
        if size is None:
            times = [quorum.seconds for quorum in quorums if quorum.seconds is not None]
            earlier = [
                head.size
                for head in self.state.members.anchored.get(log, ())
                if head.seconds is not None and (not times or head.seconds < min(times))
            ]
            # Entry 0 is what the log id names: no two histories of one log differ there.
            size = max(1, min(max(earlier, default=0), fork.split))
        decision = self.state.members.naming(log, fork.split, view.state.size)
        is_for_held = decision is not None and has_boundary(view, decision.change.boundary)
        return Fork(size, fork, decision if is_for_held else None, alarm)

    def _check_pin(self) -> None:
        trust, state = self.trust, self.state
        if state.size < trust.head_size:
            raise PolicyError(
                f"network {trust.name}: {state.size} entries held, the trust root pins a head of {trust.head_size}",
                hint="run `cairn sync`",
            )
        root = root_of_view(self.view, trust.head_size)
        if root != trust.head_root:
            raise PolicyError(f"network {trust.name}: the log held is not the one the trust root pins")
        pinned = next(item for item in reversed(state.members.witness_sets) if item.since < trust.head_size)
        if trust.witnesses and set(trust.witnesses) != set(pinned.witnesses):
            raise PolicyError(f"network {trust.name}: its log names other witnesses than the trust root pins")


def root_of_view(view: LogView, size: int) -> RootHash:
    """Give the root of the first `size` held entries."""
    return view.state.frontier.root() if size == view.state.size else root_at(size, view.read_hashes)


def has_boundary(view: LogView, boundary: Boundary) -> bool:
    """Tell whether a held log passes through a boundary, as far as it is held."""
    if boundary.size > view.state.size:
        return False
    return root_of_view(view, boundary.size) == boundary.root
