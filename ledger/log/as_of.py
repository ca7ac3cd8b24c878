"""What was known of a network at a moment, and what is known today about that moment (DESIGN 3, "Time").

No entry carries a time that counts; witnesses' cosignatures do. *As of D* is the last head of the network that an `anchor`
records as its item 0, or the freshest held, if newer, whose quorum was complete at D; and every member at the size anchored
below it. A log of which nothing was anchored by then was known by its charter alone, which its id commits to.

`EarlierNetwork` answers like `Network`, from the states of then: nothing that an entry above says is known to it.
`HindsightNetwork` reads the status pages of then and knows everything else that is known today: keys declared stolen since,
boundaries set back, histories that turned out to be two.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

from ledger.duration import DAY_MS
from ledger.errors import CairnError, PolicyError, ProofError
from ledger.log.earlier import cut_pages
from ledger.log.earlier_ledger import EarlierLedger, EarlierLog, KnownHead, counting
from ledger.log.effects import StatusRecord
from ledger.log.identity import LogId
from ledger.log.members import AnchoredHead, QuorumAnswer, WitnessSet, judge_quorum
from ledger.log.merkle import RootHash
from ledger.log.network import Fork, HeadAnswer, Network, root_of_view
from ledger.log.recorded import can_be_held
from ledger.log.view import LogView

HISTORY = "run `cairn sync --history` and try again; if it stays, the nodes asked have thinned out their old pages"
THINNED_AFTER_MS = 400 * DAY_MS
"""Pages younger than this are thinned out by nobody: whoever lacks one can fetch it."""
MAX_THINNED_MS = 32 * DAY_MS
"""How much older than the page that counted one may be that is read in its place: thinning leaves the first of a month."""
MAX_MOMENTS = 16
"""Earlier heads that a network keeps: a night of files asks about one date, or a few."""


def list_heads(network: Network) -> Iterator[KnownHead]:
    """Give the heads of the network's log that have a time, oldest first."""
    own = network.trust.network
    for head in network.state.members.anchored.get(own, ()):
        if head.seconds is not None:
            yield KnownHead(head.size, head.root, head.seconds, head.index)
    try:
        freshest = network.judge_head(own)
    except CairnError:
        return
    if freshest.quorum.seconds is not None:
        yield KnownHead(freshest.size, freshest.root, freshest.quorum.seconds, None)


def look_back(network: Network, at: int) -> "EarlierNetwork":
    """Give what was known of a network at a moment; the network keeps it for the next question.

    Args:
        network: as it is known today.
        at: Unix milliseconds.

    Raises:
        PolicyError: no head of the network has a time so early, or none has any: with no witnesses nobody says when.
    """
    known = network.earlier.get(at)
    if not isinstance(known, EarlierNetwork):
        known = _find_known(network, _find_head(network, at))
        if len(network.earlier) >= MAX_MOMENTS:
            del network.earlier[next(iter(network.earlier))]
        network.earlier[at] = known
    return known


def _find_head(network: Network, at: int) -> KnownHead:
    heads = list(list_heads(network))
    before = [head for head in heads if head.seconds * 1000 <= at]
    if not heads:
        raise PolicyError("no independent witness says when any state of the network was known")
    if not before:
        raise PolicyError("no state of the network was confirmed by its witnesses so early")
    return max(before, key=lambda item: item.size)


def _find_known(network: Network, head: KnownHead) -> "EarlierNetwork":
    for known in network.earlier.values():
        if isinstance(known, EarlierNetwork) and known.head.size == head.size:
            return known
    return EarlierNetwork(network, head)


def known_by(network: Network, log: LogId, index: int) -> int | None:
    """Give when an entry was known at the latest: the time of the first network head below which it is anchored.

    Returns:
        Unix milliseconds; `None` where no such head has a time.
    """
    if log != network.trust.network:
        anchored, view = counting(network.state.members.anchored.get(log, ())), network.ledger.log(log)
        above, ruling = [head for head in anchored if head.size > index], network.ruling_on(log)
        # A head of another history of that log says nothing about an entry of this one.
        index = next((head.index for head in above if can_be_held(head, view, root_of_view, ruling)), -1)
        if index < 0:
            return None
    return min((head.seconds * 1000 for head in list_heads(network) if head.size > index), default=None)


class _LookingBack(Network):
    """What both ways of looking back share."""

    today: Network

    def name_of(self, log: LogId) -> str:
        """Give an institution's name as it is called today, so that both answers speak of the same one."""
        return self.today.name_of(log)

    def _check_pin(self) -> None:
        """Nothing to check: the tree held today contains the pinned head, and begins with every tree of then."""


