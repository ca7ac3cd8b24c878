"""Prometheus, alerts and dashboard: every figure, label and finding they name exists in the program."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from node.client.finding import FindingCode, Severity
from node.config import parse_config
from tests.deploy.places import DEPLOY, ROOT, read
from tests.docs.test_monitoring import families

FOLDER = DEPLOY / "monitoring"
BUILT_IN = {"up"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
STATUSES = {
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}  # fmt: skip
VALUES = {
    "code": {code.value for code in FindingCode},
    "severity": {severity.value for severity in Severity},
    "status": STATUSES,
}
ADDED = {"instance", "job", "le"}
"""Labels that Prometheus adds."""


def series() -> dict[str, set[str]]:
    """Every series a node has, with its labels."""
    found: dict[str, set[str]] = {}
    for family in families():
        labels = {label for sample in family.samples for label in sample.labels}
        for suffix in SUFFIXES[family.type]:
            found[family.name + suffix] = labels | ADDED
    return found


SERIES = series()


def alerts() -> list[dict[str, Any]]:
    value = yaml.safe_load(read("monitoring/alerts.yml"))
    return [rule for group in value["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    value = json.loads(read("monitoring/grafana-dashboard.json"))
    return list(value["panels"])


def expressions() -> Iterator[tuple[str, str]]:
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def problems(expression: str) -> list[str]:
    """What an expression names that no node has."""
    found = []
    bare = re.sub(r'"[^"]*"', '""', expression)
    for name in set(re.findall(r"\b(?:cairn|process)_[a-z_]+\b", bare)) - SERIES.keys():
        found.append(f"no such series: {name}")
    for name, matchers in re.findall(r"\b([a-z_]+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', matchers):
            if name in SERIES and label not in SERIES[name]:
                found.append(f"{name} has no label {label}")
            words = value.split("|") if operator in ("=~", "!~") else [value]
            if label in VALUES and not set(words) <= VALUES[label]:
                found.append(f"{label} is never {value}")
    for label in re.findall(r"\bby \(([^)]*)\)", expression):
        names = {word.strip() for word in label.split(",")}
        if not any(names <= SERIES[name] for name in SERIES if name in expression):
            found.append(f"no series has all of {label}")
    if expression.count("(") != expression.count(")") or expression.count("{") != expression.count("}"):
        found.append("brackets do not match")
    return found


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda value: value[:40])
def test_every_figure_exists(where: str, expression: str) -> None:
    assert problems(expression) == [], where
    assert (
        set(re.findall(r"\b[a-z]+_[a-z_]+(?=[{\[ )]|$)", expression)) & (SERIES.keys() | BUILT_IN) or "up" in expression
    )


@pytest.mark.parametrize(
    "expression",
    [
        "cairn_nonsense > 0",
        'cairn_findings{kind="fork"} > 0',
        'cairn_findings{code="forks"} > 0',
        'cairn_rpc_calls_total{status=~"INTERNAL|OOPS"} > 0',
        "cairn_rpc_calls > 0",
        "sum by (learner) (cairn_rpc_calls_total)",
        "rate(cairn_rpc_calls_total[5m]",
    ],
)
def test_what_does_not_exist_is_found(expression: str) -> None:
    assert problems(expression)


def test_alerts_say_how_pressing_they_are_and_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names) >= 10
    for rule in alerts():
        assert re.fullmatch(r"Cairn[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert re.fullmatch(r"[0-9]+[mh]", rule.get("for", "1m"))
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
        for page in re.findall(r"docs/[a-z-]+\.md", str(rule["annotations"])):
            assert (ROOT / page).exists()


def test_every_problem_pages_whatever_its_code() -> None:
    """A finding added later needs no alert of its own."""
    general = [rule for rule in alerts() if "cairn_findings_by_severity" in rule["expr"]]
    assert {rule["labels"]["severity"] for rule in general} == {"page", "ticket"}


def test_the_dashboard_is_laid_out_and_shows_what_matters() -> None:
    """Panels do not overlap, have a title, a sentence and an id of their own."""
    shown = panels()
    assert len({panel["id"] for panel in shown}) == len(shown)
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        assert panel["title"] and panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    named = {name for _, expression in expressions() for name in SERIES if re.search(rf"\b{name}\b", expression)}
    assert {"cairn_findings", "cairn_quorum_present", "cairn_peer_lag_entries", "cairn_disk_free_bytes"} <= named


def test_one_node_is_chosen_by_a_variable() -> None:
    value = json.loads(read("monitoring/grafana-dashboard.json"))
    variables = {one["name"]: one for one in value["templating"]["list"]}
    assert set(variables) == {"source", "instance"}
    for panel in panels():
        for target in panel["targets"]:
            assert 'instance="$instance"' in target["expr"]
            assert target["datasource"]["uid"] == "${source}"


def test_prometheus_asks_where_the_manual_says() -> None:
    value = yaml.safe_load(read("monitoring/prometheus.yml"))
    (job,) = value["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert f'metrics_listen = "{target}"' in read("README.md")
    assert parse_config(f'name = "x"\nmetrics_listen = "{target}"\n').metrics_listen == target
    assert all((FOLDER / name).exists() for name in value["rule_files"])
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in alerts() if "up{" in rule["expr"])


@pytest.mark.parametrize("words", [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml")])
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    command = shutil.which("promtool")
    if command is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([command, *words], capture_output=True, cwd=FOLDER, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
