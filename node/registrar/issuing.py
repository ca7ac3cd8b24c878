"""From a file of awards to signed copies, in one transaction (DESIGN 9 `issue`).

Rows are read, checked against the achievement and decided; what is new gets its registrar's copy at once, signed and
waiting for the next cut. Either all of it is durable or none.
"""

import dataclasses
from collections.abc import Iterable

from sqlalchemy.orm import Session

from ledger.credential.status import Status
from ledger.errors import RuleError
from ledger.log.charter import BatchPolicy
from node.client.registry import IssueReport, IssueRequest, RowProblem
from node.registrar import acting, awards, copies, cut, decisions
from node.registrar.awards import Decided
from node.registrar.copies import Press
from node.registrar.csvfile import Problem, parse_award_file
from node.registrar.database import Database
from node.registrar.documents import PublishedAchievement
from node.registrar.schedule import forecast


class _DryRun(Exception):
    """Ends the transaction of a dry run; whatever it did is undone."""


def issue_file(database: Database, press: Press, published: PublishedAchievement, request: IssueRequest) -> IssueReport:
    """Decide, sign and store what a file asks for.

    Raises:
        MalformedError: no row of the file can be read.
        RuleError: the achievement is closed, no key for it is in force, or the status list is full.
    """
    if published.closed:
        raise RuleError(f"achievement {published.name.id}: version {published.name.version} is closed for new awards")
    if published.achievement.key_role not in press.keys:
        raise RuleError(
            f"achievement {published.name.id}: no {published.achievement.key_role} key of this node is in force",
            hint="`cairn-node key add` puts one in force",
        )
    file = parse_award_file(request.data, mapping=dict(request.mapping), ignore=request.ignore)
    rows, misfits = copies.check_rows(file.rows, published.achievement, press.issuer)
    outcome: tuple[Decided, int] | None = None
    try:
        with database.write() as session:
            decided = awards.decide_awards(
                session,
                published.name.id,
                published.name.version,
                rows,
                now=press.now,
                draw=press.draw,
                replace=request.replace,
            )
            sign_decided(session, press, published, decided)
            outcome = decided, cut.count_waiting(session)
            if request.dry_run:
                raise _DryRun
    except _DryRun:
        pass
    assert outcome is not None  # the block above ended, or raised what it raised
    decided, waiting = outcome
    return IssueReport(
        achievement=published.name.id,
        version=published.name.version,
        issued=() if request.dry_run else tuple(award.id for award in decided.new),
        new=len(decided.new),
        replaced=len(decided.replaced),
        already=len(decided.already),
        problems=_in_order([*file.problems, *misfits, *decided.problems]),
        ignored=file.ignored,
        waiting=waiting,
        next_cut=None,
        last_cut=None,
    )


def sign_decided(
    session: Session, press: Press, published: PublishedAchievement, decided: Decided, *, reason: str = ""
) -> None:
    """Mark what new awards take the place of as replaced, and make the registrar's copy of each new one.

    Raises:
        RuleError: no key is in force, or the status list is full.
    """
    current = [award for award in decided.replaced if award.status in (Status.VALID, Status.SUSPENDED)]
    decisions.record_decisions(session, current, Status.REPLACED, reason=reason, now=press.now)
    before = copies.credential_ids(session, [award.id for award in decided.replaced])
    replaces = {award.replaced_by: before[award.id] for award in decided.replaced if award.id in before}
    copies.mint_registrar_copies(
        session,
        press,
        published,
        decided.new,
        replaces={new: old for new, old in replaces.items() if new is not None},
    )
    acting.acted_on(session, [award.id for award in decided.new])


def with_forecast(report: IssueReport, policy: BatchPolicy, now: int) -> IssueReport:
    """The report with the instants at which the first and the last waiting copy will be on the ledger."""
    first, last = forecast(policy, now, report.waiting)
    return dataclasses.replace(report, next_cut=first, last_cut=last)


def _in_order(problems: Iterable[Problem]) -> tuple[RowProblem, ...]:
    ordered = sorted(problems, key=lambda problem: problem.line)
    return tuple(RowProblem(problem.line, problem.column, problem.reason) for problem in ordered)
