"""A log as its node holds it: what commands read before they draft, export or report anything."""

from dataclasses import dataclass, field

from ledger.errors import RuleError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.state import LogState
from ledger.log.view import LogView

_TRIES = 100


@dataclass(frozen=True, slots=True)
class HeldLog:
    """One log at one moment.

    Attributes:
        state: the fold over all entries held.
        note: the newest checkpoint note, over exactly `state.size` entries.
        charter: entry 0, exact bytes.
    """

    state: LogState
    note: bytes = field(repr=False)
    charter: bytes = field(repr=False)


def read_held(log: LogView) -> HeldLog:
    """Read a log that may be growing meanwhile: note and state of one and the same size.

    Raises:
        RuleError: it has no note.
    """
    for _ in range(_TRIES):
        state, note = log.state, log.note
        if note is not None and read_checkpoint(note).size == state.size:
            return HeldLog(state, note, log.entry(0))
    raise RuleError(f"log of {log.state.name}: no checkpoint over all its {log.state.size} entries is held")
