"""What is counted and timed while the node works, from its start on.

Labels are names of our own methods, gRPC statuses and outcomes, so the number of series is fixed by the program. Buckets
reach from a call on the same computer to a cut that waits for its witnesses.
"""

from collections.abc import Iterable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric

from node.observer import Observer

CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
CUT_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

# The moment each series came into being is nobody's question, and doubles their number.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # says nothing about its types


class Meters(Observer):
    """Counts what it hears. Any thread may tell it something."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._calls = Counter(
            "cairn_rpc_calls",
            "gRPC calls that ended, by method and status.",
            ("method", "status"),
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "cairn_rpc_duration_seconds",
            "How long gRPC calls took.",
            ("method",),
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._entries = Counter(
            "cairn_committed_entries",
            "Entries that became durable in the own log.",
            registry=self._registry,
        )
        self._commit_seconds = Histogram(
            "cairn_commit_duration_seconds",
            "How long it took to make a group of entries durable.",
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._cosign_seconds = Histogram(
            "cairn_cosignature_duration_seconds",
            "How long witnesses took to cosign a checkpoint of the own log.",
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._cuts = Counter(
            "cairn_cuts",
            "Cuts that were tried, by outcome: made, made without quorum, not made.",
            ("outcome",),
            registry=self._registry,
        )
        self._cut_seconds = Histogram(
            "cairn_cut_duration_seconds",
            "How long cuts took, the wait for witnesses before and after included.",
            buckets=CUT_BUCKETS,
            registry=self._registry,
        )

    def collect(self) -> Iterable[Metric]:
        """The figures now."""
        return self._registry.collect()

    def call_ended(self, method: str, status: str, seconds: float) -> None:
        """Count a call."""
        name = method.removeprefix("/")
        self._calls.labels(name, status).inc()
        self._call_seconds.labels(name).observe(seconds)

    def commit_ended(self, entries: int, seconds: float) -> None:
        """Count a commit."""
        self._entries.inc(entries)
        self._commit_seconds.observe(seconds)

    def cosigned(self, seconds: float) -> None:
        """Count a cosignature."""
        self._cosign_seconds.observe(seconds)

    def cut_ended(self, outcome: str, seconds: float) -> None:
        """Count a cut."""
        self._cuts.labels(outcome).inc()
        self._cut_seconds.observe(seconds)
