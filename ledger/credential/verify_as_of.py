"""The answer about a moment: what was known then, what is known about then today, and what changed (DESIGN 3, "Time").

Steps 1 to 4 are about the file in hand and were answered before; whose signature it is does not depend on the day.

*Known then*: step 5 judges the dates at the moment, steps 6 to 11 walk over the network as it was known
(`as_of.EarlierNetwork`), and also how fresh that was is judged at the moment. What came onto the ledger later was not there.

*Known today about then*: the same position and the same page, with everything that became known since. Steps 6 to 10 follow
from the position alone, so today's answers to them are about then too; step 11 reads the page of then with what is known
today about the keys that signed it.
"""

from ledger.credential.as_of_changes import find_changes
from ledger.credential.as_of_report import FILE_NOTE, AnswerThen, AsOfReport
from ledger.credential.report import Answer, Code, Step, first_code, make_step
from ledger.credential.validity import format_instant
from ledger.credential.verify_ledger import LedgerSteps
from ledger.credential.verify_status import check_status, read_entry
from ledger.credential.verify_token import TokenFindings, judge_dates
from ledger.errors import PolicyError
from ledger.log.as_of import EarlierNetwork, list_heads, look_back
from ledger.log.identity import LogId
from ledger.log.network import Network

LATER = "name a later date"
STAPLED_NOTE = "the newer status that the file brings is no part of what stood on the network's log by then"

Found = list[tuple[Step, Code | None]]


def report_as_of(
    network: Network, token: TokenFindings, today: LedgerSteps, at: int, *, has_stapled: bool = False
) -> AsOfReport:
    """Answer about a moment for a credential that was judged as of today.

    Args:
        network: as it is known today.
        token: whose issuer signature is good.
        today: steps 6-11, walked over `network`.
        at: Unix milliseconds.
        has_stapled: the file brings a status of its own.
    """
    dates = judge_dates(token.payload, at)
    try:
        earlier = look_back(network, at)
    except PolicyError as error:
        return _report_undated(network, token, dates, at, str(error))
    walk = StepsThen(earlier, token, at, today)
    walk.walk(None)
    then = [dates, *walk.found]
    now: Found = then
    if not walk.is_too_early:
        status = check_status(earlier.hindsight, token, today.log, at)
        now = [dates, *today.found[:-1], status]
    current = [token.dates or dates, *today.found]
    return AsOfReport(
        at=at,
        state=_describe(earlier, walk.log),
        known_then=_answer(token, then),
        known_now=_answer(token, now),
        changes=find_changes(earlier, token, today, then, now, current),
        notes=(FILE_NOTE, STAPLED_NOTE) if has_stapled else (FILE_NOTE,),
    )


class StepsThen(LedgerSteps):
    """The walk through steps 6-11 over a network as it was known."""

    def __init__(self, earlier: EarlierNetwork, token: TokenFindings, at: int, today: LedgerSteps) -> None:
        """Walk as of `at` (Unix ms) for a token whose steps 6-11 were answered as of today."""
        super().__init__(earlier, token, at)
        self.today = today
        self.log = today.log
        position = today.receipt
        self.is_too_early = position is not None and position.index >= earlier.size_of(position.log)
        """Whether it came onto the ledger only later."""

    def walk(self, receipt: object | None, stapled: object | None = None) -> None:
        """Answer all six steps; the position is that found today, and no newer status counts."""
        if not self.is_too_early:
            super().walk(None)
            return
        position, name = self.today.receipt, self.network.name_of(self.log)
        assert position is not None
        detail = f"it was not on the ledger then: it stands at entry {position.index} of the log of {name}"
        self._answer(6, Answer.NO, detail, LATER, Code.NOT_YET_VALID)
        # What confirms that is the network's state: of the log itself perhaps nothing was known.
        self.log: LogId = self.network.trust.network
        self._check_heads()
        self.log = self.today.log
        for number in range(8, 12):
            self._answer(number, Answer.NOT_APPLICABLE, "it was not on the ledger then")

    def _check_receipt(self, value: object | None) -> None:
        position = self.today.receipt
        view = self.network.ledger.log(self.log)
        if position is None or view is None:
            # Why it could not be placed does not depend on the day.
            self.found.append(self.today.found[0])
        elif position.index >= view.state.size:
            name, held = self.network.name_of(self.log), view.state.size
            detail = f"it stands at entry {position.index} of the log of {name}, {held} entries of then are held here"
            self._unknown(6, detail, code=Code.STALE)
        elif self._is_of_issuer(position):
            entry = read_entry(self.network, self.log, view, position.index)
            self._judge_batch(position, entry, view)

    def _tell_stale(self, seconds: int) -> None:
        detail = f"the newest state of the network that was confirmed then is of {format_instant(seconds * 1000)}"
        self._unknown(7, detail, "name a date on which the network was confirmed", Code.STALE)


def _report_undated(
    network: Network, token: TokenFindings, dates: tuple[Step, Code | None], at: int, why: str
) -> AsOfReport:
    first = next(list_heads(network), None)
    when = "" if first is None else f"; the first state that was is of {format_instant(first.seconds * 1000)}"
    remedy = "ask the network to name witnesses" if first is None else LATER
    step = make_step(7, Answer.COULD_NOT_CHECK, why + when, remedy)
    answer = _answer(token, [dates, (step, Code.NO_QUORUM)])
    return AsOfReport(at=at, state=why + when, known_then=answer, known_now=answer, notes=(FILE_NOTE,))


def _answer(token: TokenFindings, found: Found) -> AnswerThen:
    codes = [*token.lasting, *(code for _, code in found if code is not None)]
    return AnswerThen(first_code(codes), tuple(step for step, _ in found))


def _describe(earlier: EarlierNetwork, log: LogId) -> str:
    head = earlier.head
    known = f"confirmed by then: {_count(head.size)} of the log of {earlier.name_of(earlier.trust.network)}"
    known += f", by {format_instant(head.seconds * 1000)}"
    if log != earlier.trust.network:
        known += f"; {_count(earlier.size_of(log))} of the log of {earlier.name_of(log)}"
    return known


def _count(entries: int) -> str:
    return f"{entries} entr{'y' if entries == 1 else 'ies'}"
