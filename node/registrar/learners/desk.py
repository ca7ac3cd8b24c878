"""The registrar's desk for rights of learners: forget, report, marks, disclosures, retention.

Stands beside `node.registrar.desk` as the correction desk does. Who asks is known by the call (`people.caller`); what is
erased is durable before its traces are removed, and both before the answer.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from ledger.duration import DAY_MS
from ledger.errors import MalformedError
from ledger.log.identity import encode_log_id
from node.client.rights import ForgetAnswer, MarkAnswer, RetentionAnswer, RetentionDue
from node.lastbackup import last_backup
from node.registrar import acting, scrub
from node.registrar.desk import RegistrarDesk
from node.registrar.learners import erasing, forget, marks, report, retention
from node.registrar.learners.erasing import Erased
from node.registrar.learners.forget import Forgetting
from node.registrar.learners.forgottenlist import add_to_list, list_path
from node.registrar.learners.marks import MarkKind
from node.registrar.learners.schedule import parse_row
from node.registrar.people import caller as callers
from node.registrar.people import trail
from node.registrar.people.trail import Outcome, TrailEntry
from node.registrar.scrub import Scrubbed
from node.tasks import Backoff, keep_doing

RECEIPT_FORMAT = "cairn/forget-receipt/v1"
HOUR_SECONDS = 3600.0
SCHEDULE = "schedule"
"""Who the trail says applied the retention table, where nobody asked for it."""

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class _DryRun(Exception):
    """Ends the transaction of a dry run; whatever it did is undone."""


class LearnerDesk:
    """What is done when a learner or guardian asks, or a time is over."""

    def __init__(self, desk: RegistrarDesk) -> None:
        """Stand beside the desk."""
        self._desk = desk
        self._parts = desk.parts
        self._database = desk.database
        # When the schedule last applied the table, Unix ms; after a start it does so at once.
        self._retained_at: int | None = None
        self._rows = tuple(map(parse_row, desk.parts.retention))

    async def forget(self, learner_id: str, reason: str, *, dry_run: bool = False) -> ForgetAnswer | None:
        """Erase everything about a learner; None where nothing is held.

        Raises:
            MalformedError: the reason is none of `forget.REASONS`, or the id none that a learner could have.
            RuleError: a legal hold stands; nothing was erased.
        """
        marks.check_learner(learner_id)
        if reason not in forget.REASONS:
            raise MalformedError(f"reason: must be one of {', '.join(forget.REASONS)}")
        now, by = self._parts.clock(), _caller()
        done = await self._transact(
            lambda session: forget.forget_learner(session, learner_id, by=by, now=now), dry_run=dry_run
        )
        if done is None:
            return None
        scrubbed = Scrubbed(is_complete=False)
        if not dry_run:
            scrubbed = await self._remove_traces(done.erased)
            logger.info("learner forgotten", extra={"awards": done.erased.awards, "complete": scrubbed.is_complete})
        return await self._answer(done, scrubbed, reason, now, dry_run=dry_run)

    async def report(self, learner_id: str) -> bytes | None:
        """Everything that is held about a learner, as JSON; None where that is nothing."""
        marks.check_learner(learner_id)
        found = await self._database.look(lambda session: report.describe_learner(session, learner_id))
        if found is None:
            return None
        return _encode({**found, **self._about_us(), "made_at": self._parts.clock()})

    async def put_mark(self, kind: str, text: str, *, learner_id: str = "", award_id: str = "") -> MarkAnswer:
        """Restrict a learner's data, put it under legal hold, or put a statement of disagreement beside an award.

        Raises:
            MalformedError: there is no such kind, or the text cannot be kept.
            RuleError: there is no such award, or nothing is held about the learner.
        """
        found, kept = _parse_kind(kind), marks.check_text(kind, text)
        now, by = self._parts.clock(), _caller()

        def write(session: Session) -> MarkAnswer:
            mark = marks.put_mark(
                session, found, learner_id, kept, by=by, now=now, draw=self._parts.draw, award_id=award_id
            )
            acting.acted_on(session, [award_id] if award_id else ())
            return MarkAnswer(mark.id, mark.at)

        answer = await self._database.change(write)
        logger.info("learner's data marked", extra={"kind": found.value})
        return answer

    async def end_mark(self, kind: str, *, learner_id: str = "", award_id: str = "") -> int:
        """End marks; returns how many stood."""
        found, now, by = _parse_kind(kind), self._parts.clock(), _caller()

        def write(session: Session) -> int:
            acting.acted_on(session, [award_id] if award_id else ())
            return marks.end_marks(session, found, by=by, now=now, learner_id=learner_id, award_id=award_id)

        ended = await self._database.change(write)
        logger.info("mark ended", extra={"kind": found.value, "ended": ended})
        return ended

    async def note_disclosure(self, learner_id: str, recipient: str, what: str, purpose: str, at: int = 0) -> str:
        """Note that a learner's data was given to somebody else, and return the entry's id."""
        kept = [marks.check_text(name, text) for name, text in (("to", recipient), ("what", what), ("for", purpose))]
        by, when = _caller(), at or self._parts.clock()

        def write(session: Session) -> str:
            acting.acted_on(session)
            made = marks.note_disclosure(
                session,
                learner_id,
                recipient=kept[0],
                what=kept[1],
                purpose=kept[2],
                by=by,
                at=when,
                draw=self._parts.draw,
            )
            return made.id

        return await self._database.change(write)

    async def apply_retention(self, *, dry_run: bool = False) -> RetentionAnswer:
        """Erase what the retention table says is due, or only count it."""
        now = self._parts.clock()
        told, erased = await self._transact(
            lambda session: retention.apply_retention(session, self._rows, now=now), dry_run=dry_run
        )
        due = tuple(RetentionDue(one.row, one.number, one.held) for one in told)
        if dry_run:
            return RetentionAnswer(due, is_complete=True)
        scrubbed = await self._remove_traces(erased)
        if any(one.number for one in told):
            logger.info("retention applied", extra={"rows": sum(one.number for one in told)})
        return RetentionAnswer(due, is_complete=scrubbed.is_complete)

    async def keep_retention(self) -> None:
        """Apply the table now and every day, and every hour remove traces that are left, until cancelled."""
        await keep_doing("retention", self._hour, Backoff(self._parts.draw))

    async def _hour(self) -> None:
        await self.finish()
        now = self._parts.clock()
        if self._retained_at is None or now - self._retained_at >= DAY_MS:
            await self.retain()
            self._retained_at = now
        await asyncio.sleep(HOUR_SECONDS)

    async def finish(self) -> bool:
        """Remove the traces that an earlier erasure had to leave; False where something still reads them."""
        return (await self._remove_traces(Erased())).is_complete

    async def retain(self) -> bool:
        """Apply the table as the schedule does, with a row in the trail; False where traces wait."""
        answer = await self.apply_retention()
        number = sum(row.number for row in answer.rows)
        if number:
            entry = TrailEntry(
                at=self._parts.clock(),
                who=SCHEDULE,
                roles=(),
                call="Rights.ApplyRetention",
                outcome=Outcome.DONE,
                about=f"{number} rows",
            )
            await self._database.change(lambda session: trail.append(session, entry))
        return answer.is_complete

    async def _transact(self, work: Callable[[Session], _Result], *, dry_run: bool) -> _Result:
        """Run work in a write transaction, which a dry run undoes."""
        kept: list[_Result] = []

        def write(session: Session) -> None:
            kept.append(work(session))
            if dry_run:
                raise _DryRun

        with contextlib.suppress(_DryRun):
            await self._database.change(write)
        return kept[-1]

    async def _remove_traces(self, erased: Erased) -> Scrubbed:
        """Remove the traces of what was erased, and of whatever an earlier run left."""
        is_due = await self._database.look(scrub.is_due)
        if erased.ids and self._parts.state_home is not None:
            path = list_path(self._parts.state_home, encode_log_id(self._parts.log_id))
            await asyncio.to_thread(add_to_list, path, await self._database.look(erasing.list_forgotten))
        if not is_due:
            return Scrubbed(is_complete=True)
        return await self._database.finish(self._database.scrub, erased.needles or None)

    async def _answer(
        self, done: Forgetting, scrubbed: Scrubbed, reason: str, now: int, *, dry_run: bool
    ) -> ForgetAnswer:
        directory = self._parts.directory
        removed: list[str] = []
        files: list[str] = []
        if directory is not None:
            if not dry_run:
                removed = await asyncio.to_thread(forget.remove_kept_copies, directory)
            files = await asyncio.to_thread(forget.find_mentions, directory, done.words)
        receipt = {
            **self._about_us(),
            "at": now,
            "backup_made_at": None if directory is None else last_backup(directory),
            "copies_of_the_database_deleted": len(removed),
            "database_was_rewritten": scrubbed.is_rewritten,
            "erased": done.erased.counts,
            "files_that_still_name_the_learner": len(files),
            "forgotten": list(done.erased.ids),
            "format": RECEIPT_FORMAT,
            "is_complete": scrubbed.is_complete,
            "is_dry_run": dry_run,
            "proposals_withdrawn": len(done.proposals),
            "reason": reason,
            "remains": _remains(scrubbed, has_mentions=bool(files)),
        }
        return ForgetAnswer(_encode(receipt), tuple(files))

    def _about_us(self) -> dict[str, object]:
        return {"institution": self._desk.own_log().state.name, "log": encode_log_id(self._parts.log_id)}


def _remains(scrubbed: Scrubbed, *, has_mentions: bool) -> list[str]:
    """What this deletion cannot reach, in words."""
    told = [
        "on the ledger: random-looking values and pages, which lead nobody here to anybody any more; the slots are "
        "never used again and keep what they say",
        "in wallets, and with whoever was shown a copy: what they hold; copies that were valid stay so",
        "in backups made before: everything, until they are deleted; cairn-node restore forgets it again, by this receipt "
        "or the list that this computer keeps",
    ]
    if scrubbed.is_server:
        told.append("in the database server's own write-ahead log, free space and backups: until it overwrites them")
    if has_mentions:
        told.append("in other files of the node's directory that name the learner: delete them")
    return told


def _parse_kind(kind: str) -> MarkKind:
    if kind not in set(MarkKind):
        raise MalformedError(f"mark: must be one of {', '.join(MarkKind)}")
    return MarkKind(kind)


def _caller() -> str:
    found = callers.current.get(None)
    return callers.LOCAL if found is None else found.id


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"
