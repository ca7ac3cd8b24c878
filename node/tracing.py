"""Sending traces and durations of calls and cuts to the operator's own OpenTelemetry collector.

Optional twice: the extra `otel` brings the library, `otlp_endpoint` in `node.toml` names the collector. A span is made when
its work has ended, from the same words that `/metrics` counts: method, status, outcome, seconds. No argument, no peer, no
award is an attribute.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from ledger.errors import MalformedError
from node.observer import Observer

try:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
except ModuleNotFoundError as error:
    raise MalformedError(
        f"node.toml: otlp_endpoint: {error.name} is not installed",
        hint="pip install 'cairn-ledger[node,otel]', or take otlp_endpoint out of node.toml",
    ) from error

SCOPE = "cairn"
EXPORT_SECONDS = 3
"""How long a collector may take for one answer; work never waits for it, only the end of the node does."""

NanoClock = Callable[[], int]


class Tracing(Observer):
    """Makes spans and durations of what it hears.

    Args:
        tracer: makes spans.
        meter: makes instruments.
        clock: Unix nanoseconds.
    """

    def __init__(self, tracer: Tracer, meter: Meter, clock: NanoClock = time.time_ns) -> None:
        self._tracer = tracer
        self._clock = clock
        self._call_seconds = meter.create_histogram("rpc.server.call.duration", "s", "How long gRPC calls took.")
        self._cut_seconds = meter.create_histogram("cairn.cut.duration", "s", "How long cuts took.")

    def call_ended(self, method: str, status: str, seconds: float) -> None:
        """A span and a duration for a call."""
        service, _, name = method.removeprefix("/").rpartition("/")
        attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": f"{service}/{name}",
            "rpc.response.status_code": status,
        }
        self._span(f"{service}/{name}", SpanKind.SERVER, attributes, seconds, is_good=status == "OK")
        self._call_seconds.record(seconds, attributes)

    def cut_ended(self, outcome: str, seconds: float) -> None:
        """A span and a duration for a cut."""
        attributes = {"cairn.cut.outcome": outcome}
        self._span("cut", SpanKind.INTERNAL, attributes, seconds, is_good=outcome != "not made")
        self._cut_seconds.record(seconds, attributes)

    def _span(self, name: str, kind: SpanKind, attributes: dict[str, str], seconds: float, *, is_good: bool) -> None:
        end = self._clock()
        span = self._tracer.start_span(
            name, kind=kind, attributes=attributes, start_time=end - int(seconds * 1_000_000_000)
        )
        if not is_good:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=end)


@contextmanager
def open_tracing(endpoint: str, log: str) -> Iterator[Tracing]:
    """Send to a collector until the context ends; what was not sent by then gets `EXPORT_SECONDS`.

    Args:
        endpoint: URL of its OTLP listener for gRPC; https:// is encrypted, http:// is not.
        log: text of the own log's id.

    Raises:
        MalformedError: the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise MalformedError(
            f"node.toml: otlp_endpoint: {error.name} is not installed",
            hint="pip install 'cairn-ledger[node,otel]', or take otlp_endpoint out of node.toml",
        ) from error
    insecure = endpoint.startswith("http://")
    spans = BatchSpanProcessor(OTLPSpanExporter(endpoint, insecure=insecure, timeout=EXPORT_SECONDS))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint, insecure=insecure, timeout=EXPORT_SECONDS))
    with export_through(spans, reader, log) as tracing:
        yield tracing


@contextmanager
def export_through(spans: SpanProcessor, reader: MetricReader, log: str) -> Iterator[Tracing]:
    """An observer whose spans go to one processor and whose durations to one reader; both are shut down at the end."""
    resource = Resource.create(
        {"service.name": "cairn-node", "service.version": version("cairn-ledger"), "service.instance.id": log}
    )
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(spans)
    meters = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
    try:
        yield Tracing(tracers.get_tracer(SCOPE), meters.get_meter(SCOPE))
    finally:
        meters.shutdown(timeout_millis=EXPORT_SECONDS * 1000)
        tracers.shutdown()
