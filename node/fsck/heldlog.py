"""One checked log as a view: what the registrar's database and the keys are compared with."""

from collections.abc import Sequence

from ledger.errors import MalformedError
from ledger.log.merkle import HashReader
from ledger.log.state import LogState
from ledger.log.tiles import TileReader
from node.fsck.logrows import CheckedLog
from node.fsck.rows import Rows
from node.store.rowname import RowKind, range_of


class HeldRows:
    """A log whose rows were found good enough to fold; satisfies `ledger.log.view.LogView`."""

    def __init__(self, rows: Rows, log: CheckedLog, state: LogState) -> None:
        """`state` is the fold over all entries of `log`."""
        self._rows = rows
        self._log = log
        self.state = state
        self.note: bytes | None = log.notes.get(log.size)
        self.read_hashes: HashReader = TileReader(self._tile)

    def entry(self, index: int) -> bytes:
        """The exact bytes of an entry."""
        data = self._rows.get(self._log.keys.entry(index))
        if data is None:
            raise MalformedError(f"entry {index}: the row is missing")
        return data

    def body(self, index: int) -> bytes | None:
        """The exact bytes of an entry's body; None where it is missing or damaged."""
        if any(finding.kind is RowKind.BODY and finding.index == index for finding in self._log.findings):
            return None
        return self._rows.get(self._log.keys.body(index))

    def evidence(self) -> Sequence[bytes]:
        """Fork evidence kept about this log."""
        return [value for _, value in self._rows.scan(*range_of(self._log.number, RowKind.EVIDENCE))]

    def _tile(self, level: int, index: int) -> bytes:
        return self._rows.get(self._log.keys.tile(level, index)) or b""
