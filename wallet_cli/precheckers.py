"""Processes that check ahead, bundle by bundle, what the entries of a held log prove by themselves.

They read the log's files on their own and answer with the leaf hashes of the entries they found good. Nothing rests on
that but time: the process that folds reads the entries itself, proves them against the tree, compares the hashes, and
checks again, in the ordinary way, whatever was not found good; so a finding is the same with any number of processes.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ledger.errors import CairnError
from ledger.log.keys import KeyId, PublicKey
from ledger.log.merkle import HASH_BYTES
from ledger.log.precheck import NOT_GOOD, precheck
from ledger.log.tiles import TILE_WIDTH
from wallet_cli.log_files import read_body, read_bundle

_AHEAD = 3
"""Bundles handed out beyond those being worked on: enough that nobody waits, few enough that memory stays flat."""
_NOTHING = NOT_GOOD + b"\0"


class Answer(NamedTuple):
    """What was found about one entry: its leaf hash if it is good, else `NOT_GOOD`; and whether its body is held."""

    leaf_hash: bytes
    has_body: bool


class Precheckers:
    """Some worker processes, started when the first log is handed to them; a context manager."""

    def __init__(self, workers: int) -> None:
        """Use so many processes beside this one."""
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the processes; what they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def check(
        self, folder: Path, start: int, size: int, keys: Mapping[KeyId, PublicKey]
    ) -> Iterator[tuple[Answer, ...]]:
        """Check entries `[start, size)` of a log; yields, in order, the answers of a bundle at a time.

        Args:
            folder: of the log.
            start: first entry.
            size: of the log.
            keys: those the log has named so far. It may grow while this runs: what is handed out later knows the new ones.
        """
        if self._pool is None:
            # "spawn": the same on every system, and no lock of this process is inherited half held.
            self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
        waiting: deque[Future[bytes]] = deque()
        first = start
        while first < size or waiting:
            while first < size and len(waiting) < self._workers + _AHEAD:
                end = min(size, first - first % TILE_WIDTH + TILE_WIDTH)
                known = tuple(keys.values())
                waiting.append(self._pool.submit(_check_bundle, str(folder), first, end, size, known))
                first = end
            answer = waiting.popleft().result()
            yield tuple(
                Answer(answer[at : at + HASH_BYTES], answer[at + HASH_BYTES] == 1)
                for at in range(0, len(answer), HASH_BYTES + 1)
            )


def _check_bundle(folder: str, start: int, end: int, size: int, keys: tuple[PublicKey, ...]) -> bytes:
    known = {key.id: key for key in keys}
    try:
        entries = read_bundle(Path(folder), start // TILE_WIDTH, size)[start % TILE_WIDTH :]
    except (CairnError, OSError):
        entries = ()
    answers = [_check(folder, index, data, known) for index, data in zip(range(start, end), entries, strict=False)]
    return b"".join(answers) + _NOTHING * (end - start - len(answers))


def _check(folder: str, index: int, data: bytes, keys: Mapping[KeyId, PublicKey]) -> bytes:
    try:
        body = read_body(folder, index)
    except (CairnError, OSError):
        # Whoever folds comes across the same file and can say what is wrong with it.
        return _NOTHING
    return precheck(data, body, keys) + (b"\1" if body is not None else b"\0")
