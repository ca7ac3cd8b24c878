"""Data sets that cannot be read: every problem of every file in one run, each with file, line and column."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.mastery.dataset import parse_dataset
from ledger.mastery.problems import DataSetError
from tests.ledger.mastery.sample import Files, edit_json, edit_rows, results, sample_files

Change = Callable[[Files], Files]


def problems_of(files: Files) -> list[str]:
    with pytest.raises(DataSetError) as caught:
        parse_dataset(files)
    return [str(problem) for problem in caught.value.problems.problems]


def text(name: str, old: str, new: str) -> Change:
    """Replace the first occurrence of a text in a file."""

    def change(files: Files) -> Files:
        assert old.encode() in files[name]
        return {**files, name: files[name].replace(old.encode(), new.encode(), 1)}

    return change


def rule(name: str, edit: Callable[[Any], object]) -> Change:
    return lambda files: edit_json(
        files, "rules.json", lambda value: edit(next(r for r in value["rules"] if r["id"] == name))
    )


def diploma(name: str, edit: Callable[[Any], object]) -> Change:
    return lambda files: edit_json(files, f"requirements/{name}.json", edit)


def cell(name: str, **cells: str) -> Change:
    return lambda files: edit_rows(files, name, lambda rows: rows[0].update(cells))


REFUSED: dict[str, tuple[Change, str]] = {
    "no manifest": (lambda f: {k: v for k, v in f.items() if k != "dataset.json"}, "dataset.json: the file is not there"),
    "no such file": (lambda f: {k: v for k, v in f.items() if k != "waivers.csv"}, "waivers.csv: the file is not there"),
    "a path out of the folder": (text("dataset.json", '"roster.csv"', '"../roster.csv"'),
        "dataset.json: line 14, column 12: roster: '../roster.csv' is not a path inside the folder of the data set"),
    "a misspelt member": (text("dataset.json", '"waivers":', '"waviers":'),
        "dataset.json: line 20, column 13: waviers: unknown member 'waviers'"),
    "no such day": (text("dataset.json", "2026-06-15", "2026-06-31"),
        "dataset.json: line 4, column 10: asOf: 2026-06-31 is not a day of the calendar"),
    "broken json": (text("scales.json", '"scales":', '"scales"'), "scales.json: line 2, column 11: not JSON: expecting ':'"),
    "a value off its scale": (cell("evidence.csv", value="5"),
        "evidence.csv: line 2, column 45: value: '5' is not on the scale PL4"),
    "a percentage of 101": (cell("evidence.csv", scale="PCT", value="101"),
        "evidence.csv: line 2, column 45: value: '101' is not on the scale PCT"),
    "a word for a level": (cell("evidence.csv", value="good"),
        "evidence.csv: line 2, column 45: value: 'good' is not on the scale PL4"),
    "a purpose of its own": (cell("evidence.csv", purpose="Judging"),
        "evidence.csv: line 2, column 33: purpose: 'Judging' is not one of judging, practice"),
    "a day spelt otherwise": (cell("evidence.csv", observed_on="08.10.2024"),
        "evidence.csv: line 2, column 47: observed_on: '08.10.2024' is not a date (YYYY-MM-DD)"),
    "an id twice": (cell("evidence.csv", evidence_id="EV-0002"),
        "evidence.csv: line 3, column 1: evidence_id: EV-0002 stands twice"),
    "a decision of its own": (cell("signoffs.csv", decision="maybe"),
        "signoffs.csv: line 2, column 26: decision: 'maybe' is not one of approve, decline"),
    "hours below zero": (cell("experiences.csv", hours="-1"),
        "experiences.csv: line 2, column 70: hours: -1 is below zero"),
    "a diploma nobody defined": (cell("roster.csv", diploma_id="phd"),
        "roster.csv: line 2, column 36: diploma_id: no requirement set is called phd"),
    "a birthday that is none": (cell("roster.csv", date_of_birth="yesterday"),
        "roster.csv: line 2, column 25: date_of_birth: is not a date (YYYY-MM-DD)"),
    "a correction of a waiver": (cell("status_events.csv", target_kind="waiver"),
        "status_events.csv: line 2, column 23: event: only evidence is superseded, a waiver is voided"),
    "a correction by nothing": (cell("status_events.csv", by_ref=""),
        "status_events.csv: line 2, column 35: by_ref: a supersede names its replacement"),
    "a rule twice": (rule("LN-F", lambda r: r.update(id="LN-A")), "rule LN-A stands twice"),
    "a child rule that is not there": (rule("GH-CLU-QD1", lambda r: r.update(childRule="X")), "child rule X is not among"),
    "a rollup of a composite rule": (rule("CF-QUANT", lambda r: r["sources"][0].update(childRule="GH-CLU-QD1")),
        "a rollup needs values, and composite rule GH-CLU-QD1 gives none"),
    "a threshold in words": (rule("LN-F", lambda r: r.update(threshold="high")), "threshold: is not a decimal"),
    "a scale that is not there": (rule("LN-F", lambda r: r.update(scale="PL9")), "scale PL9 is not among the scales"),
    "a method of its own": (rule("LN-F", lambda r: r["sources"][0]["aggregate"].update(method="median")),
        "method: is not one of most_recent, trailing_mean, mean, best"),
    "a window of nothing": (rule("GH-IND", lambda r: r["sources"][0]["aggregate"].update(n=0)),
        "n: is not a whole number from 1"),
    "a misspelt limit": (rule("LN-F", lambda r: r.update(maxAge=3)), "maxAge: unknown member 'maxAge'"),
    "a weight below zero": (rule("LN-F", lambda r: r["sources"][0].update(weight=-1)), "weight: -1 is below zero"),
    "nothing to divide by": (rule("GH-IND", lambda r: r["sources"][0].update(weight=0)),
        "sources: sources that weigh nothing could be the only ones present"),
    "more sources than there are": (rule("GH-IND", lambda r: r.update(minSources=2)),
        "minSources: 2 sources are asked for, the rule has 1"),
    "an operation nobody knows": (diploma("lantern", lambda d: d["requirements"][0]["test"].update(op="most")),
        "op: is not one of mastered, localMastered"),
    "an item without a rule": (diploma("granite-hollow", lambda d: d["requirements"][0]["test"].update(rules={})),
        "rules: item MM.2 has no rule"),
    "an item that is not there": (diploma("lantern", lambda d: d["awards"][0].update(item="ZZ")),
        "item ZZ is not in the framework"),
    "an unknown rule": (diploma("lantern", lambda d: d["awards"][0].update(rule="ZZ")), "rule ZZ is not among the rules"),
    "an area that is not there": (diploma("lantern", lambda d: d["requirements"][0]["test"].update(everyArea=["ZZ"])),
        "everyArea[0]: item ZZ is not in the framework"),
    "a compulsory stranger": (diploma("confluence", lambda d: d["requirements"][0]["test"].update(mustInclude=["MM.1"])),
        "mustInclude[0]: item MM.1 is compulsory and not among the items"),
    "more than there are": (diploma("confluence", lambda d: d["requirements"][0]["test"].update(atLeast=6)),
        "atLeast: 6 items are asked for, the test has 5"),
    "a local item nobody judges": (diploma("confluence", lambda d: d["requirements"][4]["test"].update(items=["MM.1"])),
        "localMastered names item MM.1, which no mastered test of the diploma has a rule for"),
    "an experience that asks for nothing": (diploma("lantern", lambda d: d["requirements"][3]["test"].pop("minCount")),
        "an experience test asks for minCount, minHours or both"),
    "a requirement twice": (diploma("lantern", lambda d: d["requirements"][1].update(id="R1")),
        "requirement R1 stands twice"),
    "two awards of one code": (diploma("lantern", lambda d: d["awards"][1].update(code="MM.1/F")),
        "awards: two awards have one code"),
    "a set twice": (diploma("lantern", lambda d: d.update(id="confluence")),
        "requirement set confluence stands in another file too"),
    "a crosswalk to nowhere": (text("crosswalks.json", '"IS.1"', '"IS.9"'), "item IS.9 is not in the framework"),
    "a level map in words": (text("crosswalks.json", '"4": "3"', '"4": "good"'), "'good' is not a decimal number"),
    "a conversion to nowhere": (text("scales.json", '"from": "PCT"', '"from": "PC"'), "scale PC is not among the scales"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    """One mistake, one problem that says where it is and what is wrong."""
    change, reason = REFUSED[name]
    assert any(reason in problem for problem in problems_of(change(sample_files()))), problems_of(
        change(sample_files())
    )


def test_all_problems_come_in_one_run() -> None:
    """Mistakes in tables, definitions and missing files are told together, in the order of files and lines."""
    files = sample_files()
    for name in ("an id twice", "a threshold in words", "hours below zero", "no such file", "an unknown rule"):
        files = REFUSED[name][0](files)
    found = problems_of(cell("evidence.csv", evidence_id="EV-0002", observed_on="never")(files))
    assert [problem.split(":")[0] for problem in found] == [
        "evidence.csv",
        "experiences.csv",
        "requirements/lantern.json",
        "rules.json",
        "waivers.csv",
    ]


def test_problems_never_show_a_name_or_a_date_of_birth() -> None:
    """What is told of the roster holds neither, and neither does a learner's `repr`."""
    files = edit_rows(sample_files(), "roster.csv", lambda rows: rows[0].update(date_of_birth="11.02.2008"))
    told = "\n".join(problems_of(files))
    assert "2008" not in told and "Pebble" not in told
    learner = parse_dataset(sample_files()).learners[0]
    assert "2008" not in repr(learner) and "Pebble" not in repr(learner)


def test_files_that_are_not_named_are_not_needed() -> None:
    """A data set without crosswalks, waivers, transfers and events is evaluated without them."""
    optional = ("crosswalks", "waivers", "transfers", "statusEvents")
    files = edit_json(sample_files(), "dataset.json", lambda value: [value.pop(name) for name in optional])
    rows = results({name: data for name, data in files.items() if name.removesuffix(".csv") not in optional})
    assert b"waived" not in rows.replace(b"0 waived", b"")


def test_what_names_something_unknown_does_not_count() -> None:
    """Unknown learners, items, assessors and targets are no mistakes of the file: such rows simply do not count."""
    files = sample_files()
    stray = b"EV-X,9999,L99,ZZ.9,class_task,judging,PL4,3,2026-01-01,2026-01-01,T-99,in_school,x\n"
    event = b"SE-9,evidence,EV-none,void,,2026-01-01,x\n"
    files |= {
        "evidence.csv": files["evidence.csv"] + stray,
        "status_events.csv": files["status_events.csv"] + event,
    }
    assert results(files) == files["expected_results.csv"]
