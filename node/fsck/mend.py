"""Mending a store: what follows from good entries is computed again, what does not is fetched and proven.

Mended rows lie in a layer above the damaged store, which stays as it is. After every round the whole of it is checked again
as if it had always been so, from the first entry on and up to a signed note; a mended row that does not stand that check is
taken back. Nothing of this node's own is changed by bytes that do not prove themselves: a note of our own log that nobody
has is signed again, over the same entries and therefore with the same bytes; the size we cosigned is never lowered.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ledger.errors import CairnError
from ledger.log.body import verify_body
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.entry import parse_entry
from ledger.log.keys import SigningKey
from ledger.log.merkle import hash_leaf
from ledger.log.note import NoteSignature, encode_note, parse_note
from node.client.notes import trim_note
from node.fsck.finding import Finding
from node.fsck.logrows import CheckedLog, checkpoint_in
from node.fsck.rows import MendedRows
from node.fsck.signed import (
    bad_lines,
    is_cosignature,
    judge_note,
    log_keys_of,
    own_cosigned_seconds,
    right_cosigned,
)
from node.fsck.sources import Sources
from node.fsck.storecheck import CheckedStore
from node.fsck.tree import tile_rows
from node.store import layout
from node.store.layout import encode_number
from node.store.rowname import RowKind

MAX_ROUNDS = 6
"""An entry, then its body, then what the fold needs, then the note over it: more never follows from more."""

Check = Callable[[MendedRows], CheckedStore]


@dataclass(frozen=True, slots=True)
class Mended:
    """A store after mending.

    Attributes:
        before: what was found first.
        after: what is found in the mended rows.
        rows: the mended rows over the old.
    """

    before: CheckedStore
    after: CheckedStore
    rows: MendedRows


async def mend_store(
    rows: MendedRows,
    check: Check,
    sources: Sources,
    sign_with: Iterable[SigningKey],
    before: CheckedStore | None = None,
) -> Mended:
    """Mend what can be mended.

    Args:
        rows: the damaged store, nothing mended yet.
        check: checks all rows.
        sources: where lost bytes may come from.
        sign_with: this node's log keys.
        before: what `check` found, if it was asked already.
    """
    before = store = check(rows) if before is None else before
    mender = _Mender(rows, sources, tuple(sign_with))
    tried: set[bytes] = set()
    for _ in range(MAX_ROUNDS):
        keys = {finding.key for finding in store.all_findings if finding.key}
        # What was mended and is still found wrong did not stand the check.
        for key in keys & tried:
            rows.forget(key)
        if not keys - tried:
            break
        await mender.mend(store)
        tried |= keys & (rows.put.keys() | rows.left_out)
        store = check(rows)
    for key in {finding.key for finding in store.all_findings} & rows.put.keys():
        rows.forget(key)
    return Mended(before, store, rows)


class _Mender:
    """One round over the findings of a store."""

    def __init__(self, rows: MendedRows, sources: Sources, log_keys: tuple[SigningKey, ...]) -> None:
        self._rows = rows
        self._sources = sources
        self._log_keys = log_keys

    async def mend(self, store: CheckedStore) -> None:
        for finding in store.findings:
            self._mend_store_row(store, finding)
        for log in store.logs.values():
            kinds = {finding.kind for finding in log.findings}
            self._rows.left_out.update(finding.key for finding in log.findings if finding.is_stray)
            if not log.size:
                self._drop(log)
            if RowKind.ENTRY in kinds:
                await self._fetch_entries(log)
            if RowKind.BODY in kinds:
                await self._fetch_bodies(log)
            if RowKind.NOTE in kinds:
                await self._mend_notes(log, store)
            if RowKind.EVIDENCE in kinds:
                await self._mend_evidence(log)
            if RowKind.ROTATION in kinds:
                self._rows.left_out.add(log.keys.rotation)
            if log.state is not None:
                self._compute(log, kinds, store)

    def _mend_store_row(self, store: CheckedStore, finding: Finding) -> None:
        if finding.kind is RowKind.VERSION:
            self._rows.put[finding.key] = layout.encode_number(layout.FORMAT_VERSION)
        elif finding.kind is RowKind.LOG_NUMBER:
            numbers = {log.log_id: log.number for log in store.logs.values() if log.log_id is not None and log.size}
            number = None if finding.log is None else numbers.get(finding.log)
            if number is None:
                self._rows.left_out.add(finding.key)
            else:
                self._rows.put[finding.key] = layout.encode_log_number(number)
        elif finding.key:
            self._rows.left_out.add(finding.key)

    def _drop(self, log: CheckedLog) -> None:
        """Nothing is left but a number: forgotten, so that the log can be pulled as if it were new."""
        if log.log_id is not None:
            self._rows.left_out.add(layout.log_number_key(log.log_id))
        self._rows.left_out.update(log.keys.note(size) for size in log.notes)

    async def _fetch_entries(self, log: CheckedLog) -> None:
        if log.log_id is None:
            return

        def is_right(index: int, data: bytes) -> bool:
            expected = log.leaves.hashes[index]
            # Where no hash is known the next check decides, which wants a signed note over all of them.
            return expected is None or hash_leaf(data) == expected

        found = await self._sources.entries(log.log_id, sorted(log.leaves.wrong), is_right)
        self._rows.put.update((log.keys.entry(index), data) for index, data in found.items())

    async def _fetch_bodies(self, log: CheckedLog) -> None:
        if log.log_id is None:
            return

        def is_right(index: int, data: bytes) -> bool:
            try:
                statement = parse_entry(self._rows.get(log.keys.entry(index)) or b"").statement
                if statement.body is None:
                    return False
                verify_body(statement.kind, statement.body, data)
            except CairnError:
                return False
            return True

        wanted = [
            finding.index for finding in log.findings if finding.kind is RowKind.BODY and finding.index is not None
        ]
        found = await self._sources.bodies(log.log_id, wanted, is_right)
        self._rows.put.update((log.keys.body(index), data) for index, data in found.items())

    async def _mend_notes(self, log: CheckedLog, store: CheckedStore) -> None:
        keys = log_keys_of(log)
        if not keys:
            return
        for finding in [item for item in log.findings if item.kind is RowKind.NOTE and item.index is not None]:
            size = finding.index or 0
            held = log.notes.get(size)
            offered = [] if log.log_id is None else await self._sources.notes(log.log_id, size)
            if held is not None and not judge_note(log, size, held, keys, replace(store.cosigners, ruled=frozenset())):
                self._rows.put[finding.key] = self._with_lines(log, held, offered, store)
                continue
            good = []
            for note in offered:
                try:
                    good.append(trim_note(note, keys, store.cosigners.named))
                except CairnError:
                    continue
            good = [note for note in good if not judge_note(log, size, note, keys, store.cosigners)]
            if good:
                self._rows.put[finding.key] = max(good, key=len)
            elif size == log.size and (signed := self._sign_again(log)) is not None:
                self._rows.put[finding.key] = signed
            elif size != log.size:
                # Notes on the way only help others to catch up in small steps; a bad one is served to nobody.
                self._rows.left_out.add(finding.key)
            self._move(log, held)

    def _move(self, log: CheckedLog, note: bytes | None) -> None:
        """A good note under a damaged key is put where it belongs."""
        checkpoint = None if note is None else checkpoint_in(note)
        if note is not None and checkpoint is not None and 0 < checkpoint.size <= log.size:
            key = log.keys.note(checkpoint.size)
            if self._rows.get(key) is None:
                self._rows.put[key] = note

    def _with_lines(self, log: CheckedLog, held: bytes, offered: list[bytes], store: CheckedStore) -> bytes:
        """A note with every bad line replaced by one that others hold and this note lacks, else left out."""
        note = parse_note(held)
        bad = set(bad_lines(held, log.log_id, store.cosigners))
        known = {(line.name, line.key_id) for line in note.signatures if line not in bad}
        fresh: dict[tuple[str, bytes], NoteSignature] = {}
        for other in map(parse_note, offered):
            for line in other.signatures[1:]:
                if other.text == note.text and is_cosignature(note, line, store.cosigners.named):
                    fresh.setdefault((line.name, line.key_id), line)
        spare = [line for name, line in fresh.items() if name not in known]
        lines = []
        for line in note.signatures:
            if line not in bad:
                lines.append(line)
            elif spare:
                lines.append(spare.pop(0))
        return encode_note(note.text, lines)

    def _sign_again(self, log: CheckedLog) -> bytes | None:
        state = log.state
        signer = None if state is None else next((key for key in self._log_keys if key.public == state.log_key), None)
        if state is None or signer is None:
            return None
        return sign_checkpoint(Checkpoint(state.charter.origin, state.size, state.frontier.root()), signer)

    async def _mend_evidence(self, log: CheckedLog) -> None:
        offered = [] if log.log_id is None else await self._sources.evidence(log.log_id)
        by_key = {log.keys.evidence(data): data for data in offered}
        for finding in [item for item in log.findings if item.kind is RowKind.EVIDENCE]:
            if finding.key in by_key:
                self._rows.put[finding.key] = by_key[finding.key]
            else:
                self._rows.left_out.add(finding.key)

    def _compute(self, log: CheckedLog, kinds: set[RowKind | None], store: CheckedStore) -> None:
        """What follows from entries that are all good."""
        wrong = {finding.key for finding in log.findings}
        if RowKind.STATE in kinds and log.snapshot is not None:
            self._rows.put[log.keys.state] = log.snapshot
        leaves = log.leaves.known
        if RowKind.TILE in kinds and leaves is not None:
            self._rows.put.update((key, row) for key, row in tile_rows(log.keys, leaves).items() if key in wrong)
        if RowKind.STATEMENT_ID in kinds:
            ids = {log.keys.statement(statement_id): index for statement_id, index in log.ids.items()}
            self._rows.put.update((key, encode_number(index)) for key, index in ids.items() if key in wrong)
        if RowKind.COSIGNED in kinds:
            right = right_cosigned(log, self._rows.get(log.keys.cosigned), store.cosigners)
            if right is not None:
                self._rows.put[log.keys.cosigned] = right
        if RowKind.COSIGNED_AT in kinds:
            seconds = own_cosigned_seconds(log, store.cosigners)
            if seconds:
                self._rows.put[log.keys.cosigned_at] = encode_number(seconds)
            else:
                self._rows.left_out.add(log.keys.cosigned_at)
