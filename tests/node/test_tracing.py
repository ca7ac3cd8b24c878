"""What is sent to a collector: methods, outcomes and durations, nothing else, and only where it is configured."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.log.charter import Institution
from node.client.ledger import LedgerClient
from node.client.registrar import RegistrarClient
from node.config import NodeConfig, parse_config
from node.metrics.meters import Meters
from node.observer import Observers
from node.observing import open_observer
from tests.end_to_end.world import found, free_port
from tests.node.metrics.test_metrics import running

sdk = pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
ROOT = Path(__file__).resolve().parents[2]


class Collector:
    """Keeps what would have been sent."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()

    @contextmanager
    def tracing(self) -> Iterator["object"]:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from node.tracing import export_through

        with export_through(SimpleSpanProcessor(self.spans), self.reader, "LOG") as tracing:
            yield tracing

    def durations(self) -> dict[str, int]:
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return {metric.name: sum(point.count for point in metric.data.data_points) for metric in metrics}


def test_a_call_and_a_cut_become_spans() -> None:
    """With their end now and their beginning before, and an error where they failed."""
    collector = Collector()
    with collector.tracing() as tracing:
        before = time.time_ns()
        tracing.call_ended("/cairn.v1.Ledger/GetHeads", "OK", 0.25)  # type: ignore[attr-defined]
        tracing.cut_ended("not made", 2.0)  # type: ignore[attr-defined]
        tracing.commit_ended(1, 0.1)  # type: ignore[attr-defined]
        durations = collector.durations()
    call, cut = collector.spans.get_finished_spans()
    assert (call.name, call.kind.name, call.status.is_ok) == ("cairn.v1.Ledger/GetHeads", "SERVER", True)
    assert dict(call.attributes or {}) == {
        "rpc.system.name": "grpc",
        "rpc.method": "cairn.v1.Ledger/GetHeads",
        "rpc.response.status_code": "OK",
    }
    assert call.end_time is not None and call.start_time is not None
    assert call.end_time - call.start_time == 250_000_000 and call.end_time >= before
    assert (cut.name, dict(cut.attributes or {}), cut.status.is_ok) == ("cut", {"cairn.cut.outcome": "not made"}, False)
    assert durations == {"rpc.server.call.duration": 1, "cairn.cut.duration": 1}
    assert call.resource.attributes["service.name"] == "cairn-node"
    assert call.resource.attributes["service.instance.id"] == "LOG"


async def test_a_real_node_s_calls_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the same observer that counts for /metrics."""
    collector = Collector()
    campus = found(tmp_path, "school", Institution.SCHOOL, otlp_endpoint=f"http://127.0.0.1:{free_port()}")

    @contextmanager
    def observer(config: NodeConfig, log: str) -> "Iterator[tuple[Observers, Meters]]":
        meters = Meters()
        with collector.tracing() as tracing:
            yield Observers((meters, tracing)), meters  # type: ignore[arg-type]

    monkeypatch.setattr("node.run.open_observer", observer)
    async with running(campus, tmp_path / "state") as node:
        async with LedgerClient(node.address) as client:
            await client.list_logs()
        async with RegistrarClient(str(node.socket)) as desk:
            await desk.cut()
    assert {span.name for span in collector.spans.get_finished_spans()} == {
        "cairn.v1.Ledger/ListLogs",
        "cairn.v1.Registrar/Cut",
        "cut",
    }


async def test_a_collector_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    """Work goes on, and so does the end of the node."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", reason="the OTLP exporter is not installed")
    campus = found(tmp_path, "school", Institution.SCHOOL, otlp_endpoint=f"http://127.0.0.1:{free_port()}")
    async with asyncio.timeout(60), running(campus, tmp_path / "state") as node, LedgerClient(node.address) as client:
        await client.list_logs()


def test_nothing_is_imported_unless_it_is_configured() -> None:
    """Zero cost for everybody else."""
    code = (
        "import sys; from node.config import NodeConfig; from node.observing import open_observer\n"
        "with open_observer(NodeConfig(name='x'), 'LOG') as (observer, meters): assert observer is meters\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_without_the_extra_the_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is configured and cannot be served is no reason to be silent."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "node.tracing", raising=False)
    config = NodeConfig(name="x", otlp_endpoint="http://127.0.0.1:4317")
    with (
        pytest.raises(MalformedError, match=r"otlp_endpoint: .* is not installed") as caught,
        open_observer(config, "L"),
    ):
        raise AssertionError("it opened")
    assert caught.value.hint.startswith("pip install 'cairn-ledger[node,otel]'")


@pytest.mark.parametrize("endpoint", ["http://collector.example:4317", "ftp://127.0.0.1", "127.0.0.1:4317"])
def test_an_endpoint_in_plain_text_beyond_this_computer_is_refused(endpoint: str) -> None:
    with pytest.raises(MalformedError, match="otlp_endpoint: "):
        parse_config(f'name = "x"\notlp_endpoint = "{endpoint}"\n')
