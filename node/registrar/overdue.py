"""What the registrar's side has to tell the operator: cuts that are late, statements that do not reach the log.

Numbers and instants alone; nothing about a learner is read.
"""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ledger.log.charter import BatchPolicy
from node.client.finding import Finding, FindingCode, Severity
from node.errors import BusyError
from node.registrar.database import Database
from node.registrar.nodestatus import Queue, read_queue
from node.registrar.schedule import due_instant
from node.registrar.submission import find_restoration

OVERDUE_MS = 600_000
"""A cut waits a minute for its quorum and is tried again every half minute; ten are no coincidence."""


async def find_overdue_work(
    database: Database, policy: BatchPolicy, now: int, *, running_since: int, is_cutting: bool, problem: str = ""
) -> tuple[Finding, ...]:
    """Tell what should have happened by now.

    Args:
        database: the registrar's.
        policy: of the charter, in force for the next entry.
        now: Unix ms.
        running_since: when the node was started, Unix ms: a node that was away makes its cut when it is back.
        is_cutting: whether a cut is being made at this moment, whose statements are on their way.
        problem: why the outbox could not be submitted when that was tried last; empty where it was.
    """

    def read(session: Session) -> tuple[Queue, list[Finding]]:
        return read_queue(session), list(find_restoration(session, now))

    try:
        queue, restoration = await database.look(read)
    except (SQLAlchemyError, BusyError) as error:
        return (_unreadable(error),)
    waiting = 0 if is_cutting else queue.outbox
    return (*_find_late_cut(policy, now, queue.last_cut, running_since), *_find_outbox(waiting, problem), *restoration)


def _find_late_cut(policy: BatchPolicy, now: int, last_cut: int | None, running_since: int) -> Iterator[Finding]:
    due = due_instant(policy, now, last_cut)
    if due is not None and now - max(due, running_since) > OVERDUE_MS:
        yield Finding(
            code=FindingCode.CUT_OVERDUE,
            severity=Severity.PROBLEM,
            since=due,
            what="a cut is overdue",
            why="it could not be made; the line `cut not made yet` in the node's log says why",
            do="cure the other findings: the cut is tried every half minute, and awards and decisions wait for it",
        )


def _find_outbox(waiting: int, problem: str) -> Iterator[Finding]:
    if waiting or problem:
        yield Finding(
            code=FindingCode.OUTBOX_WAITING,
            severity=Severity.WARNING,
            what=f"{waiting} signed {'statement waits' if waiting == 1 else 'statements wait'} for the log"
            if waiting
            else "what is signed does not reach the log",
            why=problem or "the log takes nothing now",
            do="cure the other findings: they are submitted by themselves as soon as the log takes them",
        )


def _unreadable(error: Exception) -> Finding:
    return Finding(
        code=FindingCode.DATABASE_UNREADABLE,
        severity=Severity.PROBLEM,
        what="the registrar's database cannot be read",
        # Of a library's error the class alone: its text may repeat what a query was about.
        why=str(error) if isinstance(error, BusyError) else type(error).__name__,
        do="cairn-node doctor DIR; if the file is damaged, restore the newest backup",
    )
