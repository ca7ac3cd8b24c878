"""What the registrar's side has to tell the operator: cuts that are late or ahead, work that does not reach the log, what a
restoration or a theft left to do.

Numbers and instants alone; nothing about a learner is read.
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ledger.duration import DAY_MS
from ledger.log.charter import BatchPolicy
from ledger.log.identity import encode_log_id
from ledger.log.view import LogView
from node.client.finding import Finding, FindingCode, Severity
from node.errors import BusyError
from node.registrar.desk import RegistrarDesk
from node.registrar.inherited import is_inherited
from node.registrar.nodestatus import Queue, read_queue
from node.registrar.predecessors import find_predecessors
from node.registrar.restating import find_voided
from node.registrar.schedule import due_instant
from node.registrar.tables import RESTORED, Adopted, Setting
from node.terminal import instant

OVERDUE_MS = 600_000
"""A cut waits a minute for its quorum and is tried again every half minute; ten are no coincidence."""
AHEAD_MS = 60_000
"""A cut is for an instant that has passed; a minute is left for clocks that are set."""
TOLD_MS = 30 * DAY_MS
"""How long a restoration is told."""


async def find_trouble(desk: RegistrarDesk, *, running_since: int, problem: str = "") -> tuple[Finding, ...]:
    """Everything about the private half that somebody should look at.

    Args:
        desk: the registrar's.
        running_since: when the node was started, Unix ms: a node that was away makes its cut when it is back.
        problem: why the outbox could not be submitted when that was tried last; empty where it was.
    """
    now, log, is_cutting = desk.parts.clock(), desk.own_log(), desk.is_cutting

    def read(session: Session) -> tuple[Queue, list[Finding]]:
        found = [*find_restoration(session, now), *_find_voided(session, log), *find_not_inherited(session, desk)]
        return read_queue(session), found

    try:
        queue, found = await desk.database.look(read)
    except (SQLAlchemyError, BusyError) as error:
        return (_unreadable(error),)
    policy = log.state.batch
    waiting = 0 if is_cutting else queue.outbox
    return (
        *_find_unwritable(desk.database.problem),
        *find_late_cut(policy, now, queue.last_cut, running_since),
        *find_cut_ahead(policy, now, queue.last_cut),
        *_find_outbox(waiting, problem),
        *found,
    )


def find_not_inherited(session: Session, desk: RegistrarDesk) -> Iterator[Finding]:
    """Logs that go on here and of which nothing was taken over: their status pages stand still until then."""
    parts = desk.parts
    for log in find_predecessors(parts.ledger, parts.log_id, parts.networks()):
        if is_inherited(session, log):
            continue
        held = parts.ledger.log(log)
        name = encode_log_id(log) if held is None else held.state.name
        yield Finding(
            code=FindingCode.NOT_INHERITED,
            severity=Severity.WARNING,
            subject=encode_log_id(log),
            what=f"the log of {name} has ended and goes on here, and nothing of it was taken over yet",
            why="until then its last status page stands, and no status of its graduates can change",
            do=f"stop the node; cairn-node inherit DIR --log {encode_log_id(log)} --from BACKUP",
        )


def find_late_cut(policy: BatchPolicy, now: int, last_cut: int | None, running_since: int) -> Iterator[Finding]:
    """A cut that should have been made by now; all instants in Unix ms, `last_cut` None before the first."""
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


def find_cut_ahead(policy: BatchPolicy, now: int, last_cut: int | None) -> Iterator[Finding]:
    """A newest cut in the future, made by a clock that ran ahead: none is due before that time comes."""
    if policy.interval and last_cut is not None and last_cut > now + AHEAD_MS:
        yield Finding(
            code=FindingCode.CUT_AHEAD,
            severity=Severity.PROBLEM,
            what=f"the last cut was made for {instant(last_cut)}, and this computer's clock says {instant(now)}",
            why="the clock ran ahead when it was made, or is behind now; no cut is due before that time",
            do="set the clock right; if it is right now, all that waits goes on the ledger after that time",
        )


def find_restoration(session: Session, now: int) -> Iterator[Finding]:
    """What the registrar has to do after a restoration; nothing once it is long ago (`now` is Unix ms)."""
    setting = session.get(Setting, RESTORED)
    if setting is not None:
        made_at, restored_at = (int(word) for word in setting.value.split(" "))
        yield Finding(
            code=FindingCode.RESTORED,
            severity=Severity.PROBLEM,
            since=restored_at,
            what=f"restored from a backup of {instant(made_at)}: nothing is issued or cut",
            why="the newer entries of the log were not yet fetched from peers and read into the database",
            do="nothing while peers answer; cairn-node doctor DIR says whether they do",
        )
        return
    adopted = session.scalar(select(Adopted).order_by(Adopted.id.desc()).limit(1))
    if adopted is not None and now - adopted.at <= TOLD_MS:
        yield _describe(adopted)


def _describe(adopted: Adopted) -> Finding:
    since = "that backup" if adopted.backup_at is None else instant(adopted.backup_at)
    known = (
        f"{adopted.statements} newer entries of the log were read, {adopted.awards} awards follow what they say"
        if adopted.statements
        else "the log had nothing newer"
    )
    return Finding(
        code=FindingCode.RESTORED,
        severity=Severity.WARNING,
        since=adopted.at,
        what=f"restored on {instant(adopted.at)}: {known}",
        why=f"awards, claim links and reasons recorded after {since} are not in the database",
        do="hand in the CSV files of that time again, which awards them anew; learners keep the copies they have, and a "
        "revocation of those can no longer be changed here",
    )


def _find_voided(session: Session, log: LogView) -> Iterator[Finding]:
    """What a theft left to do."""
    voided = find_voided(session, log)
    if voided.own:
        yield Finding(
            code=FindingCode.ENTRIES_VOID,
            severity=Severity.PROBLEM,
            what=f"{len(voided.own)} of our own entries are void, from entry {voided.own[0].index} on",
            why="a key was declared stolen from there on; verifiers cannot tell about what stands there",
            do="cairn-node restate DIR, which states them again with a key in force",
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


def _find_unwritable(problem: str) -> Iterator[Finding]:
    if problem:
        yield Finding(
            code=FindingCode.DATABASE,
            severity=Severity.PROBLEM,
            what=problem,
            why="the disk is full or read-only, or the database server away",
            do="cure that; nothing that was acknowledged is lost, and work goes on by itself",
        )


def _unreadable(error: Exception) -> Finding:
    return Finding(
        code=FindingCode.DATABASE,
        severity=Severity.PROBLEM,
        what="the registrar's database cannot be read",
        # Of a library's error the class alone: its text may repeat what a query was about.
        why=str(error) if isinstance(error, BusyError) else type(error).__name__,
        do="cairn-node doctor DIR; if the file is damaged, restore the newest backup",
    )
