"""What a hostile member holds: a full replica, every byte of which it has checked, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.log.body import parse_body
from ledger.log.entry import Entry, parse_entry
from ledger.log.follow import judge_growth
from ledger.log.records import Anchor, Issue, StatusUpdate
from node.store.logstore import LogStore


@dataclass(frozen=True)
class SeenCut:
    """One cut as the ledger shows it, with all that stood before it since the cut before."""

    first: int
    """Index of its first entry."""
    kinds: tuple[str, ...]
    lengths: tuple[int, ...]
    """Of the entries and their bodies, in bytes."""
    at: int
    commitments: tuple[bytes, ...]
    page: bytes
    statement_ids: tuple[bytes, ...]


@dataclass(frozen=True)
class Replica:
    """A log, entry by entry, body by body."""

    entries: tuple[Entry, ...]
    bodies: tuple[bytes | None, ...]

    def cuts(self) -> list[SeenCut]:
        """The cuts, oldest first: whatever ends with a status entry, or with a batch that none follows."""
        groups: list[list[int]] = [[]]
        for index, entry in enumerate(self.entries):
            if isinstance(entry.statement, Anchor) and groups[-1]:
                groups.append([])
            groups[-1].append(index)
        return [self._see(group) for group in groups[1:]]

    def shape(self) -> list[tuple[str, int, int, int]]:
        """Kind, bytes, bytes of body and instant of every entry: all that is not random."""
        return [
            (entry.statement.kind, len(entry.raw), len(body or b""), entry.statement.at)
            for entry, body in zip(self.entries, self.bodies, strict=True)
        ]

    def _see(self, indexes: Sequence[int]) -> SeenCut:
        entries = [self.entries[index] for index in indexes]
        commitments: tuple[bytes, ...] = ()
        page = b""
        for index, entry in zip(indexes, entries, strict=True):
            body = self.bodies[index] or b""
            if isinstance(entry.statement, Issue):
                commitments = parse_body("issue", body)
            elif isinstance(entry.statement, StatusUpdate):
                page = body
        return SeenCut(
            first=indexes[0],
            kinds=tuple(entry.statement.kind for entry in entries),
            lengths=tuple(
                len(data) for i, e in zip(indexes, entries, strict=True) for data in (e.raw, self.bodies[i] or b"")
            ),
            at=entries[0].statement.at,
            commitments=commitments,
            page=page,
            statement_ids=tuple(entry.statement.id for entry in entries),
        )


def replicate(log: LogStore) -> Replica:
    """Copy a log whole and check it as every member does."""
    size = log.size
    raw = log.entries(0, size)
    bodies = tuple(log.body(index) for index in range(size))
    assert log.note is not None
    judge_growth(None, raw, bodies, log.note)
    return Replica(tuple(map(parse_entry, raw)), bodies)
