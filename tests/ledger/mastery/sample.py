"""The sample data set as files in memory, and ways to change one cell, row or member of it."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.mastery import evaluate
from ledger.mastery.dataset import Dataset, parse_dataset

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample"

Files = dict[str, bytes]


def read_folder(folder: Path) -> Files:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def sample_files() -> Files:
    return read_folder(SAMPLE)


def sample() -> Dataset:
    return parse_dataset(sample_files())


def read_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def write_rows(rows: list[dict[str, str]], header: list[str] | None = None) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def edit_rows(files: Files, name: str, change: Callable[[list[dict[str, str]]], object]) -> Files:
    """The files with one table changed in place by `change`."""
    rows = read_rows(files[name])
    header = list(rows[0])
    change(rows)
    return {**files, name: write_rows(rows, header)}


def edit_json(files: Files, name: str, change: Callable[[Any], object]) -> Files:
    """The files with one JSON document changed in place by `change`."""
    value = json.loads(files[name])
    change(value)
    return {**files, name: json.dumps(value, indent=1).encode()}


def results(files: Files) -> bytes:
    return evaluate.encode_results(evaluate.evaluate_all(parse_dataset(files)))


def result_rows(files: Files) -> list[dict[str, str]]:
    return read_rows(results(files))


def find(files: Files, learner: str, target: str) -> dict[str, str]:
    """The result row of one learner and target."""
    (row,) = [r for r in result_rows(files) if (r["learner_id"], r["target"]) == (learner, target)]
    return row
