"""What the rules need to see of held logs, whoever holds them: a node's store, a light replica, an auditor's memory."""

from collections.abc import Sequence
from typing import Protocol

from ledger.log.identity import LogId
from ledger.log.merkle import HashReader
from ledger.log.state import LogState


class LogView(Protocol):
    """One held log, as far as it was checked."""

    @property
    def state(self) -> LogState:
        """The fold over all held entries."""
        ...

    @property
    def note(self) -> bytes | None:
        """The newest checkpoint note held, over exactly `state.size` entries, with all cosignatures known."""
        ...

    @property
    def read_hashes(self) -> HashReader:
        """Reads hashes of complete subtrees of the held tree."""
        ...

    def entry(self, index: int) -> bytes:
        """Give the exact bytes of an entry (`IndexError` where it is not held)."""
        ...

    def body(self, index: int) -> bytes | None:
        """Give the encoded body of an entry; `None` where it has none or it is not held."""
        ...

    def evidence(self) -> Sequence[bytes]:
        """Give the fork evidence held about this log, each as `evidence.encode_fork` writes it."""
        ...


class LedgerView(Protocol):
    """All held logs."""

    def log_ids(self) -> Sequence[LogId]:
        """Give the ids of all held logs."""
        ...

    def log(self, log_id: LogId) -> LogView | None:
        """Give one held log."""
        ...
