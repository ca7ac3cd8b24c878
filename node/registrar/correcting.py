"""Correcting what awards say: a misspelt name on all awards of a learner, a wrong date on one (DESIGN 4).

A correction names columns of an award file with their new values; everything else stays as it was. The corrected
award goes the way of a row of a file, through the same checks, and takes the place of the old one.
"""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from ledger.errors import MalformedError, RuleError
from node.registrar import awards, copies
from node.registrar.copies import FindAchievement, Press
from node.registrar.csvfile import RESULT_PREFIX, AwardRow, parse_award_file
from node.registrar.documents import PublishedAchievement
from node.registrar.issuing import sign_decided
from node.registrar.tables import Award

CORRECTABLE = ("name", "awarded_on", "date_of_birth", "valid_until", "credits")
"""Not `learner_id`: an award for another learner is no correction. Not `email`: it is no part of what is awarded."""


@dataclasses.dataclass(frozen=True, slots=True)
class Corrected:
    """An award and what it shall say instead."""

    award: Award
    row: AwardRow
    published: PublishedAchievement


def correct_awards(
    session: Session,
    found: Sequence[Award],
    corrections: Sequence[tuple[str, str]],
    press: Press,
    find: FindAchievement,
) -> list[Corrected]:
    """What the awards would say; those that the corrections do not change are left out. Nothing is stored.

    Raises:
        MalformedError: a correction names no column that can be corrected, or one twice.
        RuleError: a value does not fit; the message names award and column and repeats no value.
    """
    changes = _read_corrections(corrections)
    decided = awards.evaluations_of(session, [award.id for award in found])
    corrected = []
    for award in found:
        published = find(award.achievement, award.version)
        row = dataclasses.replace(_read_row(award, changes), evaluation=decided.get(award.id))
        rows, problems = copies.check_rows([row], published.achievement, press.issuer)
        if problems:
            raise RuleError(f"award {award.id}: {problems[0].column}: {problems[0].reason}")
        if awards.content_of(rows[0]) != awards.content_of(award):
            corrected.append(Corrected(award, rows[0], published))
    return corrected


def store_corrections(session: Session, corrected: Sequence[Corrected], press: Press, *, reason: str) -> dict[str, str]:
    """Put the corrected awards in the place of the old ones, each with its registrar's copy.

    Returns:
        From the old award's id to the new one's.

    Raises:
        RuleError: no key is in force, or the status list is full.
    """
    groups: dict[tuple[str, int], list[Corrected]] = {}
    for one in corrected:
        groups.setdefault((one.award.achievement, one.award.version), []).append(one)
    successors: dict[str, str] = {}
    for (achievement, version), group in groups.items():
        decided = awards.decide_awards(
            session,
            achievement,
            version,
            [one.row for one in group],
            now=press.now,
            draw=press.draw,
            replace={one.award.id for one in group},
        )
        sign_decided(session, press, group[0].published, decided, reason=reason)
        successors |= {old.id: new.id for old, new in zip(decided.replaced, decided.new, strict=True)}
    return successors


def _read_corrections(corrections: Sequence[tuple[str, str]]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for column, value in corrections:
        if column not in CORRECTABLE and not column.startswith(RESULT_PREFIX):
            raise MalformedError(
                f"correction: {column[:40]!r} is nothing that can be corrected",
                hint=f"{', '.join(CORRECTABLE)}, or {RESULT_PREFIX}CODE; what is about another learner is a new award",
            )
        if column in changes:
            raise MalformedError(f"correction: {column} is given twice")
        changes[column] = value
    return changes


def _read_row(award: Award, changes: Mapping[str, str]) -> AwardRow:
    """The award as a row of a file, with the changes, read by the rules for files."""
    values = {
        "learner_id": award.learner_id,
        "name": award.name,
        "awarded_on": award.awarded_on,
        "email": award.email,
        "date_of_birth": award.date_of_birth,
        "valid_until": award.valid_until,
        "credits": award.credits,
        **{f"{RESULT_PREFIX}{code}": value for code, value in awards.results_of(award)},
        **changes,
    }
    text = io.StringIO()
    csv.writer(text).writerows([list(values), list(values.values())])
    # A surrogate cannot be encoded; the reader tells it as text that is not UTF-8.
    file = parse_award_file(text.getvalue().encode("utf-8", "surrogatepass"))
    if file.problems:
        problem = file.problems[0]
        raise RuleError(f"award {award.id}: {problem.column or 'correction'}: {problem.reason}")
    return file.rows[0]
