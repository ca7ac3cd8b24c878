"""Folding a held log anew from its entries, where the state stored beside them is not to be believed.

Nothing stored is taken on trust: the tree is proven up to the root in the note, every entry and body against the tree, and
the rules of `follow` replay all of it from entry 0 and check the note under the key that the log itself names. Entries and
bodies are read one bundle at a time, so the longest log takes no more memory than its state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import CairnError
from ledger.log.checkpoint import read_checkpoint
from ledger.log.entry import Entry
from ledger.log.follow import judge_checkpoint, take_entry
from ledger.log.identity import encode_log_id
from ledger.log.merkle import root_at
from ledger.log.precheck import BODY_MAY_BE_MISSING, is_good
from ledger.log.state import READ_KINDS, LogState
from ledger.log.tiles import TILE_WIDTH
from wallet_cli.log_files import DamagedError, LogFiles, naming, read_body, read_peaks
from wallet_cli.precheckers import Answer, Precheckers

LEFT_OUT = BODY_MAY_BE_MISSING
"""Kinds whose bodies a light replica does without (of `status` it keeps the newest page); no rule of growth reads them."""
FEW_ENTRIES = 2 * TILE_WIDTH
"""So many are checked sooner than they are handed to other processes."""


class UncheckedError(CairnError):
    """What is held of a log does not lead to a state that could be believed."""

    exit_code = 3


@dataclass(slots=True)
class Fold:
    """How far a log has been folded.

    Attributes:
        state: of the entries so far; `None` before the first.
        missing: bodies bound by entries but not held.
        items: in the bodies that are held.
    """

    state: LogState | None = None
    missing: int = 0
    items: int = 0

    @property
    def size(self) -> int:
        """How many entries have been folded."""
        return 0 if self.state is None else self.state.size


def refold(folder: Path, note: bytes) -> LogState:
    """Judge a held log from nothing, as if it were offered just now; bodies that no rule needs are not read.

    Args:
        folder: of the log.
        note: the checkpoint note in its head file.

    Raises:
        DamagedError: a file does not fit the others.
        UncheckedError: all files fit, but they are no log that would have been accepted.
    """
    fold = Fold()
    for _ in fold_log(folder, note, fold):
        pass
    if fold.state is None:
        raise DamagedError(folder / "head", "its checkpoint is over no entries")
    return fold.state


def fold_log(
    folder: Path, note: bytes, fold: Fold, *, whole: bool = False, precheckers: Precheckers | None = None
) -> Iterator[tuple[int, int]]:
    """Fold a held log bundle by bundle and, after the last, judge its checkpoint.

    Args:
        folder: of the log.
        note: the checkpoint note in its head file.
        fold: where to go on; grows. One that is not empty must be of the beginning of this log, or it is refused.
        whole: check every body that is held, also those no rule needs.
        precheckers: other processes to check ahead with; only for `whole`.

    Yields:
        how many entries are folded so far, and how many there are.

    Raises:
        DamagedError, UncheckedError: as `refold`.
    """
    with naming(folder / "head"):
        head = read_checkpoint(note)
    try:
        held = LogFiles(folder, head.size, read_peaks(folder, head))
        if fold.state is not None and not _is_beginning(fold.state, held):
            raise DamagedError(folder / "head", "its entries are not those that were folded before")
        for goods in _goods(held, fold, precheckers):
            for good in goods:
                _take(held, fold, good, whole)
            yield fold.size, held.size
        if fold.state is not None:
            judge_checkpoint(fold.state, note)
    except DamagedError:
        raise
    except CairnError as error:
        raise UncheckedError(
            f"replica: {folder} does not replay: {error}",
            hint=f"delete that folder and run `cairn sync {folder.parent}`; what it says about this log means nothing",
        ) from error
    if fold.state is not None and encode_log_id(fold.state.log_id) != folder.name:
        raise DamagedError(folder / "head", "it belongs to another log than its folder says")


def _is_beginning(state: LogState, held: LogFiles) -> bool:
    return state.size <= held.size and root_at(state.size, held.read_hashes) == state.frontier.root()


def _goods(held: LogFiles, fold: Fold, precheckers: Precheckers | None) -> Iterator[tuple[Answer | None, ...]]:
    """For each bundle, what other processes found about each of its entries; `None` where they were not asked."""
    if fold.state is None and held.size:
        # By itself, since nothing can be checked ahead before the charter has named the first keys.
        yield (None,)
    if fold.state is not None and precheckers is not None and held.size - fold.size >= FEW_ENTRIES:
        yield from precheckers.check(held.folder, fold.size, held.size, fold.state.named)
    while fold.size < held.size:
        yield (None,) * (min(held.size, fold.size - fold.size % TILE_WIDTH + TILE_WIDTH) - fold.size)


def _take(held: LogFiles, fold: Fold, good: Answer | None, whole: bool) -> None:
    entry = held.parsed(fold.size)
    kind = entry.statement.kind
    wanted = whole or kind not in LEFT_OUT
    is_read = good is None or kind in READ_KINDS
    body = read_body(held.folder, entry.index) if wanted and is_read else None
    has_body = body is not None if good is None else good.has_body
    if good is not None:
        is_prechecked = good.leaf_hash == entry.leaf_hash
    else:
        is_prechecked = fold.state is not None and is_good(entry, body, fold.state.named)
    if not is_prechecked:
        # Read again, and proven against its entry, so that what is wrong with it is said of its file.
        body = held.body(entry.index) if wanted else None
        has_body = body is not None
    elif kind not in READ_KINDS:
        body = None
    fold.state = take_entry(fold.state, entry, body, is_prechecked=is_prechecked)
    _count(fold, entry, has_body)


def _count(fold: Fold, entry: Entry, has_body: bool) -> None:
    reference = entry.statement.body
    if reference is None:
        return
    fold.missing += not has_body
    fold.items += reference.items if has_body else 0
