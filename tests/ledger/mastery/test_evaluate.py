"""The evaluator against the expected results, against a second evaluator, and against disorder."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.mastery import evaluate
from ledger.mastery.dataset import parse_dataset
from tests.ledger.mastery.naive_diploma import NaiveDiploma
from tests.ledger.mastery.sample import (
    SAMPLE,
    Files,
    edit_rows,
    find,
    read_folder,
    read_rows,
    results,
    sample,
    sample_files,
    write_rows,
)
from tests.shared import shared_path

ROOT = Path(__file__).resolve().parents[3]
TABLES = (
    "evidence.csv",
    "signoffs.csv",
    "experiences.csv",
    "credentials.csv",
    "waivers.csv",
    "transfers.csv",
    "status_events.csv",
    "assessors.csv",
)


@pytest.mark.parametrize("where", ["examples", "shared"])
def test_every_expected_row_byte_for_byte(where: str) -> None:
    """552 of 552 result rows and 30 of 30 sharing rows, reason texts included."""
    files = read_folder(SAMPLE if where == "examples" else shared_path("data"))
    dataset = parse_dataset(files)
    assert len(read_rows(files["expected_results.csv"])) == 552
    assert evaluate.encode_results(evaluate.evaluate_all(dataset)) == files["expected_results.csv"]
    assert len(read_rows(files["expected_sharing.csv"])) == 30
    assert evaluate.encode_sharing(evaluate.decide_all_sharing(dataset)) == files["expected_sharing.csv"]


def test_the_second_evaluator_agrees_on_the_sample() -> None:
    """The naive evaluator of the tests was written from the README and gives the same bytes."""
    files = sample_files()
    naive = NaiveDiploma(files)
    assert naive.results() == files["expected_results.csv"]
    assert naive.sharing() == files["expected_sharing.csv"]


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows_and_files_does_not_matter(seed: int) -> None:
    """Tables in any order of rows, and files in any order, give the same bytes; the roster alone orders the output."""
    draw = random.Random(seed)
    files = sample_files()
    for name in TABLES:
        files = edit_rows(files, name, draw.shuffle)
    names = list(files)
    draw.shuffle(names)
    assert results({name: files[name] for name in names}) == files["expected_results.csv"]


def test_columns_may_stand_in_any_order() -> None:
    """Tables are read by the names in their header."""
    files = sample_files()
    rows = read_rows(files["evidence.csv"])
    turned = write_rows(rows, list(reversed(list(rows[0]))))
    assert results({**files, "evidence.csv": turned}) == files["expected_results.csv"]


def test_line_ends_and_byte_order_mark_of_spreadsheets() -> None:
    """CRLF and a byte order mark, as spreadsheet programs write them, change nothing."""
    files = sample_files()
    changed = {name: b"\xef\xbb\xbf" + files[name].replace(b"\n", b"\r\n") for name in (*TABLES, "roster.csv")}
    assert results({**files, **changed}) == files["expected_results.csv"]


def test_evaluating_twice_changes_nothing() -> None:
    """Idempotence: the same data set, in whatever order of learners, gives the same rows."""
    dataset = sample()
    first = [list(one.rows()) for one in evaluate.evaluate_all(dataset)]
    again = [list(evaluate.evaluate(dataset, one.id, one.diploma).rows()) for one in reversed(dataset.learners)]
    assert first == again[::-1]


@pytest.mark.parametrize(("seed", "zone", "language"), [("1", "Pacific/Kiritimati", "C"), ("77", "UTC", "de_DE.UTF-8")])
def test_another_process_gives_the_same_bytes(seed: str, zone: str, language: str) -> None:
    """Hash seed, time zone and locale of a process do not reach the result."""
    code = (
        "import sys\n"
        "from tests.ledger.mastery.sample import sample_files, results\n"
        "sys.stdout.buffer.write(results(sample_files()))\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, timeout=60, check=True
    )
    assert done.stdout == sample_files()["expected_results.csv"]


def test_one_learner_alone_is_judged_as_among_the_others() -> None:
    """Learners share nothing: without the others' rows each gets the same results."""
    files = sample_files()
    expected = read_rows(files["expected_results.csv"])
    for learner in ("L07", "L19", "L29"):
        alone = files
        for name in ("roster.csv", "evidence.csv", "signoffs.csv", "experiences.csv", "credentials.csv"):
            alone = edit_rows(alone, name, lambda rows, me=learner: _keep(rows, me))
        assert read_rows(results(alone)) == [row for row in expected if row["learner_id"] == learner]


def _keep(rows: list[dict[str, str]], learner: str) -> None:
    rows[:] = [row for row in rows if row["learner_id"] == learner]


def test_words_are_those_of_the_glossary() -> None:
    """Nobody is told to have failed."""
    assert b"fail" not in sample_files()["expected_results.csv"].lower()


def test_a_learner_without_a_diploma_has_no_results() -> None:
    """A roster row may name no diploma yet; sharing is decided all the same."""
    files = edit_rows(sample_files(), "roster.csv", lambda rows: rows[0].update(diploma_id=""))
    assert "L01" not in {row["learner_id"] for row in read_rows(results(files))}
    assert evaluate.decide_all_sharing(parse_dataset(files))[0].learner == "L01"


def test_other_codes_and_another_day() -> None:
    """Nothing hangs on the sample's codes or date: renamed learners and a later day are evaluated like any other."""
    files: Files = {
        name: data.replace(b"L29", b"learner/29").replace(b"IS.1", b"q9") if not name.startswith("expected") else data
        for name, data in sample_files().items()
    }
    row = find(files, "learner/29", "q9")
    assert (row["outcome"], row["reason_code"]) == ("MASTERED", "MASTERED_BY_TRANSFER")
    later = {**files, "dataset.json": files["dataset.json"].replace(b"2026-06-15", b"2040-01-01")}
    assert find(later, "learner/29", "confluence")["outcome"] == "NOT_AWARDED"
