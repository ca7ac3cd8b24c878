"""Stores that fail on command, in each of the ways a write can fail."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from sqlalchemy.orm import Session

from node.errors import BusyError
from node.registrar import database as registry
from node.store.database import Database
from node.store.room import Room


class How(Enum):
    """How a write fails."""

    FAILED = "failed"
    """An error, and nothing is on disk."""
    STORED = "failed but stored"
    """An error, and everything is on disk."""
    KILLED = "killed"
    """The process ends before the write; whoever wrote hears nothing."""
    KILLED_AFTER = "killed after"
    """The process ends when the write is on disk, before anybody is told."""

    @property
    def is_stored(self) -> bool:
        return self in (How.STORED, How.KILLED_AFTER)

    @property
    def is_kill(self) -> bool:
        return self in (How.KILLED, How.KILLED_AFTER)


class Killed(Exception):
    """What stands for the end of the process; tests go on with what is on disk."""


class FaultyDatabase(Database):
    """A ledger store of which one write fails: the next one with a row whose key holds `tag`, once `how` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.how: How | None = None
        self.tag: bytes = b""

    def fail(self, how: How, tag: bytes = b"") -> None:
        """Let the next write fail; with a tag of `node.store.layout`, the next one that has such a row."""
        self.how, self.tag = how, tag

    def write(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        rows = list(rows)
        # Keys: "@" number (4 bytes) tag (1).
        if self.how is None or not any(key[5:6].startswith(self.tag) for key, _ in rows):
            super().write(rows)
            return
        how, self.how = self.how, None
        if how.is_stored:
            super().write(rows)
        self.failure = how.value
        if how.is_kill:
            raise Killed
        raise BusyError(f"ledger store: cannot write: {how.value}")


class Opener:
    """Opens a `FaultyDatabase` where a `Database` is wanted, and keeps it for the test."""

    def __init__(self) -> None:
        self.database: FaultyDatabase | None = None

    def __call__(self, path: Path, room: Room | None = None) -> Database:
        self.database = FaultyDatabase(path)
        return self.database

    def fail(self, how: How, tag: bytes = b"") -> None:
        assert self.database is not None
        self.database.fail(how, tag)


class FaultyRegistry(registry.Database):
    """A registrar's database of which one transaction fails, counted from the call of `fail`."""

    def __init__(self, inner: registry.Database) -> None:
        super().__init__(inner._engine)
        self.how: How | None = None
        self.number = 0

    def fail(self, how: How, number: int) -> None:
        """Let the transaction with this number, from 1, fail."""
        self.how, self.number = how, number

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.number -= 1
        how = self.how if self.number == 0 else None
        failure = Killed() if how is not None and how.is_kill else BusyError("registrar's database: cannot be written")
        with super().write() as session:
            yield session
            if how is not None and not how.is_stored:
                raise failure
        if how is not None:
            raise failure
