"""docs/monitoring.md has every finding, check, metric and event, and nothing that does not exist."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from node.client.finding import Finding, FindingCode, Severity
from node.diskspace import DiskSpace
from node.doctor.check import Topic
from node.metrics.families import describe_snapshot
from node.metrics.meters import Meters
from node.metrics.snapshot import PeerFigures, Snapshot
from node.registrar.nodestatus import Queue
from node.web.health import Health
from tests.docs.events import UnreadableError, events_of, read_events

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def rows(first_heading: str) -> dict[str, list[str]]:
    table = re.search(rf"^\| {first_heading} \|.*\n\|[ |-]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table is not None, f"docs/monitoring.md has no table of {first_heading}"
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
    assert len({row[0] for row in cells}) == len(cells), "a row stands there twice"
    return {row[0].strip("`"): row[1:] for row in cells}


SNAPSHOT = Snapshot(
    health=Health(log="x", size=5, waiting="", head_size=5, head_age_ms=1000, required=2, present=2, has_quorum=True),
    witnesses=3,
    may_sign=True,
    logs=2,
    entries=9,
    peers=(PeerFigures(address="peer.example:1", is_reached=True, reached_at=1000, lag=0),),
    peer_count=1,
    quota_bytes=1,
    grown_bytes=1,
    paused_logs=0,
    queue=Queue(0, 0, 1000),
    next_cut=1000,
    disk=DiskSpace(free_bytes=1, total_bytes=1, free_inodes=1),
    ledger_bytes=1,
    database_bytes=1,
    loop_lag_seconds=0.0,
    clock_offset_ms=0,
    certificates={"http": 1000},
    findings=(Finding(code=FindingCode.FORK, severity=Severity.PROBLEM, what="x", do="y"),),
)
"""A moment at which every figure exists."""


def families() -> list[Metric]:
    """Every family, with a sample of each."""
    meters, process = Meters(), CollectorRegistry()
    ProcessCollector(registry=process)
    meters.call_ended("/cairn.v1.Ledger/GetHeads", "OK", 0.1)
    meters.cut_ended("made", 0.1)
    return [*describe_snapshot(SNAPSHOT), *meters.collect(), *process.collect()]


def test_every_metric_is_explained_with_its_labels() -> None:
    """With its type; `le` of histograms is Prometheus's own."""
    found = {
        family.name: (family.type, sorted({label for sample in family.samples for label in sample.labels} - {"le"}))
        for family in families()
    }
    assert {name: (row[0], re.findall(r"\w+", row[1])) for name, row in rows("metric").items()} == found
    assert all(row[-1] for row in rows("metric").values())


def test_names_say_their_unit() -> None:
    """As Prometheus asks: base units, at the end of the name; instants say that they are."""
    for family in families():
        assert re.fullmatch(r"(cairn|process)_[a-z_]+", family.name), family.name
        assert not re.search(r"_(ms|minutes|mb|kib|mib)(_|$)", family.name)
        assert family.documentation


def test_every_finding_is_explained() -> None:
    """In the order of the program, each with what to do."""
    told = rows("finding")
    assert list(told) == [code.value for code in FindingCode]
    severities = {word.value for word in Severity}
    for name, (severity, what, do) in told.items():
        assert set(severity.split(" or ")) <= severities, name
        assert what and do


def test_every_check_of_doctor_is_explained() -> None:
    assert list(rows("check")) == [topic.value for topic in Topic]
    assert all(row[0] for row in rows("check").values())


def test_every_event_is_explained_with_its_fields() -> None:
    """What the node can log is what stands there: text, levels, names of fields. What is missing is printed as a row."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for event in read_events(ROOT):
        levels, fields = found.setdefault(event.name, (set(), set()))
        levels |= event.levels
        fields |= event.fields
    told = {name: ({*row[0].split(", ")}, {*re.findall(r"\w+", row[1])}) for name, row in rows("event").items()}
    missing = [
        f"| `{name}` | {', '.join(sorted(levels))} | {', '.join(sorted(fields))} | what it means |"
        for name, (levels, fields) in sorted(found.items())
        if told.get(name) != (levels, fields)
    ]
    assert missing == [], "put these into the table of events in docs/monitoring.md, with words of your own"
    assert sorted(told.keys() - found.keys()) == [], "these do not exist any more"
    assert list(told) == sorted(told)
    assert all(row[-1] for row in rows("event").values())


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ('_log.info("x", extra={"a": 1})', ("x", {"info"}, {"a"})),
        ('fields = {"a": 1}\n_log.error("x", extra={**fields, "b": 2})', ("x", {"error"}, {"a", "b"})),
        ('logger.exception("x")', ("x", {"error"}, {"traceback"})),
        ('level = logging.INFO if y else logging.DEBUG\n_log.log(level, "x")', ("x", {"info", "debug"}, set())),
    ],
)
def test_events_are_read(source: str, event: tuple[str, set[str], set[str]]) -> None:
    body = "\n    ".join(source.split("\n"))
    (found,) = events_of(f"def f():\n    {body}\n", "x.py")
    assert (found.name, set(found.levels), set(found.fields)) == event


@pytest.mark.parametrize(
    "source",
    [
        '_log.info(f"log {size} grew")',
        '_log.info("log %s grew", size)',
        '_log.info("x", extra=make_fields())',
        '_log.info("x", extra={key: 1})',
        "_log.info(text)",
    ],
)
def test_events_that_nobody_could_count_are_refused(source: str) -> None:
    """Words or fields that vary: each line would be an event of its own, and could hold anything."""
    with pytest.raises(UnreadableError):
        list(events_of(source, "x.py"))
