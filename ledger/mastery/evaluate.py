"""The evaluator: from a data set to judgments, requirements and a diploma for each learner, with their reasons.

Learners are evaluated one by one and share nothing but definitions, so a data set of any number of learners needs the
memory of its rows and of one case. Results are rows in a fixed order: items, awards, requirements, diploma.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.mastery import exact, table
from ledger.mastery.case import Case
from ledger.mastery.consent import HEADER as SHARING_HEADER
from ledger.mastery.consent import Sharing, decide_sharing
from ledger.mastery.dataset import Dataset
from ledger.mastery.judge import judge_item
from ledger.mastery.judgment import Judgment
from ledger.mastery.requirements import MasteredTest, Requirement, RequirementSet
from ledger.mastery.rules import child_rules_of
from ledger.mastery.testing import answer, judge_award
from ledger.mastery.verdict import Status, TestResult
from ledger.mastery.waivers import Waiver, latest_waiver

HEADER = (
    "learner_id",
    "kind",
    "target",
    "rule_or_op",
    "outcome",
    "value",
    "threshold",
    "reason_code",
    "reason_text",
)


class DiplomaOutcome(StrEnum):
    """What a diploma definition says about a learner, as of one date."""

    AWARDED = "AWARDED"
    PENDING = "PENDING"
    NOT_AWARDED = "NOT_AWARDED"


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One requirement: its test's answer, and the waiver that stands in for it where there is one."""

    requirement: Requirement
    result: TestResult
    waiver: Waiver | None

    @property
    def outcome(self) -> str:
        """`MET`, `PENDING`, `UNMET` or `WAIVED`."""
        return "WAIVED" if self.waiver is not None else self.result.status.value

    @property
    def text(self) -> str:
        """The reason, as README section 11 words it."""
        if self.waiver is not None:
            waiver = self.waiver
            return f"{self.requirement.id} waived: {waiver.id} by {waiver.granted_by} on {waiver.granted_on}."
        return f"{self.requirement.id} {self.outcome.lower()}: {self.result.text}."


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evaluation:
    """Everything about one learner under one diploma definition."""

    case: Case
    definition: RequirementSet
    items: tuple[Judgment, ...]
    """Those with something to say: evidence or a transfer, counted or not; children before their cluster."""
    awards: tuple[Judgment, ...]
    """Those with evidence for their item."""
    requirements: tuple[RequirementResult, ...]

    @property
    def learner(self) -> str:
        """The learner's id."""
        return self.case.learner

    def ids(self, outcome: str) -> list[str]:
        """Ids of the requirements with an outcome."""
        return [one.requirement.id for one in self.requirements if one.outcome == outcome]

    @property
    def outcome(self) -> DiplomaOutcome:
        """UNMET dominates, then PENDING."""
        if self.ids(Status.UNMET):
            return DiplomaOutcome.NOT_AWARDED
        return DiplomaOutcome.PENDING if self.ids(Status.PENDING) else DiplomaOutcome.AWARDED

    @property
    def text(self) -> str:
        """The reason for the diploma."""
        unmet, pending = ", ".join(self.ids(Status.UNMET)), ", ".join(self.ids(Status.PENDING))
        match self.outcome:
            case DiplomaOutcome.AWARDED:
                return f"Awarded: {len(self.ids(Status.MET))} met, {len(self.ids('WAIVED'))} waived."
            case DiplomaOutcome.PENDING:
                return f"Pending: {pending}."
            case DiplomaOutcome.NOT_AWARDED:
                return f"Not awarded: {unmet}{f'; pending {pending}' if pending else ''}."

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of the results file, in its columns."""
        for kind, judged in (("item", self.items), ("award", self.awards)):
            for one in judged:
                value = "" if one.value is None else exact.show(one.value)
                outcome, reason = one.outcome.value, one.reason.value
                yield self.learner, kind, one.code, one.rule, outcome, value, one.threshold, reason, one.text
        for found in self.requirements:
            target, op = found.requirement.id, found.requirement.test.op
            yield self.learner, "requirement", target, op, found.outcome, "", "", found.outcome, found.text
        outcome = self.outcome.value
        yield self.learner, "diploma", self.definition.id, "all", outcome, "", "", outcome, self.text


def evaluate(dataset: Dataset, learner: str, diploma: str) -> Evaluation:
    """Evaluate one learner under one diploma definition, both by id, as of the data set's date.

    A pure function: evaluating twice, in any order, on any computer gives the same answer.

    Raises:
        KeyError: the data set has no such definition.
    """
    definition = dataset.requirement_sets[diploma]
    case = Case(dataset, learner)
    return Evaluation(
        case=case,
        definition=definition,
        items=tuple(_list_items(case, definition)),
        awards=tuple(_list_awards(case, definition)),
        requirements=tuple(_answer_requirements(case, definition)),
    )


def evaluate_all(dataset: Dataset) -> Iterator[Evaluation]:
    """Evaluate every learner under the diploma the roster names, in roster order; those without one are passed over."""
    for learner in dataset.learners:
        if learner.diploma:
            yield evaluate(dataset, learner.id, learner.diploma)


def encode_results(evaluations: Iterator[Evaluation] | Sequence[Evaluation]) -> bytes:
    """The results file: the same bytes on every node."""
    return table.encode_table([HEADER, *(row for evaluation in evaluations for row in evaluation.rows())])


def decide_all_sharing(dataset: Dataset) -> list[Sharing]:
    """Who may present a record, in roster order."""
    return [decide_sharing(learner, dataset.as_of) for learner in dataset.learners]


def encode_sharing(decisions: Sequence[Sharing]) -> bytes:
    """The sharing file."""
    return table.encode_table([SHARING_HEADER, *(decision.cells() for decision in decisions)])


def _answer_requirements(case: Case, definition: RequirementSet) -> Iterator[RequirementResult]:
    """Requirements in their order, which decides which of them use up the waivers."""
    used = 0
    for requirement in definition.requirements:
        result = answer(case, definition, requirement.test)
        waiver: Waiver | None = None
        if result.status is not Status.MET and requirement.is_waivable and used < definition.max_waivers:
            waivers = case.waivers_of(definition.id, requirement.id)
            waiver = latest_waiver(w for w in waivers if w.authority_role in definition.waiver_authorities)
        used += waiver is not None
        yield RequirementResult(requirement, result, waiver)


def _list_items(case: Case, definition: RequirementSet) -> Iterator[Judgment]:
    seen = {row.item for row in case.rows.evidence}
    named = {
        item
        for item, crosswalks in case.dataset.crosswalks.items()
        if any(crosswalk.names(transfer) for crosswalk in crosswalks for transfer in case.rows.transfers)
    }
    listed = set[tuple[str, str]]()
    for test in definition.tests():
        if isinstance(test, MasteredTest):
            for item, rule in zip(test.items, test.rules, strict=True):
                for target in _walk_items(case.dataset, item, rule):
                    is_top = target == (item, rule)
                    is_told = _is_looked_at(case.dataset, *target, seen) or (is_top and item in named)
                    if is_told and target not in listed:
                        listed.add(target)
                        yield judge_item(case, *target)


def _walk_items(dataset: Dataset, item: str, rule: str) -> Iterator[tuple[str, str]]:
    """The children a rule looks at, with theirs, then the item itself; each with the rule that judges it."""
    for child_rule in child_rules_of(dataset.rules[rule]):
        for child in dataset.framework.children.get(item, ()):
            yield from _walk_items(dataset, child, child_rule)
    yield item, rule


def _is_looked_at(dataset: Dataset, item: str, rule: str, seen: set[str]) -> bool:
    """Whether there is evidence for the item or for something below it that its rule looks at."""
    return any(target in seen for target, _ in _walk_items(dataset, item, rule))


def _list_awards(case: Case, definition: RequirementSet) -> Iterator[Judgment]:
    seen = {row.item for row in case.rows.evidence}
    for award in definition.awards:
        if award.item in seen:
            yield judge_award(case, award)
