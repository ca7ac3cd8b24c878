"""Making sure that deleted rows are physically gone, not only out of sight.

SQLite overwrites what is deleted with zeros (`secure_delete`), in tables, indexes and freed pages. Two things it leaves: the
write-ahead log, and copies that a cell leaves in the gap of a page when a growing neighbour moved it, about one row in a
thousand. So: (1) the indexes of learners' ids are built anew; (2) the log is written back and cut to nothing; (3) every
page of the tables about learners is searched for what was deleted; (4) where a trace is found, or too much was deleted to
search for, the whole file is written anew. A PostgreSQL server is asked to vacuum the tables; its own write-ahead log
and backups are its administrator's.

That work is due is a row of the settings, written by the transaction that deletes: a node that is killed in between does
it later, and then writes the whole file anew, since what to search for is told to nobody.
"""

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from node.registrar import sqlite as sqlite_file
from node.registrar.tables import Setting

DUE = "scrub"
"""Setting that a deletion leaves behind until its traces are gone."""
MAX_NEEDLES = 120
"""To search for more takes longer than to write the file anew."""

INDEXES = ("ix_awards_learner_id", "marks_by_learner", "disclosures_by_learner")
"""Indexes of learners' ids alone, which are too short to be searched for."""
_SEARCHED = ("awards", "copies", "decisions", "learner_marks", "disclosures")
_VACUUMED = (*_SEARCHED, "evaluations", "offers", "offered_awards", "tokens", "renewals", "proposals", "slots")
_INTERIOR = {2: 12, 5: 12}
_FIRST_HEADER = 100
_PATIENCE_MS = 2_000
"""How long readers of an older state are waited for."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was done about traces.

    Attributes:
        is_complete: False where something still reads the old state, such as a backup under way.
        is_rewritten: whether the whole file was written anew.
        is_server: whether a server keeps the database, which has a log and backups of its own.
    """

    is_complete: bool
    is_rewritten: bool = False
    is_server: bool = False


def mark_due(session: Session) -> None:
    """Say, in the transaction that deletes, that traces are to be removed after it."""
    if session.get(Setting, DUE) is None:
        session.add(Setting(name=DUE, value="1"))


def is_due(session: Session) -> bool:
    """Whether an earlier deletion left traces, because the node was stopped or something was reading."""
    return session.get(Setting, DUE) is not None


def remove_traces(engine: Engine, needles: Sequence[bytes] | None) -> Scrubbed:
    """Remove the traces of deleted rows. The caller keeps everybody else from writing.

    Args:
        engine: of the database; its transactions have ended.
        needles: pieces of what was deleted, found in no row that stays; None where nobody knows any more.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"VACUUM {', '.join(_VACUUMED)}"))
        done = Scrubbed(True, is_server=True)
    else:
        done = _scrub_file(engine, needles)
    if done.is_complete:
        with Session(engine) as session, session.begin():
            session.execute(delete(Setting).where(Setting.name == DUE))
    return done


def _scrub_file(engine: Engine, needles: Sequence[bytes] | None) -> Scrubbed:
    with contextlib.closing(engine.raw_connection()) as pooled:
        connection: Any = pooled.driver_connection  # the driver's own, which the pool hands out untyped
        # Sorting for an index shall leave no file elsewhere.
        connection.execute("PRAGMA temp_store=MEMORY")
        for index in INDEXES:
            connection.execute(f"REINDEX {index}")  # 1
        if not _empty_log(connection):  # 2
            return Scrubbed(False)
        path = Path(next(row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"))
        if (
            needles is not None and len(needles) <= MAX_NEEDLES and not has_trace(path, _roots(connection), needles)
        ):  # 3
            return Scrubbed(True)
        connection.execute("VACUUM")  # 4
        return Scrubbed(_empty_log(connection), is_rewritten=True)


def _roots(connection: Any) -> list[int]:
    """Root pages of the tables whose rows say something about learners, and of indexes that repeat what they say.

    Not of all: the ids of what was erased go on in the trail and the list of the forgotten.
    """
    tables = ", ".join("?" * len(_SEARCHED))
    # Indexes that a constraint makes have no text.
    says = "type = 'table' OR (tbl_name = 'awards' AND (sql IS NULL OR sql LIKE '%learner_id%'))"
    query = f"SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ({tables}) AND ({says})"
    return [row[0] for row in connection.execute(query, _SEARCHED)]


def _empty_log(connection: Any) -> bool:
    """Write the write-ahead log back and cut it to nothing; False while somebody reads an older state."""
    # A backup reads for minutes, and meanwhile nobody else could write.
    connection.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    except sqlite3.OperationalError:
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout={sqlite_file.BUSY_MS}")


def has_trace(path: Path, roots: Sequence[int], needles: Sequence[bytes]) -> bool:
    """Whether a piece of any of these byte strings stands in a page of these b-trees, gaps included."""
    if not needles:
        return False
    # One pass of a compiled pattern would be slower: each needle is rare, and `in` skips by its rarest bytes.
    return any(any(needle in page for needle in needles) for page in _tree_pages(path, roots))


def _tree_pages(path: Path, roots: Sequence[int]) -> Iterator[bytes]:
    """Every page of these b-trees but overflow pages, which are zeroed when they are freed and have no gaps."""
    with path.open("rb") as file:
        descriptor = file.fileno()
        size = int.from_bytes(os.pread(descriptor, 2, 16), "big")
        size = 65_536 if size == 1 else size
        waiting = list(dict.fromkeys(roots))
        while waiting:
            number = waiting.pop()
            page = os.pread(descriptor, size, (number - 1) * size)
            start = _FIRST_HEADER if number == 1 else 0
            if len(page) == size and page[start] in _INTERIOR:
                waiting += _children(page, start)
            yield page


def _children(page: bytes, start: int) -> Iterator[int]:
    """Page numbers below an interior page (SQLite file format, 1.6)."""
    (cells,) = struct.unpack_from(">H", page, start + 3)
    yield struct.unpack_from(">I", page, start + 8)[0]
    for position in struct.unpack_from(f">{cells}H", page, start + _INTERIOR[page[start]]):
        yield struct.unpack_from(">I", page, position)[0]
