"""Derive `awards/*.csv` from the sample data: `python -m examples.make_awards` rewrites them, a test keeps them fresh.

The evaluator makes them, as `cairn-node evaluate examples/sample --awards examples/awards` does. Tidewater College's
dual-enrolment credit is no diploma of the data set; its row is told here.
"""

import csv
import io
import sys
from pathlib import Path

from ledger.mastery.evaluate import evaluate_all
from ledger.mastery.problems import ProblemCollector
from node.commands.evaluate import load_dataset, open_award_lists

FOLDER = Path(__file__).resolve().parent
SAMPLE = FOLDER / "sample"
AWARDS = FOLDER / "awards"
AWARDED_ON = "2026-06-15"
"""The `asOf` date of the data set: the day on which the diplomas are decided."""

DUAL_ENROLMENT = {"learner_id": "L01", "credits": "3.00", "result.grade": "A-"}

Row = dict[str, str]


def make_awards() -> dict[str, bytes]:
    """Give the content of every awards file by its name."""
    dataset = load_dataset(SAMPLE, ProblemCollector())
    lists = open_award_lists(SAMPLE, dataset)
    for evaluation in evaluate_all(dataset):
        lists.add(evaluation)
    files = {f"{name}.csv": data for name, data in lists.encode().items()}
    roster = {row["learner_id"]: row for row in _read("roster.csv")}
    files["dual-enrolment.csv"] = _encode([_person(roster, DUAL_ENROLMENT["learner_id"]) | DUAL_ENROLMENT])
    return files


def _person(roster: dict[str, Row], learner: str) -> Row:
    person = roster[learner]
    return {
        "learner_id": learner,
        "name": person["fictional_name"],
        "date_of_birth": person["date_of_birth"],
        "awarded_on": AWARDED_ON,
    }


def _read(name: str) -> list[Row]:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _encode(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def main() -> None:
    """Rewrite the files and name them."""
    for name, data in make_awards().items():
        (AWARDS / name).write_bytes(data)
        sys.stdout.write(f"{AWARDS / name}\n")


if __name__ == "__main__":
    main()
