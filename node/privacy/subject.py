"""What an explanation is made from: a node's log, those of its networks, its settings, and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger.log.entry import parse_entry
from ledger.log.state import LogState
from node.client.held import HeldLog
from node.config import NodeConfig


@dataclass(frozen=True, slots=True)
class Subject:
    """A node that is explained.

    Attributes:
        own: the fold over its log.
        founded_at: what its charter gives as its time, Unix ms.
        networks: the folds over the logs of its networks, each once.
        config: its node.toml.
        now: Unix ms.
    """

    own: LogState
    founded_at: int
    networks: tuple[LogState, ...]
    config: NodeConfig
    now: int

    @property
    def slots(self) -> int:
        """Slots of all status lists on the newest page, which is its length in bytes."""
        return sum(self.own.lists.values())

    @property
    def own_lists(self) -> tuple[int, ...]:
        """Numbers of the lists this log has opened itself."""
        return tuple(sorted(number for log, number in self.own.lists if log == self.own.log_id))

    @property
    def inherited_lists(self) -> int:
        """How many lists it goes on with for logs that ended."""
        return len(self.own.lists) - len(self.own_lists)

    @property
    def opening_days(self) -> int:
        """How often the charter's day on which a list opens has come since the founding."""
        opens = self.own.charter.lists.opens
        first, last = _day(self.founded_at), _day(self.now)
        days = (date(year, int(opens[:2]), int(opens[3:])) for year in range(first.year, last.year + 1))
        return sum(first < day <= last for day in days)

    @property
    def most_learners(self) -> int:
        """The most learners that batch and lists were made for: a bound that everybody can read in the charter."""
        sizes = [policy.size for _, policy in self.own.batches]
        return min(max(sizes), self.own.charter.lists.slots // SLOTS_PER_LEARNER)

    @property
    def restatements(self) -> int:
        """How many entries were stated again after a theft."""
        return sum(map(len, self.own.restated.values()))


SLOTS_PER_LEARNER = 32
"""What `init --learners` takes for each."""


def make_subject(own: HeldLog, networks: Sequence[HeldLog], config: NodeConfig, now: int) -> Subject:
    """Put together what an explanation is made from; `now` in Unix ms."""
    return Subject(
        own.state, parse_entry(own.charter).statement.at, tuple(held.state for held in networks), config, now
    )


def _day(milliseconds: int) -> date:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).date()
