"""Checking every row of one log.

In order: (1) the notes say how many entries there should be; (2) every entry and body is read, and the three places that
know its hash are compared; (3) the log is folded from its first entry, every signature verified; (4) ids, tiles and the
snapshot are compared with what follows from the entries; (5) notes, evidence and the cosigned size are compared with the
tree (`signed`). What stands above a damaged place and needs it is looked at again once that is mended.
"""

from dataclasses import dataclass, field

from ledger.errors import CairnError, MalformedError
from ledger.log.body import verify_body
from ledger.log.checkpoint import Checkpoint, read_checkpoint
from ledger.log.entry import Entry, parse_entry
from ledger.log.identity import LogId
from ledger.log.merkle import HASH_BYTES, LeafHash, hash_leaf
from ledger.log.snapshot import encode_state, parse_state
from ledger.log.state import LogState, found_state
from ledger.log.tiles import TILE_WIDTH
from node.fsck.finding import Finding, Tick, differs, row_finding, stray_finding
from node.fsck.rows import Rows
from node.fsck.tree import Leaves, read_tile_leaves, tile_rows, vote
from node.store.layout import LogKeys, encode_number
from node.store.rowname import RowKind, parse_key, range_of


@dataclass(slots=True)
class CheckedLog:
    """One log after its rows were checked.

    Attributes:
        number: of the log in this store.
        keys: where its rows stand.
        log_id: hash of entry 0; None where nothing tells it.
        notes: every note row, by the size in its key.
        leaves: of the tree.
        state: the fold over all entries; None where damage is in its way.
        snapshot: what the state row should say; None where it cannot be told.
        ids: index of the first entry with each statement id.
        claimed: how many entries rows that are left say there once were; no repair may end below it.
        findings: about this log.
    """

    number: int
    keys: LogKeys
    log_id: LogId | None = None
    notes: dict[int, bytes] = field(default_factory=dict)
    leaves: Leaves = field(default_factory=Leaves)
    state: LogState | None = None
    snapshot: bytes | None = None
    ids: dict[bytes, int] = field(default_factory=dict)
    claimed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many entries should be held."""
        return len(self.leaves.hashes)

    def damage(self, key: bytes, kind: RowKind, what: str, index: int | None = None, at: str = "") -> None:
        """Note damage at a row."""
        self.findings.append(row_finding(key, kind, what, log=self.log_id, index=index, at=at))

    def stray(self, key: bytes, kind: RowKind) -> None:
        """Note a row that should not be there."""
        self.findings.append(stray_finding(key, self.log_id, kind))


def check_log(rows: Rows, number: int, expected_id: LogId | None, tick: Tick) -> CheckedLog:
    """Check steps 1 to 4 of one log; `signed.check_signed` does the fifth.

    Args:
        rows: of the store.
        number: of the log in it.
        expected_id: under which id the store has this number; None where it has none.
        tick: told of every entry.
    """
    log = CheckedLog(number, LogKeys(number), expected_id)
    log.notes = {_index(key): value for key, value in rows.scan(*range_of(number, RowKind.NOTE))}
    size = _find_size(rows, log)
    _read_entries(rows, log, size, tick)
    first = log.leaves.hashes[0] if log.leaves.hashes else None
    # What the tree says of entry 0 is the id, whatever a damaged row of numbers says.
    log.log_id = LogId(first) if first is not None else expected_id
    _fold(rows, log, tick)
    _check_ids(rows, log)
    _check_tiles(rows, log)
    _check_state(rows, log)
    _check_end(rows, log)
    return log


def checkpoint_in(note: bytes) -> Checkpoint | None:
    """What a note says, unverified; None where it cannot be read."""
    try:
        return read_checkpoint(note)
    except CairnError:
        return None


def _find_size(rows: Rows, log: CheckedLog) -> int:
    """How many entries there should be: as many as the largest readable note or an unbroken run of rows above it says."""
    sizes = [
        size for size, note in log.notes.items() if (said := checkpoint_in(note)) is not None and said.size == size
    ]
    size = max(sizes, default=0)
    tiles = read_tile_leaves(rows, log.number)
    last = max(tiles, default=0)
    in_tiles = last * TILE_WIDTH + len(tiles.get(last, b"")) // HASH_BYTES
    while rows.get(log.keys.entry(size)) is not None or (size < in_tiles and _follows(tiles, size)):
        size += 1
    return size


def _follows(tiles: dict[int, bytes], index: int) -> bool:
    """Whether the tree has a leaf at an index, every full tile before it being there."""
    return index // TILE_WIDTH in tiles and len(tiles[index // TILE_WIDTH]) > index % TILE_WIDTH * HASH_BYTES


def _read_entries(rows: Rows, log: CheckedLog, size: int, tick: Tick) -> None:
    hashed: list[LeafHash | None] = [None] * size
    named: dict[int, LeafHash] = {}
    problems: dict[int, str] = {}
    bodies = {_index(key) for key in rows.keys(*range_of(log.number, RowKind.BODY))}
    wanted: set[int] = set()
    for key, data in rows.scan(*range_of(log.number, RowKind.ENTRY)):
        index = _index(key)
        if index >= size:
            _look_above(log, key, data)
            continue
        tick(1)
        hashed[index] = hash_leaf(data)
        try:
            entry = parse_entry(data)
            if entry.index != index:
                raise MalformedError(f"it says that it is entry {entry.index}")
        except MalformedError as error:
            problems[index] = str(error)
            continue
        if index:
            named[index - 1] = entry.previous
        log.ids.setdefault(entry.statement.id, index)
        if entry.statement.body is not None:
            wanted.add(index)
            _check_body(rows, log, entry)
    log.leaves = vote(hashed, named, read_tile_leaves(rows, log.number))
    _ask_note(log, hashed)
    for index in sorted(log.leaves.wrong | problems.keys()):
        log.leaves.wrong.add(index)
        what = (
            "the row is missing" if hashed[index] is None else f"its bytes were changed: {_why(log, index, problems)}"
        )
        log.damage(log.keys.entry(index), RowKind.ENTRY, what, index)
    for index in sorted(bodies - wanted - log.leaves.wrong):
        log.stray(log.keys.body(index), RowKind.BODY)


def _ask_note(log: CheckedLog, hashed: list[LeafHash | None]) -> None:
    """The last entry has no next one: where it and its tile differ, the root in the note says which of them is right."""
    last = log.size - 1
    note = checkpoint_in(log.notes.get(log.size, b""))
    own = hashed[last] if log.size else None
    if note is None or own is None or last not in log.leaves.wrong:
        return
    told = log.leaves.hashes[last]
    log.leaves.hashes[last] = own
    if log.leaves.root_at(log.size) == note.root:
        log.leaves.wrong.discard(last)
    else:
        log.leaves.hashes[last] = told


def _look_above(log: CheckedLog, key: bytes, data: bytes) -> None:
    """An entry above a gap: whatever stood between was there too, and the note over all of it."""
    try:
        is_entry = parse_entry(data).index == _index(key)
    except MalformedError:
        is_entry = False
    if is_entry:
        log.claimed = max(log.claimed, _index(key) + 1)
    else:
        log.stray(key, RowKind.ENTRY)


def _why(log: CheckedLog, index: int, problems: dict[int, str]) -> str:
    return problems.get(index) or "they do not hash to what the tree and the next entry say"


def _check_body(rows: Rows, log: CheckedLog, entry: Entry) -> None:
    reference = entry.statement.body
    assert reference is not None
    key = log.keys.body(entry.index)
    data = rows.get(key)
    if data is None:
        log.damage(key, RowKind.BODY, "the row is missing", entry.index)
        return
    try:
        verify_body(entry.statement.kind, reference, data)
    except CairnError as error:
        log.damage(key, RowKind.BODY, f"its bytes were changed: {error}", entry.index)


def _fold(rows: Rows, log: CheckedLog, tick: Tick) -> None:
    """Step 3; keeps what the snapshot should say on the way."""
    if log.leaves.wrong:
        return
    at = _snapshot_size(rows, log)
    state: LogState | None = None
    for key, data in rows.scan(log.keys.entry(0), log.keys.entry(log.size)):
        index = _index(key)
        try:
            entry = parse_entry(data)
            if state is None:
                state = found_state(entry)
            else:
                state.apply(entry, rows.get(log.keys.body(index)))
        except CairnError as error:
            if not any(finding.kind is RowKind.BODY and finding.index == index for finding in log.findings):
                log.damage(key, RowKind.ENTRY, f"it breaks the rules of the log: {error}", index)
                log.leaves.wrong.add(index)
            return
        tick(1)
        if state.size == at:
            log.snapshot = encode_state(state)
    log.state = state
    if state is not None and log.snapshot is None:
        log.snapshot = encode_state(state)


def _check_end(rows: Rows, log: CheckedLog) -> None:
    """Entries that were there once and left no row behind are missing at the end, where no tree tells it."""
    if log.log_id is None:
        # A number that no log has, and nothing from which to tell whose it could be.
        log.claimed = 0
        log.findings = [stray_finding(key) for key in rows.keys(*log.keys.all_rows())]
    elif not log.size:
        log.damage(log.keys.note(0), RowKind.NOTE, "nothing of this log is left but its number", at="the whole log")
    elif log.claimed > log.size:
        what = f"the rows of entries {log.size} to {log.claimed - 1} are missing: other rows were written after them"
        log.damage(log.keys.entry(log.size), RowKind.ENTRY, what, log.size)


def _snapshot_size(rows: Rows, log: CheckedLog) -> int:
    try:
        size = parse_state(rows.get(log.keys.state) or b"").size
    except MalformedError:
        return log.size
    log.claimed = max(log.claimed, size)
    return size


def _check_ids(rows: Rows, log: CheckedLog) -> None:
    if log.leaves.wrong:
        # A missing entry's id is not known; every id row would have to be doubted.
        for key, value in rows.scan(*range_of(log.number, RowKind.STATEMENT_ID)):
            index = log.ids.get(key[-16:])
            if index is not None and value != encode_number(index):
                log.damage(key, RowKind.STATEMENT_ID, differs(encode_number(index), value), index)
        return
    expected = {log.keys.statement(statement_id): index for statement_id, index in log.ids.items()}
    for key, value in rows.scan(*range_of(log.number, RowKind.STATEMENT_ID)):
        index = expected.pop(key, None)
        if index is None:
            log.stray(key, RowKind.STATEMENT_ID)
        elif value != encode_number(index):
            log.damage(key, RowKind.STATEMENT_ID, differs(encode_number(index), value), index)
    for key, index in expected.items():
        log.damage(key, RowKind.STATEMENT_ID, "the row is missing", index)


def _check_tiles(rows: Rows, log: CheckedLog) -> None:
    leaves = log.leaves.known
    if leaves is None:
        return
    expected = tile_rows(log.keys, leaves)
    for key, value in rows.scan(*range_of(log.number, RowKind.TILE)):
        right = expected.pop(key, None)
        if right is None:
            log.stray(key, RowKind.TILE)
        elif right != value:
            log.damage(key, RowKind.TILE, _tile_difference(right, value), _index(key), _tile_place(key))
    for key in expected:
        log.damage(key, RowKind.TILE, "the row is missing", _index(key), _tile_place(key))


def _tile_place(key: bytes) -> str:
    name = parse_key(key)
    assert name is not None
    return f"tile {name.index} of level {name.level}"


def _tile_difference(right: bytes, found: bytes) -> str:
    if len(right) != len(found):
        return differs(right, found)
    places = [at // HASH_BYTES for at in range(0, len(right), HASH_BYTES) if right[at : at + 32] != found[at : at + 32]]
    return f"the row was changed: hash {', '.join(map(str, places))} of {len(right) // HASH_BYTES}"


def _check_state(rows: Rows, log: CheckedLog) -> None:
    if log.state is None:
        return
    value = rows.get(log.keys.state)
    if value is None:
        log.damage(log.keys.state, RowKind.STATE, "the row is missing")
    elif value != log.snapshot:
        log.damage(log.keys.state, RowKind.STATE, "it is not what the entries lead to")


def _index(key: bytes) -> int:
    return int.from_bytes(key[-8:], "big")
