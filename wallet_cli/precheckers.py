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
from typing import Self

from ledger.errors import CairnError
from ledger.log.keys import KeyId, PublicKey
from ledger.log.merkle import HASH_BYTES
from ledger.log.precheck import NOT_GOOD, precheck
from ledger.log.tiles import TILE_WIDTH
from wallet_cli.log_files import read_body, read_bundle

_AHEAD = 3
"""Bundles handed out beyond those being worked on: enough that nobody waits, few enough that memory stays flat."""


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
    ) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        """Check entries `[start, size)` of a log; yields, in order, an index and the answers from there on.

        Args:
            folder: of the log.
            start: first entry.
            size: of the log.
            keys: those the log has named so far. It may grow while this runs: what is handed out later knows the new ones.
        """
        if self._pool is None:
            # "spawn": the same on every system, and no lock of this process is inherited half held.
            self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
        waiting: deque[tuple[int, Future[bytes]]] = deque()
        first = start
        while first < size or waiting:
            while first < size and len(waiting) < self._workers + _AHEAD:
                end = min(size, first - first % TILE_WIDTH + TILE_WIDTH)
                work = self._pool.submit(_check_bundle, folder, first, end, size, tuple(keys.values()))
                waiting.append((first, work))
                first = end
            at, done = waiting.popleft()
            answer = done.result()
            yield at, tuple(answer[n : n + HASH_BYTES] for n in range(0, len(answer), HASH_BYTES))


def _check_bundle(folder: Path, start: int, end: int, size: int, keys: tuple[PublicKey, ...]) -> bytes:
    known = {key.id: key for key in keys}
    try:
        entries = read_bundle(folder, start // TILE_WIDTH, size)[start % TILE_WIDTH :]
    except (CairnError, OSError):
        entries = ()
    answers = [_check(folder, index, data, known) for index, data in zip(range(start, end), entries, strict=False)]
    return b"".join(answers) + NOT_GOOD * (end - start - len(answers))


def _check(folder: Path, index: int, data: bytes, keys: Mapping[KeyId, PublicKey]) -> bytes:
    try:
        return precheck(data, read_body(folder, index), keys)
    except (CairnError, OSError):
        # Whoever folds comes across the same file and can say what is wrong with it.
        return NOT_GOOD
