"""What a check found: the exact place, what is wrong there, what that means, and what to do.

A finding is damage, or a doubt: something that could not be decided with what is held. Nothing here repeats a value of the
registrar's database; places are named by row ids and keys.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledger import base64url
from ledger.log.identity import LogId, encode_log_id
from node.store.rowname import RowKind

Tick = Callable[[int], None]
"""Told how much further the work has come, in rows."""


class Part(StrEnum):
    """What of a node was looked at."""

    LEDGER = "ledger store"
    DATABASE = "registrar's database"
    KEYS = "keys"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        part: of the node.
        place: for people: a file, a table and row, or what the kind and index say.
        what: is wrong there.
        means: for the node and those who rely on it.
        remedy: what to do, as a command where there is one.
        is_damage: False for a doubt.
        log: of a row of the ledger store.
        kind: class of that row.
        index: of the entry, the size of a note; None where the row has none.
        key: exact key of the row in LevelDB.
        is_stray: the row should not be there at all.
    """

    part: Part
    place: str
    what: str
    means: str
    remedy: str
    is_damage: bool = True
    log: LogId | None = None
    kind: RowKind | None = None
    index: int | None = None
    key: bytes = b""
    is_stray: bool = False

    def to_json(self) -> dict[str, object]:
        """The finding as `--json` prints it."""
        return {
            "damage": self.is_damage,
            "index": self.index,
            "key": self.key.hex() or None,
            "kind": None if self.kind is None else self.kind.words,
            "log": None if self.log is None else encode_log_id(self.log),
            "means": self.means,
            "part": self.part.value,
            "place": self.place,
            "remedy": self.remedy,
            "what": self.what,
        }


MENDED_FROM_ENTRIES = "cairn-node fsck DIR --repair, which computes it again from the entries"
FROM_NOTES = "see that this computer's clock is right, then cairn-node fsck DIR --repair reads it from the notes"
FETCHED = "cairn-node fsck DIR --repair, which fetches it from a peer and checks it"

_MEANS: dict[RowKind, tuple[str, str]] = {
    RowKind.VERSION: ("no node opens a store whose format it does not know", MENDED_FROM_ENTRIES),
    RowKind.LOG_NUMBER: ("the rows of this log are not found under its id", MENDED_FROM_ENTRIES),
    RowKind.ENTRY: (
        "the history cannot be proven or served beyond this place, and a node may refuse to start",
        FETCHED,
    ),
    RowKind.BODY: ("what this entry carries can be neither served nor read by whoever verifies", FETCHED),
    RowKind.STATEMENT_ID: ("a statement submitted again would not be recognised", MENDED_FROM_ENTRIES),
    RowKind.NOTE: ("nobody believes entries without the checkpoint over them", FETCHED),
    RowKind.ROTATION: (
        "this node might cosign again under a log key that root keys took out of force",
        "cairn-node fsck DIR --repair, which leaves it out; whoever has the proposal shows it again: cairn-node key announce",
    ),
    RowKind.STATE: ("nothing is lost: it is a cache, the next start folds the log again", MENDED_FROM_ENTRIES),
    RowKind.TILE: ("proofs made from it are refused by everybody", MENDED_FROM_ENTRIES),
    RowKind.EVIDENCE: ("this piece proves nothing; others may hold it whole", FETCHED),
    RowKind.COSIGNED: (
        "this node no longer knows how far it cosigned, and might contradict itself",
        MENDED_FROM_ENTRIES,
    ),
    RowKind.COSIGNED_AT: ("this node cosigns nothing, or might sign a time before one it signed", FROM_NOTES),
}


def row_finding(
    key: bytes, kind: RowKind, what: str, *, log: LogId | None = None, index: int | None = None, at: str = ""
) -> Finding:
    """Damage at one row of the ledger store."""
    means, remedy = _MEANS[kind]
    where = at or (kind.words if index is None else f"{kind.words} {index}")
    name = "" if log is None else f"log {encode_log_id(log)}, "
    return Finding(
        part=Part.LEDGER,
        place=f"{name}{where}",
        what=what,
        means=means,
        remedy=remedy,
        log=log,
        kind=kind,
        index=index,
        key=key,
    )


def stray_finding(key: bytes, log: LogId | None = None, kind: RowKind | None = None) -> Finding:
    """A row that nothing in this store accounts for."""
    name = "" if log is None else f"log {encode_log_id(log)}, "
    return Finding(
        part=Part.LEDGER,
        place=f"{name}{'row' if kind is None else kind.words} under the key {key.hex()}",
        what="nothing in this store accounts for it",
        means="it was written by something else, or its key was changed",
        remedy="cairn-node fsck DIR --repair, which leaves it out and keeps the old directory",
        log=log,
        kind=kind,
        key=key,
        is_stray=True,
    )


def differs(expected: bytes, found: bytes | None) -> str:
    """What is wrong with a row that has another value than it should; hashes only, in words."""
    if found is None:
        return "the row is missing"
    if len(expected) != len(found):
        return f"the row has {len(found)} bytes, expected {len(expected)}"
    return "the row was changed"


def has_damage(findings: Iterable[Finding]) -> bool:
    """Whether there is damage among them."""
    return any(finding.is_damage for finding in findings)


def short(data: bytes) -> str:
    """The first characters of a hash, for people."""
    return base64url.encode(data)[:10]
