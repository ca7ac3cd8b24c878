"""Judging every call of the private listener: who it is, whether they may, what is written down about it.

In this order, and nothing of a call is done before all of it passed:

1. the connection is known, and its certificate belongs to somebody who is let in now;
2. one of their roles may make this call (`roles.RULES`; no rule, no call);
3. an act that `four_eyes` names is kept as a proposal instead of being done.

Whatever comes of it is added to the trail: with what was done, in one transaction, where the call is about awards;
otherwise afterwards. Refused calls are logged too, by the person's id alone.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from ledger.errors import CairnError, MalformedError
from node.clock import Clock, Draw
from node.errors import AwaitsApprovalError, NotAllowedError
from node.registrar import acting
from node.registrar.csvfile import MAX_FILE_BYTES
from node.registrar.database import Database
from node.registrar.people import acts, proposals, roster, trail
from node.registrar.people import caller as callers
from node.registrar.people.arrivals import Arrival
from node.registrar.people.authority import fingerprint
from node.registrar.people.caller import Caller, Stranger, local_caller
from node.registrar.people.roles import EVERYBODY, RULES, Role, Rule, call_name
from node.registrar.people.trail import Outcome, TrailEntry

MAX_RECORDED_REFUSALS = 60
"""Refused calls of one caller that the trail keeps in an hour: whoever is let in no longer shall not fill the disk."""

_HOUR_MS = 3_600_000

logger = logging.getLogger(__name__)


class Passage:
    """One call that was let in, as the act of its caller (`acting.Act`)."""

    def __init__(self, guard: "Guard", call: str, caller: Caller, rule: Rule) -> None:
        """Begin; use `Guard.passage`."""
        self.call = call
        self.caller = caller
        self.about = ""
        self.outcome = Outcome.DONE
        self.awards = 0
        self.also: Callable[[Session], None] | None = None
        """Further work for the transaction that the call's trace goes with."""
        self.is_recorded = False
        self._guard = guard
        self._rule = rule

    @property
    def is_worth_a_row(self) -> bool:
        """Whether the trail shall know of it."""
        return self._rule.is_recorded and not (self.caller.is_local and self._rule.is_reading)

    async def admit(self, request: Any) -> Any:  # Any, here and below: a message of any call
        """The request of a call with one message, unless it has to wait for a second person."""
        self._look_at(request)
        if self._needs_two(request):
            await self._propose([request])
        return request

    async def admit_stream(self, requests: AsyncIterable[Any]) -> AsyncIterable[Any]:
        """The requests of a call with many, unless they have to wait for a second person."""
        messages = aiter(requests)
        first = await anext(messages, None)
        if first is None:
            return _chained([], messages)
        self._look_at(first)
        if self._needs_two(first):
            await self._propose(await _gather(first, messages))
        return _chained([first], messages)

    def saw(self, answer: Any) -> Any:
        """Count what an answer shows of awards; returns it."""
        if self.call == "Registrar.ListAwards":
            self.awards += len(answer.awards)
        return answer

    def write(self, session: Session, award_ids: Sequence[str]) -> None:
        """Add the trace to a transaction about awards."""
        if not self.is_recorded:
            trail.append(session, self._entry(self.outcome, tuple(award_ids)))
            if self.also is not None:
                self.also(session)

    def committed(self) -> None:
        """The trace is durable."""
        self.is_recorded = True

    async def fail(self, reason: str) -> None:
        """Add the trace of a call that its handler refused."""
        await self.finish(Outcome.FAILED, reason)

    async def finish(self, outcome: Outcome | None = None, reason: str = "") -> None:
        """Add the trace of a call that left none yet."""
        if self.is_recorded or not (self.is_worth_a_row or outcome is Outcome.REFUSED):
            return
        self.is_recorded = True
        await self._guard.record(self._entry(outcome or self.outcome, reason=reason))

    def _look_at(self, first: Any) -> None:
        if getattr(first, "dry_run", False):
            self.outcome = Outcome.TRIED
        # A call that does one of several things is told by which.
        self.about = acts.name_decision(self.call, first)

    def _needs_two(self, first: Any) -> bool:
        return acts.name_act(self.call, first) in self._guard.four_eyes

    async def _propose(self, messages: list[Any]) -> None:
        acts.check_exact(self.call, messages[0])
        content, act = acts.pack(messages), acts.name_act(self.call, messages[0])
        self.outcome = Outcome.PROPOSED

        def write(session: Session) -> str:
            proposal = proposals.propose(
                session, self.caller, self.call, act, content, now=self._guard.clock(), draw=self._guard.draw
            )
            self.about = f"proposal {proposal.id}: {act}"
            acting.acted_on(session)
            return proposal.id

        proposal = await self._guard.database.change(write)
        logger.info("act proposed", extra={"person": self.caller.id, "act": act, "proposal": proposal})
        raise AwaitsApprovalError(
            f"{act}: waits for a second person as proposal {proposal}",
            proposal=proposal,
            hint=f"another person with the role approver or operator: cairn-node registrar approve DIR {proposal}",
        )

    def _entry(self, outcome: Outcome, award_ids: tuple[str, ...] = (), reason: str = "") -> TrailEntry:
        return TrailEntry(
            at=self._guard.clock(),
            who=self.caller.id,
            roles=tuple(self.caller.roles),
            call=self.call,
            outcome=outcome,
            about=self.about,
            award_ids=award_ids,
            awards=self.awards,
            reason=reason,
        )


