"""The registrar's desk: the one object that commands and claim pages call.

It owns the order of things: a decision is durable in the registrar's database before it is acknowledged; what is
signed for the ledger stands in the outbox before it is submitted, and is marked once the log has it. Blocking work is
done in threads, one writer at a time. Nothing personal leaves by a log line or an error.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log import statements
from ledger.log.body import describe_body
from ledger.log.charter import Role
from ledger.log.identity import LogId, encode_log_id
from ledger.log.keys import SigningKey
from ledger.log.records import CloseDocument, DocumentName, Publish
from ledger.log.statement import STATEMENT_ID_LENGTH
from ledger.log.view import LogView
from node.client.held import HeldLog, read_held
from node.client.registry import (
    AwardView,
    CutAnswer,
    IssueReport,
    IssueRequest,
    NodeStatus,
    OfferAnswer,
    PublishAnswer,
    StatusAnswer,
)
from node.errors import BusyError
from node.registrar import (
    awards,
    copies,
    cut,
    cuttime,
    decisions,
    documents,
    issuing,
    nodestatus,
    outbox,
    press,
    reporting,
    restating,
    schedule,
    views,
)
from node.registrar.anchors import collect_heads
from node.registrar.copies import Press
from node.registrar.cut import CutOrder, MadeCut
from node.registrar.database import Database
from node.registrar.dispatch import Dispatcher
from node.registrar.documents import Document, PublishedAchievement
from node.registrar.offering import OfferOrder, make_links
from node.registrar.outbox import Draft
from node.registrar.page import read_published
from node.registrar.parts import DeskParts
from node.registrar.plainpublishing import PlainPublisher
from node.registrar.predecessors import last_pages
from node.registrar.publishing import find_published
from node.registrar.rights import find_missing_rights
from node.registrar.succession import check_succession
from node.sequencer import SignedStatement

logger = logging.getLogger(__name__)


class RegistrarDesk:
    """Awards, decisions, offers, cuts and documents of one institution."""

    def __init__(self, parts: DeskParts) -> None:
        """Take the parts; `start` begins."""
        self.parts = parts
        self._database = parts.database
        # One at a time: a cut must see every decision acknowledged before it, and follow the page before it.
        self._cutting = asyncio.Lock()
        self._dispatcher = Dispatcher(parts)
        self._plain_lists = PlainPublisher(self)

    @property
    def database(self) -> Database:
        """The registrar's database, for claims."""
        return self._database

    @property
    def issuer(self) -> str:
        """Identifier of this issuer in OpenID4VCI: the node's own HTTP URL."""
        return self.parts.http_url

    async def start(self) -> bool:
        """Submit what was signed and is not confirmed; False where it must wait, which loses nothing (`Submission`)."""
        try:
            await self._dispatcher.flush()
        except BusyError as error:
            logger.debug("outbox waits", extra={"reason": str(error)})
            return False
        await self._plain_lists.publish_once()
        return True

    async def issue(self, request: IssueRequest) -> IssueReport:
        """Award what a file asks for; durable and signed when this returns, on the ledger with the next cut.

        Raises:
            MalformedError: no row of the file can be read, or columns are missing or unknown.
            RuleError: the achievement is not published or closed, or there is no key for it.
        """
        report = await asyncio.to_thread(self._issue, request)
        fields = {"new": report.new, "already": report.already, "problems": len(report.problems)}
        logger.info("awards decided", extra=fields)
        return report

    async def list_awards(self, *, learner_id: str = "", achievement: str = "") -> list[AwardView]:
        """Awards with their state, oldest first."""

        def read(session: Session) -> list[AwardView]:
            found = awards.find_awards(session, learner_id=learner_id, achievement=achievement)
            return views.describe_awards(session, found)

        return await self._database.look(read)

    async def set_status(self, award_ids: Sequence[str], status: Status, *, reason: str = "") -> StatusAnswer:
        """Revoke, suspend or reinstate awards; shown by the next cut's page.

        Raises:
            RuleError: an award does not exist, its status is final, or it shall be replaced (that is `issue`).
        """
        now = self.parts.clock()
        changed = await self._database.change(
            lambda session: decisions.set_status(session, award_ids, status, reason=reason, now=now)
        )
        logger.info("status decided", extra={"awards": len(changed)})
        return StatusAnswer(tuple(award.id for award in changed), self.next_cut())

    async def offer(
        self, *, award_ids: Sequence[str] = (), learner_id: str = "", achievement: str = "", form: str = ""
    ) -> OfferAnswer:
        """Make claim links for awards: those named, or all valid ones of a learner or an achievement.

        Raises:
            MalformedError, RuleError: an award named cannot be offered, or not in that form, or there is none at all.
        """
        order = OfferOrder(award_ids=award_ids, learner_id=learner_id, achievement=achievement, form=form)

        def write(session: Session) -> OfferAnswer:
            return make_links(session, order, self.parts, self.make_press(), self.find_achievement, self.issuer)

        answer = await self._database.change(write)
        logger.info("offers made", extra={"offers": len(answer.links)})
        return answer

    @cuttime.observed
    async def cut(self, at: int | None = None) -> CutAnswer:
        """Cut now: what was signed before goes first, then `anchor`, `issue` and `status`.

        Args:
            at: the instant the cut was due, Unix ms; None for a cut on command.

        Raises:
            RuleError: a cut on command where the charter has fixed instants, or a page that no decision explains.
            BusyError: the log takes nothing now; what is signed waits in the outbox.
        """
        if at is None and self.own_log().state.batch.interval:
            hint = "a cut off schedule would show that something happened"
            raise RuleError("cut: the charter fixes when this log cuts", hint=hint)
        async with self._cutting:
            if self.parts.sequencer.refusal is not None:
                raise BusyError(f"cut: nothing is written: {self.parts.sequencer.refusal}")
            await self._dispatcher.flush()
            # Item 0 of the anchor shall be a head. Without a quorum the cut goes on: it must not depend on others.
            await self.parts.wait_for_head(self.own_log().state.size)
            made = await self._database.finish(self._make_cut, self.parts.clock() if at is None else at)
            await self._dispatcher.flush()
            # Asked of the outbox: whoever else flushes it may have been quicker.
            indexes = await self._database.look(lambda session: outbox.find_places(session, made.id))
            if not indexes:
                raise RuleError("cut: the log refused it", hint="cairn-node status DIR says what is wrong")
            size = self.own_log().state.size
            logger.info("cut is on the ledger", extra={"size": size})
        # Outside the lock: whoever asked may want to know, the next cut need not wait for it.
        is_head = await self.parts.wait_for_head(size)
        await self._plain_lists.publish()
        return CutAnswer(indexes, made.copies, made.waiting, is_head)

    async def last_cut(self) -> int | None:
        """Instant of the newest cut, Unix ms."""
        return await self._database.look(cut.last_cut_instant)

    async def keep_schedule(self) -> None:
        """Make every cut when it is due, until cancelled."""
        await schedule.keep_schedule(
            lambda: self.own_log().state.batch, self.last_cut, self.cut, clock=self.parts.clock
        )

    async def publish(
        self,
        data: bytes,
        *,
        type_name: str = "",
        document_id: str = "",
        version: int = 0,
        with_achievement: bool = False,
    ) -> PublishAnswer:
        """Publish a document at once; the same bytes again give the first answer.

        Args:
            data: its exact bytes.
            type_name: empty to recognise it.
            document_id: empty to take it from the document.
            version: 0 to take it from the document.
            with_achievement: for a requirement set: publish the achievement for meeting it too, under the same name.

        Raises:
            MalformedError: it is no document, or has no id or version.
            RuleError: this id and version mean other bytes already, or there is no `define` key in force.
        """
        document = documents.read_document(data, type_name=type_name, document_id=document_id, version=version)
        derived = documents.derive_achievement(document, self.make_press().issuer.id) if with_achievement else None
        answer = await self._publish(document)
        if derived is None:
            return answer
        return dataclasses.replace(answer, achievement=await self._publish(derived))

    async def close_document(self, document_id: str, version: int) -> int:
        """End the use of a document for new awards, and return the entry's index."""
        statement = CloseDocument(
            at=self.parts.clock(),
            id=self.parts.draw(STATEMENT_ID_LENGTH),
            log=self.parts.log_id,
            name=DocumentName(document_id, version),
        )
        return (await self.submit_own([Draft(statement, None, self.key_in_force(Role.DEFINE))]))[0]

    async def submit(self, signed: SignedStatement) -> int:
        """Append a statement of governance that others signed, and return its index.

        Raises:
            CairnError: it cannot stand, or would have no effect; nothing was written.
        """
        statement = statements.parse(signed.statement_bytes)
        if statement.kind not in ("charter", "key", "member"):
            raise RuleError(f"submit: a statement of kind {statement.kind} is not governance")
        # A key that it puts in force was made by a command, beside this process.
        await asyncio.to_thread(self.parts.keystore.reload)
        check_succession(statement, self.own_log().state, self.parts.keystore)
        (index,) = await self.parts.sequencer.append([signed])
        logger.info("governance is on the ledger", extra={"index": index})
        return index

    async def status(self) -> NodeStatus:
        """How the node and its registrar's side stand."""
        findings = await self.parts.findings()
        return await self._database.look(
            lambda session: nodestatus.describe_node(
                session,
                self.own_log().state,
                issuer=self.make_press().issuer.id,
                waiting_for=self.parts.sequencer.refusal or "",
                next_cut=self.next_cut(),
                now=self.parts.clock(),
                findings=findings,
                certificates=self.parts.certificates(),
            )
        )

    @property
    def is_cutting(self) -> bool:
        """Whether a cut is being made now, so that its statements are on their way."""
        return self._cutting.locked()

    def next_cut(self) -> int | None:
        """When the next cut is due, Unix ms; None where cuts are made on command."""
        return schedule.next_instant(self.own_log().state.batch, self.parts.clock())

    def held_log(self, log_id: LogId | None = None) -> HeldLog:
        """A log this node holds, at this moment; None means its own.

        Raises:
            RuleError: it is not held.
        """
        wanted = self.parts.log_id if log_id is None else log_id
        log = self.parts.ledger.log(wanted)
        if log is None:
            raise RuleError(
                f"log {encode_log_id(wanted)}: this node does not hold it yet",
                hint="it follows the members of its networks, and the nodes named by cairn-node peer add",
            )
        return read_held(log)

    def make_press(self) -> Press:
        """What copies are made with now."""
        parts = self.parts
        return press.make_press(
            parts.ledger,
            self.own_log().state,
            parts.keystore,
            parts.networks(),
            http_url=parts.http_url,
            now=parts.clock(),
            draw=parts.draw,
            directory=parts.directory,
        )

    def find_achievement(self, achievement: str, version: int) -> PublishedAchievement:
        """A published achievement by id and version."""
        reference = f"{achievement}/{version}"
        return documents.find_achievement(self.parts.ledger, self.parts.log_id, self.parts.networks(), reference)

    def list_achievements(self) -> list[PublishedAchievement]:
        """Every achievement this institution or its networks have published."""
        return documents.list_achievements(self.parts.ledger, self.parts.log_id, self.parts.networks())

    async def _publish(self, document: Document) -> PublishAnswer:
        data = document.data
        index = await asyncio.to_thread(find_published, self.own_log(), document)
        if index is not None:
            return PublishAnswer(index, document.name.id, document.name.version, document.type.value)
        statement = Publish(
            at=self.parts.clock(),
            id=self.parts.draw(STATEMENT_ID_LENGTH),
            log=self.parts.log_id,
            reference=describe_body("publish", (data,)),
            name=document.name,
            type=document.type,
            media_type=document.media_type,
        )
        index = (await self.submit_own([Draft(statement, (data,), self.key_in_force(Role.DEFINE))]))[0]
        return PublishAnswer(index, document.name.id, document.name.version, document.type.value)

    def _issue(self, request: IssueRequest) -> IssueReport:
        published = documents.find_achievement(
            self.parts.ledger, self.parts.log_id, self.parts.networks(), request.achievement
        )
        report = issuing.issue_file(self._database, self.make_press(), published, request)
        report = issuing.with_forecast(report, self.own_log().state.batch, self.parts.clock())
        parts = self.parts
        warnings = find_missing_rights(parts.ledger, parts.log_id, parts.networks(), published.achievement)
        return dataclasses.replace(report, warnings=warnings)

    def _make_cut(self, at: int) -> MadeCut:
        state, keystore = self.own_log().state, self.parts.keystore
        log_key = keystore.find(state.log_key.id)
        if log_key is None:
            raise RuleError("cut: the log key in force is not one of this node's keys")
        order = CutOrder(
            at=at,
            log=self.parts.log_id,
            log_key=log_key,
            operate_key=self.key_in_force(Role.OPERATE),
            list_root=keystore.list_root,
            list_policy=state.charter.lists,
            batch_size=state.batch.size,
            heads=collect_heads(self.parts.ledger, self.parts.log_id, self.parts.networks(), self.parts.newest_head),
            previous=read_published(self.own_log()),
            interval=state.batch.interval,
            inherited_roots=keystore.inherited_roots,
            taken_over=last_pages(self.parts.ledger, self.parts.log_id, self.parts.networks()),
        )
        with self._database.write() as session:
            restating.check_restated(session, self.own_log())
            copies.renew_waiting(session, self.make_press(), self.find_achievement)
            reporting.report_forks(session, self.parts.ledger, order, self.parts.draw)
            return cut.make_cut(session, order, self.parts.draw)

    async def submit_own(self, drafts: Sequence[Draft]) -> list[int]:
        """Sign statements of this institution, put them on the ledger, and return their indexes."""
        await self._database.change(lambda session: outbox.store(session, drafts))
        await self._dispatcher.flush()
        indexes = [self.own_log().state.find_id(draft.statement.id) for draft in drafts]
        # A flush that leaves one behind raises.
        return [index for index in indexes if index is not None]

    def own_log(self) -> LogView:
        """This institution's log as it is held here."""
        log = self.parts.ledger.log(self.parts.log_id)
        if log is None:
            raise RuleError("log: this node's own log is not held", hint="recover it from a peer")
        return log

    def key_in_force(self, role: Role) -> SigningKey:
        """The key of this node that acts in a role now."""
        key = copies.find_key(self.parts.keystore, self.own_log().state, role)
        if key is None:
            raise RuleError(
                f"no {role.value} key of this node is in force", hint="`cairn-node key add` puts one in force"
            )
        return key
