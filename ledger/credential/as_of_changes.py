"""What became known after a moment, and by which entry: the cause of every step that is answered otherwise since."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ledger.credential import status
from ledger.credential.as_of_report import Change
from ledger.credential.report import Answer, Code, Step
from ledger.credential.verify_ledger import LedgerSteps
from ledger.credential.verify_status import find_status_change, read_entry
from ledger.credential.verify_token import TokenFindings
from ledger.errors import CairnError
from ledger.log.as_of import EarlierNetwork, known_by
from ledger.log.earlier_ledger import read_evidence
from ledger.log.identity import LogId
from ledger.log.keys import KeyId
from ledger.log.network import Network
from ledger.log.receipt import Receipt

Found = Sequence[tuple[Step, Code | None]]
Place = tuple[LogId, int]
"""A log, and the index of an entry in it."""


def find_changes(
    earlier: EarlierNetwork, token: TokenFindings, today: LedgerSteps, then: Found, now: Found, current: Found
) -> tuple[Change, ...]:
    """Give what changed since, one for each step that is answered otherwise.

    Args:
        earlier: the network as it was known.
        token: what was judged.
        today: the walk as of today.
        then: steps 5-11 as known then.
        now: the same as known today about then.
        current: the same as of today.
    """
    search = _Search(earlier, token, today)
    changes = []
    for before, about, after in zip(then, now, current, strict=True):
        reaches_back = _differs(before, about)
        if not reaches_back and not _differs(before, after):
            continue
        if before[0].answer is Answer.NOT_APPLICABLE and after[0].answer is Answer.YES:
            # Not asked then, since it was not on the ledger, which is told above.
            continue
        changed = about[0] if reaches_back else after[0]
        change = Change(step=changed.number, what=_describe(changed), reaches_back=reaches_back)
        changes.append(_locate(earlier, change, search.place(changed.number)))
    return tuple(changes)


def _differs(one: tuple[Step, Code | None], other: tuple[Step, Code | None]) -> bool:
    return (one[0].answer, one[1]) != (other[0].answer, other[1])


def _describe(step: Step) -> str:
    good = step.answer in (Answer.YES, Answer.NOT_APPLICABLE)
    return f"{'good' if good else step.answer.words}" + (f": {step.detail}" if step.detail else "")


def _locate(earlier: EarlierNetwork, change: Change, place: Place | None) -> Change:
    if place is None:
        return change
    log, index = place
    return replace(change, log=earlier.name_of(log), index=index, known_by=known_by(earlier.today, log, index))


class _Search:
    """Looks for the entry behind a change, above what was known then."""

    def __init__(self, earlier: EarlierNetwork, token: TokenFindings, today: LedgerSteps) -> None:
        self.earlier = earlier
        self.network: Network = earlier.today
        self.token = token
        self.log = today.log
        self.position: Receipt | None = today.receipt

    def place(self, step: int) -> Place | None:
        """The entry that changed the answer to a step; None where none did, or none that is held."""
        searches: dict[int, Callable[[], Place | None]] = {
            6: self._receipt,
            8: self._fork,
            9: self._rights,
            10: self._key,
            11: self._status,
        }
        return searches[step]() if step in searches else None

    def _receipt(self) -> Place | None:
        position = self.position
        view = self.network.ledger.log(self.log)
        if position is None or view is None:
            return None
        size = self.earlier.size_of(self.log)
        if position.index >= size:
            return self.log, position.index
        repairs = [item.index for item in view.state.restated.get(position.index, ()) if item.index >= size]
        if repairs:
            return self.log, max(repairs)
        try:
            signer = read_entry(self.network, self.log, view, position.index).signatures[0].key
        except CairnError:
            return None
        return self._theft(self.log, signer)

    def _theft(self, log: LogId, key: KeyId) -> Place | None:
        view = self.network.ledger.log(log)
        size = self.earlier.size_of(log)
        thefts = () if view is None else view.state.thefts
        index = max((theft.index for theft in thefts if theft.key == key and theft.index >= size), default=None)
        return None if index is None else (log, index)

    def _fork(self) -> Place | None:
        own = self.network.trust.network
        for log in dict.fromkeys((own, self.log)):
            fork = self.network.fork_of(log)
            if fork is None:
                continue
            if fork.decided_by is not None and fork.decided_by.index >= self.earlier.head.size:
                return own, fork.decided_by.index
            return self._evidence(log)
        return None

    def _evidence(self, log: LogId) -> Place | None:
        """The first entry since that holds evidence that is held about a log too."""
        view = self.network.ledger.log(log)
        held = set() if view is None else set(view.evidence())
        for other in self.network.ledger.log_ids():
            teller = self.network.ledger.log(other)
            for index in () if teller is None else teller.state.evidence:
                body = None if teller is None else teller.body(index)
                if index >= self.earlier.size_of(other) and body is not None and held & set(read_evidence(body)):
                    return other, index
        return None

    def _rights(self) -> Place | None:
        if self.position is None or self.position.index >= self.earlier.size_of(self.log):
            return None
        own, state = self.network.trust.network, self.network.state
        record = self.network.rights_at(self.log, self.position.index).record
        if record is not None and record.index >= self.earlier.head.size:
            return own, record.index
        return None if state.unknown is None else (own, state.unknown)

    def _key(self) -> Place | None:
        key = self.token.key
        return None if key is None else self._theft(self.log, key.key.id)

    def _status(self) -> Place | None:
        try:
            reference = status.parse_status_claim(self.token.payload.get("status"))
        except CairnError:
            return None
        return None if reference is None else find_status_change(self.earlier, self.network, reference)
