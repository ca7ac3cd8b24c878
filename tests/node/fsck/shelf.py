"""A store with one row of every class, and an undamaged twin to mend it from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.evidence import ForkEvidence, encode_fork
from ledger.log.follow import judge_growth
from ledger.log.identity import LogId
from ledger.log.policy import TrustRoot
from ledger.log.rotation import encode_rotation
from node.fsck.rows import MendedRows
from node.fsck.sources import IsRight
from node.fsck.storecheck import CheckedStore, check_store
from node.store.ledgerstore import LedgerStore
from node.store.raw import RawStore
from tests.simulator import NOW, SimulatedLog, found_network, seeded, trust_of

EVERYTHING = (b"", b"\xff" * 64)
ENTRIES = 12
"""Of the school's log; 270 are more than one tile holds."""


@dataclass
class Shelf:
    """The ledger store of `lantern`, which witnesses the network and the school `granite`."""

    path: Path
    network: SimulatedLog
    granite: SimulatedLog
    lantern: SimulatedLog
    notes: dict[tuple[LogId, int], bytes]
    evidence: bytes

    @property
    def trust(self) -> TrustRoot:
        return trust_of(self.network)

    def check(self, rows: MendedRows) -> CheckedStore:
        return check_store(rows, [self.trust], [self.lantern.witness_signer.public.raw], NOW, lambda done: None)

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        held = self._log(log)
        return {i: held.entries[i] for i in indexes if i < held.size and is_right(i, held.entries[i])}

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        held = {i: self._log(log).bodies[i] for i in indexes if i < self._log(log).size}
        return {i: body for i, body in held.items() if body is not None and is_right(i, body)}

    async def notes_of(self, log: LogId, size: int) -> list[bytes]:
        return [note for key, note in self.notes.items() if key == (log, size)]

    def _log(self, log: LogId) -> SimulatedLog:
        return next(one for one in (self.network, self.granite, self.lantern) if one.log_id == log)


class TwinSources:
    """Serves the undamaged rows, as peers would."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return await self._shelf.entries(log, indexes, is_right)

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return await self._shelf.bodies(log, indexes, is_right)

    async def notes(self, log: LogId, size: int) -> list[bytes]:
        return await self._shelf.notes_of(log, size)

    async def evidence(self, log: LogId) -> list[bytes]:
        return [self._shelf.evidence]


class NoSources:
    """Nobody has anything."""

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return {}

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return {}

    async def notes(self, log: LogId, size: int) -> list[bytes]:
        return []

    async def evidence(self, log: LogId) -> list[bytes]:
        return []


def build_shelf(path: Path, entries: int = ENTRIES) -> Shelf:
    """Make the store, closed."""
    network, (granite, lantern, tidewater) = found_network("granite", "lantern", "tidewater")
    before = granite.size
    while granite.size < entries - 3:
        granite.publish(f"achievement-{granite.size}", document=b'{"n":%d}' % granite.size)
    granite.cut([seeded("a commitment")])
    lantern.cut()
    fork = granite.copy()
    granite.anchor()
    fork.issue()
    notes: dict[tuple[LogId, int], bytes] = {}
    store = LedgerStore.open(path)
    for log, sizes in ((network, (4,)), (granite, (before, entries - 1)), (lantern, (1,))):
        start = 0
        for size in (*sizes, log.size):
            held = store.log(log.log_id)
            cosigners = [other for other in (network, granite, lantern, tidewater) if other is not log]
            note = log.cosigned(_note(log, size), cosigners)
            state = None if held is None else held.state
            growth = judge_growth(state, log.entries[start:size], log.bodies[start:size], note)
            if held is None:
                store.create(growth)
            else:
                held.commit(growth)
            notes[log.log_id, size] = note
            start = size
        held = store.log(log.log_id)
        assert held is not None
        if log is not lantern:
            held.set_cosigned(log.size, log.root_at(log.size), seconds=NOW // 1000)
    evidence = encode_fork(ForkEvidence(notes[granite.log_id, granite.size], fork.sign()))
    held = store.log(granite.log_id)
    assert held is not None
    held.add_evidence(evidence)
    held.set_rotation(encode_rotation(granite.signed_rotation(granite.key("log", 2))))
    store.close()
    return Shelf(path, network, granite, lantern, notes, evidence)


def _note(log: SimulatedLog, size: int) -> bytes:
    return sign_checkpoint(Checkpoint(log.state.charter.origin, size, log.root_at(size)), log.log_signer)


def read_rows(path: Path) -> dict[bytes, bytes]:
    """Every row of a store."""
    rows = RawStore(path)
    try:
        return dict(rows.scan(*EVERYTHING))
    finally:
        rows.close()


class DictRows:
    """Rows in memory, to damage at will."""

    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self.rows = rows

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def scan(self, start: bytes, stop: bytes):  # type: ignore[no-untyped-def]
        return iter(sorted(row for row in self.rows.items() if start <= row[0] < stop))

    def keys(self, start: bytes, stop: bytes):  # type: ignore[no-untyped-def]
        return iter(sorted(key for key in self.rows if start <= key < stop))


class LyingSources(TwinSources):
    """Gives something else than was asked for, whatever the judge says."""

    async def entries(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return {index: self._shelf.network.entries[0] for index in indexes}

    async def bodies(self, log: LogId, indexes: Sequence[int], is_right: IsRight) -> dict[int, bytes]:
        return dict.fromkeys(indexes, b"something else")

    async def notes(self, log: LogId, size: int) -> list[bytes]:
        return [note for key, note in self._shelf.notes.items() if key != (log, size)]

    async def evidence(self, log: LogId) -> list[bytes]:
        return [b"{}"]
