"""Lint: remarks about what can be evaluated but was probably not meant."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.mastery.dataset import parse_dataset
from ledger.mastery.lint import lint
from ledger.mastery.problems import ProblemCollector
from tests.ledger.mastery.sample import Files, edit_json, edit_rows, sample, sample_files

Change = Callable[[Files], Files]


def rule(name: str, edit: Callable[[Any], object]) -> Change:
    return lambda files: edit_json(
        files, "rules.json", lambda value: edit(next(r for r in value["rules"] if r["id"] == name))
    )


CASES: dict[str, tuple[Change, str]] = {
    "weights": (rule("LN-F", lambda r: r["sources"][0].update(weight=70)), "rule LN-F: weights add up to 110, not 100"),
    "threshold above": (rule("LN-F", lambda r: r.update(threshold="4.5")),
        "rule LN-F: threshold 4.5 is outside the scale PL4"),
    "threshold below": (rule("LN-F", lambda r: r.update(threshold="0")), "rule LN-F: threshold 0 is outside the scale PL4"),
    "weightless": (rule("CF-CORE", lambda r: r["sources"][0].update(weight=0)),
        "rule CF-CORE: required source class_task has weight 0"),
    "window": (rule("GH-IND", lambda r: r["sources"][0].update(minItems=4)),
        "rule GH-IND: source class_task looks at the last 3 and asks for at least 4"),
    "nobody signs": (lambda f: edit_rows(f, "assessors.csv", lambda rows: rows[12].update(roles="chair")),
        "rule LN-F: nobody holds the sign-off role credit_committee"),
    "machine": (lambda f: f, "rule CF-QUIZ: a machine alone can satisfy it"),
    "machine below": (rule("GH-CLU-QD1", lambda r: r.update(childRule="CF-QUIZ", signOff=None)),
        "rule GH-CLU-QD1: a machine alone can satisfy it"),
    "too many children": (rule("GH-CLU-QD1", lambda r: r.update(atLeast=5)),
        "rule GH-CLU-QD1: asks for 5 indicators of item QD.1, which has 4"),
    "foreign child": (rule("GH-CLU-QD1", lambda r: r.update(mustInclude=["MM.2.a"])),
        "rule GH-CLU-QD1: compulsory indicator MM.2.a is not a child of item QD.1"),
    "nobody waives": (lambda f: edit_rows(f, "assessors.csv", lambda rows: rows[7].update(roles="chair")),
        "diploma granite-hollow: nobody holds the waiver authority superintendent"),
    "nothing to waive": (lambda f: edit_json(f, "requirements/lantern.json", lambda d: d.update(maxWaivers=1)),
        "diploma lantern: 1 waiver(s) are allowed and no requirement is waivable"),
    "closed": (lambda f: edit_json(f, "requirements/lantern.json", lambda d: d.update(validUntil="2026-01-01")),
        "diploma lantern: closed for new enrolments since 2026-01-01"),
    "strangers": (lambda f: edit_rows(f, "evidence.csv", lambda rows: rows[0].update(learner_id="L99")),
        "evidence: 1 row(s) name a learner who is not on the roster and do not count"),
    "unknown items": (lambda f: edit_rows(f, "evidence.csv", lambda rows: rows[0].update(item_code="ZZ")),
        "evidence: 1 row(s) name an item that is not in the framework and do not count"),
    "level off its scale": (lambda f: edit_json(f, "crosswalks.json",
        lambda v: v["crosswalks"][0]["levelMap"].update({"9": "4"})), "crosswalk XW-1: level 9 is not on the scale LV5"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_remarks(name: str) -> None:
    """One doubtful definition, one remark."""
    change, remark = CASES[name]
    assert remark in lint(parse_dataset(change(sample_files())))


def test_the_sample_has_one_remark() -> None:
    """Quizzes are machine-scored by design; nothing else stands out."""
    assert lint(sample()) == ("rule CF-QUIZ: a machine alone can satisfy it",)


@pytest.mark.parametrize("flag", ["aspirational", "feedbackOnly"])
@pytest.mark.parametrize("code", ["MM.2", "MM.2.b", "QD.1.a"])
def test_flagged_items_are_errors_where_a_rule_targets_them(code: str, flag: str) -> None:
    """Directly, as a child of a composite rule, or through a rollup."""

    def change(value: Any) -> None:
        next(item for item in value["CFItems"] if item["humanCodingScheme"] == code)[flag] = True

    with pytest.raises(Exception, match=rf"targets item {code}, which is"):
        parse_dataset(edit_json(sample_files(), "framework.json", change))


def test_a_grant_on_related_items_is_remarked() -> None:
    """`isRelatedTo` is evidence only."""
    files = edit_json(
        sample_files(), "crosswalks.json", lambda v: v["crosswalks"][0].update(associationType="isRelatedTo")
    )
    problems = ProblemCollector()
    parse_dataset(files, problems)
    assert "isRelatedTo is evidence only" in str(problems.remarks[0])
