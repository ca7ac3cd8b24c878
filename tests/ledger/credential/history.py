"""A small world with days: what is written on one is confirmed, dated and anchored on that day."""

from typing import Any

from ledger.credential.as_of_report import AsOfReport
from ledger.credential.report import CredentialReport
from ledger.log.note import parse_note
from tests.ledger.credential.verifying import DAY, SECONDS, Minted, World
from tests.simulator import NOW


class History(World):
    """The world of `verifying`, whose heads are confirmed on the day it is."""

    def __init__(self) -> None:
        super().__init__()
        self.day = 0

    def on(self, day: int) -> "History":
        """Let the days until then pass: on each the network records what there is."""
        while self.day + 1 < day:
            self.day += 1
            self.confirm()
        self.day = day
        return self

    def confirm(self, seconds: int | None = None) -> None:
        """Everybody cosigns all heads that nobody has yet, the network records them and is cosigned again."""
        at = SECONDS + self.day * 86_400 if seconds is None else seconds
        for log in self.logs:
            # A head that was cosigned keeps its day: what the next anchor records is not confirmed anew.
            if log.note is None or len(parse_note(log.note).signatures) == 1:
                log.sign([other for other in self.logs if other is not log], at)
        self.network.anchor([log.note or b"" for log in self.logs[1:]])
        self.network.sign(self.logs[1:], at)

    def ask(self, one: Minted, day: int, **question: Any) -> CredentialReport:
        """Present a copy on the day it is now, and ask what was known at the end of another."""
        now = NOW + self.day * DAY
        data = self.present(one, created=now + 1000, expires=now + 30 * DAY)
        return self.verify(data, now=now + 60_000, as_of=end_of(day), **question).credentials[0]

    def look_back(self, one: Minted, day: int, **question: Any) -> AsOfReport:
        found = self.ask(one, day, **question).as_of
        assert found is not None
        return found


def end_of(day: int) -> int:
    """A moment after everything of that day."""
    return NOW + day * DAY + 60_000
