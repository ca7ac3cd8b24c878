"""Derive `awards/*.csv` from the sample data: `python -m examples.make_awards` rewrites them, a test keeps them fresh.

One row per learner whose diploma the expected results call AWARDED. `result.<requirement>` says how the requirement
was reached (`met` or `waived`), `credits` the total of credits where the definition counts credits. Names and birth
dates come from the roster. Tidewater College's dual-enrolment credit is no diploma of the data set; its row is told
here.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SAMPLE = FOLDER / "sample"
AWARDS = FOLDER / "awards"
AWARDED_ON = "2026-06-15"
"""The `asOf` date of the data set: the day on which the diplomas are decided."""

DUAL_ENROLMENT = {"learner_id": "L01", "credits": "3.00", "result.grade": "A-"}
_TOTAL = re.compile(r"([0-9]+\.[0-9]{2}) any-tier credits")

Row = dict[str, str]


def make_awards() -> dict[str, bytes]:
    """Give the content of every awards file by its name."""
    roster = {row["learner_id"]: row for row in _read("roster.csv")}
    results = _read("expected_results.csv")
    files = {}
    for name in ("granite-hollow", "lantern", "confluence"):
        definition = json.loads((SAMPLE / "requirements" / f"{name}.json").read_bytes())
        requirements = [requirement["id"] for requirement in definition["requirements"]]
        rows = _diplomas(definition["id"], requirements, results)
        files[f"{name}.csv"] = _encode([_person(roster, row["learner_id"]) | row for row in rows])
    files["dual-enrolment.csv"] = _encode([_person(roster, DUAL_ENROLMENT["learner_id"]) | DUAL_ENROLMENT])
    return files


def _diplomas(diploma: str, requirements: list[str], results: list[Row]) -> Iterator[Row]:
    """Yield, for each learner awarded this diploma, how each requirement was reached, and the credits if any."""
    awarded = [r["learner_id"] for r in results if r["target"] == diploma and r["outcome"] == "AWARDED"]
    for learner in awarded:
        rows = {r["target"]: r for r in results if r["learner_id"] == learner and r["kind"] == "requirement"}
        totals = [found for row in rows.values() if (found := _TOTAL.search(row["reason_text"]))]
        credits = {"credits": totals[0].group(1)} if totals else {}
        yield {"learner_id": learner, **credits, **{f"result.{r}": rows[r]["outcome"].lower() for r in requirements}}


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
