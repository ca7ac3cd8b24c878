"""The part of the registrar's desk where something is put right: decisions about many awards, keys, copies made anew.

It stands beside `RegistrarDesk`, whose database, log and outbox it uses; the order of things is the same: decided and
durable first, acknowledged then, on the ledger with the next cut.
"""

import logging
from collections.abc import Callable

from sqlalchemy.orm import Session

from ledger.errors import RuleError
from ledger.log.charter import Role
from ledger.log.keyring import KeyRecord
from ledger.log.keys import KeyId
from node.client.correction import DecisionOrder, DecisionReport, KeyImpact, ReissueReport, RestateReport
from node.drafting import find_key
from node.registrar import cut, deciding, key_impact, reissuing, restating, schedule
from node.registrar.deciding import DecisionTools
from node.registrar.desk import RegistrarDesk
from node.registrar.reissuing import Reissue

logger = logging.getLogger(__name__)


class CorrectionDesk:
    """Decisions about many awards, what keys have signed, and repair after a theft."""

    def __init__(self, desk: RegistrarDesk) -> None:
        """Stand beside the desk."""
        self._desk = desk

    async def decide(self, order: DecisionOrder) -> DecisionReport:
        """Preview a decision about awards, or take it; the next cut's page shows it.

        Raises:
            MalformedError: the selection or a correction cannot be read.
            RuleError: an award named does not exist or cannot follow; the preview was another; no key is in force.
        """
        tools = DecisionTools(
            find_key=self._find_key_id,
            make_press=self._desk.make_press,
            find_achievement=self._desk.find_achievement,
            now=self._desk.parts.clock(),
            next_cut=self._desk.next_cut(),
        )
        report = await self._desk.database.change(lambda session: deciding.decide(session, order, tools))
        if not order.dry_run:
            fields = {"status": order.status.name.lower(), "awards": len(report.changed)}
            logger.info("status decided", extra=fields)
        return report

    async def describe_key(self, key: str, since: str) -> KeyImpact:
        """Tell what hangs on a key.

        Args:
            key: its id, or an unmistakable beginning.
            since: the first entry that is thought to be somebody else's, as an index or a day; empty for all.

        Raises:
            MalformedError: `since` is neither.
            RuleError: the log names no such role key.
        """
        record = self._find_key(key)
        log, keystore = self._desk.own_log(), self._desk.parts.keystore

        def read(session: Session) -> KeyImpact:
            index: int | None = None
            if since:
                # An index has no sign and no hyphen; `isdecimal` alone would take digits of other scripts.
                is_index = since.isascii() and since.isdecimal()
                index = int(since) if is_index else key_impact.index_of_day(session, since)
            return key_impact.describe_impact(session, log, keystore, record, index)

        return await self._desk.database.look(read)

    async def reissue(self, key: str, *, dry_run: bool = False) -> ReissueReport:
        """Make new registrar's copies for the awards whose copies a stolen key signed; the old slots read replaced.

        Raises:
            RuleError: the key was not declared stolen, or there is none in its place.
        """
        record = self._find_key(key)

        def write(session: Session) -> ReissueReport:
            reissue = reissuing.find_reissue(session, record)
            if not dry_run:
                reissuing.make_reissue(session, reissue, self._desk.make_press(), self._desk.find_achievement)
            return self._describe(session, key, reissue, reissuing.count_lost(session, record), dry_run=dry_run)

        return await self._change_copies(write, dry_run=dry_run)

    async def reissue_inherited(self, *, dry_run: bool = False) -> ReissueReport:
        """Make new registrar's copies of awards that were taken over, on this log; the old ones read replaced.

        Raises:
            RuleError: no key that may sign them is in force, or the status list is full.
        """

        def write(session: Session) -> ReissueReport:
            reissue = reissuing.find_inherited(session)
            if not dry_run:
                reissuing.make_reissue(session, reissue, self._desk.make_press(), self._desk.find_achievement)
            return self._describe(session, "", reissue, 0, dry_run=dry_run)

        return await self._change_copies(write, dry_run=dry_run)

    def _describe(self, session: Session, key: str, reissue: Reissue, lost: int, *, dry_run: bool) -> ReissueReport:
        waiting = cut.count_waiting(session) - lost + (len(reissue.awards) if dry_run else 0)
        policy, now = self._desk.own_log().state.batch, self._desk.parts.clock()
        next_cut, last_cut = schedule.forecast(policy, now, waiting)
        return ReissueReport(
            key=key,
            awards=len({copy.award_id for copy in reissue.copies}),
            new_copies=len(reissue.awards),
            ended_slots=len(reissue.copies),
            wallet_copies=reissue.wallet_copies,
            restricted=reissue.restricted,
            achievements=deciding.count_achievements(reissue.awards),
            next_cut=next_cut,
            last_cut=last_cut,
            waiting=waiting,
        )

    async def _change_copies(self, write: Callable[[Session], ReissueReport], *, dry_run: bool) -> ReissueReport:
        report = await self._desk.database.change(write)
        if not dry_run:
            logger.info("copies made anew", extra={"copies": report.new_copies})
        return report

    async def restate(self, *, dry_run: bool = False) -> RestateReport:
        """State again what this node signed with an `operate` key that was then stolen.

        Raises:
            RuleError: no `operate` key is in force, or a body is not held.
            BusyError: the log takes nothing now; what is signed waits in the outbox.
        """
        # What an interrupted call left in the outbox goes first, or it would be made a second time.
        await self._desk.submit_own([])
        log, parts = self._desk.own_log(), self._desk.parts
        voided = await self._desk.database.look(lambda session: restating.find_voided(session, log))
        indexes = [0] * len(voided.own)
        if voided.own and not dry_run:
            key = self._desk.key_in_force(Role.OPERATE)
            drafts = restating.draft_restatements(log, voided, key, now=parts.clock(), draw=parts.draw)
            indexes = await self._desk.submit_own(drafts)
            logger.info("entries restated", extra={"entries": len(indexes)})
        return RestateReport(
            restated=tuple(
                (entry.statement.kind, entry.index, index) for entry, index in zip(voided.own, indexes, strict=True)
            ),
            unknown=tuple((entry.statement.kind, entry.index) for entry in voided.foreign),
        )

    def _find_key(self, text: str) -> KeyRecord:
        return find_key(self._desk.own_log().state, text)

    def _find_key_id(self, text: str) -> KeyId:
        record = self._find_key(text)
        if record.role not in reissuing.CREDENTIAL_ROLES:
            raise RuleError(
                f"key {text!r}: has the role {record.role.value} and signs no credentials",
                hint="cairn-node key list DIR shows the keys with their roles",
            )
        return record.key.id