class Guard:
    """Judges calls by the registrar's database."""

    def __init__(
        self,
        database: Database,
        find_arrival: Callable[[str], Arrival | None],
        four_eyes: Collection[str],
        clock: Clock,
        draw: Draw,
    ) -> None:
        """Take what calls are judged by.

        Args:
            database: the registrar's.
            find_arrival: from gRPC's name of a connection to who came by it (`Door.find_arrival`).
            four_eyes: acts that need a second person.
            clock: Unix ms.
            draw: source of the ids of proposals.
        """
        self.database = database
        self.four_eyes = frozenset(four_eyes)
        self.clock = clock
        self.draw = draw
        self._find_arrival = find_arrival
        self._refusals: Counter[tuple[int, str]] = Counter()

    @asynccontextmanager
    async def passage(self, method: str, peer: str) -> AsyncIterator[Passage]:
        """Let a call in for as long as the context lasts.

        Args:
            method: gRPC's `/cairn.v1.Registrar/Issue`.
            peer: gRPC's name of the connection.

        Raises:
            NotAllowedError: steps 1 and 2.
        """
        call = call_name(method)
        caller = await self._identify(call, peer)
        passage = Passage(self, call, caller, await self._find_rule(call, caller))
        who, what = callers.current.set(caller), acting.current.set(passage)
        try:
            yield passage
        except AwaitsApprovalError:
            raise
        except NotAllowedError as error:
            await self.refuse(call, caller.id, caller.roles, error)
        except CairnError as error:
            await passage.finish(Outcome.FAILED, type(error).__name__)
            raise
        else:
            await passage.finish()
        finally:
            acting.current.reset(what)
            callers.current.reset(who)

    async def record(self, entry: TrailEntry) -> None:
        """Add a row to the trail."""
        # Outside of the act: this transaction is the trace, and has none of its own.
        token = acting.current.set(None)
        try:
            await self.database.change(lambda session: trail.append(session, entry))
        finally:
            acting.current.reset(token)

    async def refuse(self, call: str, who: str, roles: Collection[Role], error: NotAllowedError) -> NoReturn:
        """Log and record a refused call, and raise the error."""
        logger.warning("call refused", extra={"person": who, "call": call, "reason": error.reason})
        key = (self.clock() // _HOUR_MS, who)
        if self._refusals[key] < MAX_RECORDED_REFUSALS:
            self._refusals = Counter({k: n for k, n in self._refusals.items() if k[0] == key[0]})
            self._refusals[key] += 1
            row = TrailEntry(
                at=self.clock(), who=who, roles=tuple(roles), call=call, outcome=Outcome.REFUSED, reason=error.reason
            )
            await self.record(row)
        raise error

    async def _identify(self, call: str, peer: str) -> Caller:
        arrival = self._find_arrival(peer)
        if arrival is None:
            raise NotAllowedError("caller: did not come by this node's door")
        if not arrival.certificate:
            return local_caller(arrival.uid)
        mark, now = fingerprint(arrival.certificate), self.clock()
        found, is_first = await self.database.look(
            lambda session: (roster.identify(session, mark, now), roster.is_first_use(session, mark))
        )
        if isinstance(found, Stranger):
            refusal = NotAllowedError(found.message, reason=found.reason, hint=found.hint)
            await self.refuse(call, found.id, (), refusal)
        if is_first:
            await self.database.change(lambda session: roster.note_first_use(session, mark, now))
        return found

    async def _find_rule(self, call: str, caller: Caller) -> Rule:
        rule = RULES.get(call)
        if rule is None and caller.is_local:
            return Rule(call, EVERYBODY)
        refusal = _judge(call, rule, caller)
        if rule is None or refusal is not None:
            assert refusal is not None  # no rule, no call
            await self.refuse(call, caller.id, caller.roles, refusal)
        return rule


def _judge(call: str, rule: Rule | None, caller: Caller) -> NotAllowedError | None:
    here = "use the node's own computer"
    if rule is None:
        return NotAllowedError(f"{call}: is not for other computers", reason="no rule", hint=here)
    if rule.is_for_here:
        refusal = NotAllowedError(f"nobody may {rule.deed} from another computer", reason="elsewhere", hint=here)
        return None if caller.is_local else refusal
    if caller.is_invited and not rule.is_for_invitations:
        hint = "cairn-node registrar accept FILE trades it for a certificate"
        return NotAllowedError("invitation: opens nothing but the way to a certificate", reason="invitation", hint=hint)
    if rule.is_for_invitations:
        hint = "cairn-node registrar accept FILE does it"
        refusal = NotAllowedError(f"{call}: needs an invitation", reason="no invitation", hint=hint)
        return None if caller.is_invited else refusal
    if caller.roles & {*rule.roles, Role.OPERATOR}:
        return None
    theirs = ", ".join(sorted(caller.roles))
    return NotAllowedError(
        f"person {caller.id} ({theirs}) may not {rule.deed}; roles that may: {rule.who}",
        reason="role",
        hint="ask the node's operator for an invitation with such a role",
    )


async def _gather(first: Any, messages: AsyncIterable[Any]) -> list[Any]:
    gathered, size = [first], first.ByteSize()
    async for message in messages:
        gathered.append(message)
        size += message.ByteSize()
        if size > MAX_FILE_BYTES:
            raise MalformedError(f"file: more than {MAX_FILE_BYTES} bytes")
    return gathered


async def _chained(before: list[Any], messages: AsyncIterable[Any]) -> AsyncIterator[Any]:
    for message in before:
        yield message
    async for message in messages:
        yield message