class EarlierNetwork(_LookingBack):
    """A network as it was known at one of its heads."""

    def __init__(self, today: Network, head: KnownHead) -> None:
        """Look back from `today` to `head`; see `look_back`."""
        self.today = today
        self.head = head
        self._chosen: dict[tuple[LogId, int], StatusRecord] = {}
        super().__init__(today.trust, EarlierLedger(today, head))
        # What was proven to stand in today's trees stands in those of then, below their sizes.
        self.pages, self.entries = today.pages, today.entries

    @cached_property
    def hindsight(self) -> "HindsightNetwork":
        """What is known today about that moment."""
        return HindsightNetwork(self)

    def size_of(self, log: LogId) -> int:
        """Give how many entries of a log were known; the charter alone where nothing was anchored."""
        if log == self.trust.network:
            return self.head.size
        anchored = self.newest_anchor(log)
        return 1 if anchored is None else anchored.size

    def judge_head(self, log: LogId) -> HeadAnswer:
        """Give the head of a log that was known, with its quorum.

        Raises:
            PolicyError: nothing of the log was anchored, or not on the history that is held.
        """
        view = self.ledger.log(log)
        if log != self.trust.network:
            if view is None or view.note is None:
                raise PolicyError(f"no head of the log of {self.name_of(log)} stood on the network's log by then")
            return super().judge_head(log)
        known = self._heads.get(log)
        if known is None:
            note = b"" if view is None or view.note is None else view.note
            answer = HeadAnswer(self.head.size, RootHash(self.head.root), self._own_quorum(note))
            known = self._heads[log] = (note, answer)
        return known[1]

    def _own_quorum(self, note: bytes) -> QuorumAnswer:
        """Judge the network's head as the anchor that records it did (`Membership.apply_anchor`)."""
        own, index = self.trust.network, self.head.index
        sets = self.today.state.members.witness_sets
        before = next(item for item in reversed(sets) if index is None or item.since < index)
        if before.for_log(own):
            return judge_quorum(note, own, before)
        return judge_quorum(note, own, WitnessSet(self.head.size, self.state.members.named_below(self.head.size)))

    def choose_page(self, log: LogId, view: LogView, pages: Sequence[StatusRecord]) -> StatusRecord:
        """Give the newest page of then or, where that one was thinned out, the one that was left in its place.

        Raises:
            ProofError: neither is held.
        """
        newest = pages[-1]
        if (log, newest.index) not in self._chosen:
            self._chosen[log, newest.index] = self._choose(log, view, pages)
        return self._chosen[log, newest.index]

    def _choose(self, log: LogId, view: LogView, pages: Sequence[StatusRecord]) -> StatusRecord:
        newest = pages[-1]
        if self._is_held(log, view, newest):
            return newest
        wanted = known_by(self.today, log, newest.index)
        for page in reversed(pages[:-1]) if self._is_thinned(wanted) else ():
            when = known_by(self.today, log, page.index)
            if wanted is None or when is None or wanted - when > MAX_THINNED_MS:
                break
            if self._is_held(log, view, page) and not view.state.is_status_void(page):
                return page
        raise ProofError(
            f"needs history: the status page of entry {newest.index} of the log of {self.name_of(log)}, "
            "which counted then, is not held here",
            hint=HISTORY,
        )

    def _is_thinned(self, known: int | None) -> bool:
        """Tell whether a page that was known then (Unix ms) is so old that it may have been thinned out."""
        newest = max((head.seconds * 1000 for head in list_heads(self.today)), default=0)
        return known is not None and newest - known > THINNED_AFTER_MS

    def page_after(self, log: LogId, index: int) -> tuple[LogView, StatusRecord] | None:
        """Give the first page above `index` that is held today, and the log to read it in."""
        view = self.today.ledger.log(log)
        for page in () if view is None else view.state.statuses:
            if page.index > index and view is not None and self._is_held(log, view, page):
                return None if view.state.is_status_void(page) else (view, page)
        return None

    def _is_held(self, log: LogId, view: LogView, page: StatusRecord) -> bool:
        return (log, page.index) in self.pages or view.body(page.index) is not None


class _HindsightLedger:
    """All logs as they are known today, but for the pages above what was known; satisfies `LedgerView`."""

    def __init__(self, earlier: EarlierNetwork) -> None:
        self._earlier = earlier
        self._logs: dict[LogId, EarlierLog | None] = {}

    def log_ids(self) -> Sequence[LogId]:
        return self._earlier.ledger.log_ids()

    def log(self, log_id: LogId) -> EarlierLog | None:
        if log_id not in self._logs:
            view = self._earlier.today.ledger.log(log_id)
            self._logs[log_id] = None if view is None else self._open(log_id, view)
        return self._logs[log_id]

    def _open(self, log_id: LogId, view: LogView) -> EarlierLog:
        state = cut_pages(view.state, self._earlier.size_of(log_id))
        return EarlierLog(view, state, view.note, tuple(view.evidence()))


class HindsightNetwork(_LookingBack):
    """A network as it is known today, with the status pages of an earlier moment."""

    def __init__(self, earlier: EarlierNetwork) -> None:
        """Look at the moment of `earlier` with what `earlier.today` knows."""
        self.today = earlier.today
        self._earlier = earlier
        super().__init__(earlier.trust, _HindsightLedger(earlier))
        self.pages, self.entries = earlier.pages, earlier.entries

    def judge_head(self, log: LogId) -> HeadAnswer:
        """Judge the newest head held (`Network.judge_head`)."""
        return self.today.judge_head(log)

    def fork_of(self, log: LogId) -> Fork | None:
        """Give the fork known today."""
        return self.today.fork_of(log)

    def newest_anchor(self, log: LogId) -> AnchoredHead | None:
        """Give the head anchored by then: what must be held to read the pages of then."""
        return self._earlier.newest_anchor(log)

    def choose_page(self, log: LogId, view: LogView, pages: Sequence[StatusRecord]) -> StatusRecord:
        """Give the page of then (`EarlierNetwork.choose_page`)."""
        return self._earlier.choose_page(log, view, pages)

    def page_after(self, log: LogId, index: int) -> tuple[LogView, StatusRecord] | None:
        """Give the first page above `index` that is held today, and the log to read it in."""
        return self._earlier.page_after(log, index)
