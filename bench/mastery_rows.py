"""Evaluating mastery: a district's learners against three diplomas, and importing a large framework.

A data set is made from the sample's definitions and, learner by learner, from its rows drawn at random. It is read and
evaluated in a process of its own, so that its memory is its own: `python -m bench.mastery_rows FOLDER`.
"""

import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from ledger.mastery.evaluate import Evaluation, encode_results, evaluate
from ledger.mastery.framework import parse_framework
from ledger.mastery.problems import ProblemCollector
from node.commands.evaluate import load_dataset

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "sample"
EVIDENCE_PER_LEARNER = 100
FRAMEWORK_ITEMS = 5_000
DEADLINE_SECONDS = 600
_FIRST_DAY = date(2024, 9, 1)
_SCHOOL_DAYS = 600
_OTHER_TABLES = ("signoffs.csv", "experiences.csv", "credentials.csv", "transfers.csv")

Table = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What reading and evaluating a data set took, in a fresh process on one core."""

    rows: int
    """Rows of evidence."""
    seconds: float
    """From the first byte read to the last result row, without the start of Python."""
    cpu_seconds: float
    """The same in processor time, which other processes disturb less."""
    mebibytes: float
    """The most memory the process ever had."""

    @property
    def row_seconds(self) -> float:
        """Processor time for one row."""
        return self.cpu_seconds / self.rows


def measure(learners: int, rounds: int) -> Measured:
    """Read and evaluate a data set of so many learners, 100 rows of evidence each, against three diplomas; the best."""
    with _make_dataset(learners) as folder:
        return min((_measure(folder, learners) for _ in range(rounds)), key=lambda one: one.seconds)


def _measure(folder: Path, learners: int) -> Measured:
    command = [sys.executable, "-m", "bench.mastery_rows", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True)
    found = json.loads(done.stdout)
    assert found["rows"] == learners * EVIDENCE_PER_LEARNER
    assert found["evaluations"] == learners * 3
    return Measured(found["rows"], found["seconds"], found["cpu_seconds"], found["mebibytes"])


def import_framework(rounds: int) -> float:
    """Seconds to read a framework of 5,000 items in four layers."""
    data = _make_framework(FRAMEWORK_ITEMS)
    times = []
    for _ in range(rounds):
        problems = ProblemCollector()
        started = time.perf_counter()
        framework = parse_framework("framework.json", data, problems)
        times.append(time.perf_counter() - started)
        problems.refuse()
        assert framework is not None and len(framework.items) == FRAMEWORK_ITEMS
    return median(times)


@contextmanager
def _make_dataset(learners: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as name:
        folder = Path(name) / "dataset"
        shutil.copytree(SAMPLE, folder)
        draw = random.Random(learners)
        roster, evidence = _read("roster.csv"), _read("evidence.csv")
        others = {table: _by_learner(_read(table)) for table in _OTHER_TABLES}
        people = [(f"N{number:06d}", draw.choice(roster)) for number in range(learners)]
        _write(folder / "roster.csv", roster, ({**like, "learner_id": one} for one, like in people))
        _write(folder / "evidence.csv", evidence, _draw_evidence(draw, [one for one, _ in people], evidence))
        for table, rows in others.items():
            # Decisions and experiences are those of one sample learner, whole, so that diplomas are really awarded.
            copies = ((one, row) for one, like in people for row in rows.get(like["learner_id"], ()))
            key = next(iter(_read(table)[0]))
            made = ({**row, "learner_id": one, key: f"{row[key]}-{one}"} for one, row in copies)
            _write(folder / table, _read(table), made)
        for table in ("waivers.csv", "status_events.csv"):
            _write(folder / table, _read(table), iter(()))
        yield folder


def _draw_evidence(draw: random.Random, learners: list[str], sample: Table) -> Iterator[dict[str, str]]:
    days = [(_FIRST_DAY + timedelta(days=number)).isoformat() for number in range(_SCHOOL_DAYS)]
    seq = 0
    # As student systems write it: in the order of recording, not learner by learner.
    for _ in range(EVIDENCE_PER_LEARNER):
        for learner in learners:
            seq += 1
            day = draw.choice(days)
            yield {
                **draw.choice(sample), "evidence_id": f"EV-{seq:08d}", "seq": str(seq), "learner_id": learner,
                "observed_on": day, "recorded_on": day,
            }  # fmt: skip


def _make_framework(items: int) -> bytes:
    """Five areas, ten clusters in each, ten standards in each of those, and indicators below them."""
    parents = ["" if n < 5 else str((n - 5) // 10) for n in range(items)]
    found = [
        {"identifier": f"id-{n}", "humanCodingScheme": str(n), "fullStatement": f"The learner can do thing number {n}."}
        for n in range(items)
    ]
    links = [
        {
            "associationType": "isChildOf",
            "sequenceNumber": number,
            "originNodeURI": {"title": str(number), "identifier": f"id-{number}"},
            "destinationNodeURI": {"title": parent, "identifier": f"id-{parent}" if parent else "doc"},
        }
        for number, parent in enumerate(parents)
    ]
    document = {"identifier": "doc", "uri": "urn:cairn:framework:bench:1.0", "title": "Bench", "version": "1.0"}
    return json.dumps({"CFDocument": document, "CFItems": found, "CFAssociations": links}, indent=1).encode()


def _read(name: str) -> Table:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _by_learner(rows: Table) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for row in rows:
        found.setdefault(row["learner_id"], []).append(row)
    return found


def _write(path: Path, sample: Table, rows: Iterator[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(sample[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _evaluate(folder: Path) -> dict[str, float]:
    """Read and evaluate a folder, as `cairn-node evaluate` does, but every learner under every diploma."""
    evaluations = 0

    def answer() -> Iterator[Evaluation]:
        nonlocal evaluations
        for learner in dataset.learners:
            for diploma in dataset.requirement_sets:
                evaluations += 1
                yield evaluate(dataset, learner.id, diploma)

    started, worked = time.perf_counter(), time.process_time()
    dataset = load_dataset(folder, ProblemCollector())
    encode_results(answer())
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    return {
        "cpu_seconds": cpu_seconds,
        "evaluations": evaluations,
        "mebibytes": _peak_mebibytes(),
        "rows": sum(len(rows.evidence) for rows in dataset.rows.values()),
        "seconds": seconds,
    }


def _peak_mebibytes() -> float:
    # Not `getrusage`: its figure is inherited from whoever started the process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    print(json.dumps(_evaluate(Path(sys.argv[1]))))
