"""A snapshot and the counters as families of the Prometheus format, each with its name, unit and question answered.

Names end in their unit; instants are Unix seconds (`_timestamp_seconds`), so that a rule subtracts them from `time()`. A
figure that does not exist yet is left out, not told as 0. `docs/monitoring.md` lists every family, which a test compares.
"""

from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from node.client.finding import FindingCode, Severity
from node.metrics.snapshot import Snapshot


def describe_snapshot(snapshot: Snapshot) -> Iterator[Metric]:
    """All families of one moment."""
    yield _labelled("cairn_info", "1, with the version of this program.", "version", {_version(): 1})
    yield from _log(snapshot)
    yield from _peers(snapshot)
    yield from _work(snapshot)
    yield from _machine(snapshot)
    yield from _findings(snapshot)


def _log(snapshot: Snapshot) -> Iterator[Metric]:
    health = snapshot.health
    yield _gauge("cairn_log_entries", "Entries of the own log, all durable.", health.size)
    yield _gauge("cairn_signing_allowed", "1 when the start-up rule lets the own log be signed.", snapshot.may_sign)
    age = None if health.head_age_ms is None else health.head_age_ms / 1000
    yield _gauge("cairn_head_age_seconds", "Time since the newest checkpoint had its quorum.", age)
    yield _gauge("cairn_witnesses", "Independent witnesses in force for the own log.", snapshot.witnesses)
    yield _gauge("cairn_quorum_required", "Cosignatures the newest checkpoint needs.", health.required)
    yield _gauge("cairn_quorum_present", "Cosignatures the newest checkpoint has.", health.present)
    yield _gauge("cairn_logs_held", "Logs held, the own one included.", snapshot.logs)
    yield _gauge("cairn_entries_held", "Entries of all logs held.", snapshot.entries)


def _peers(snapshot: Snapshot) -> Iterator[Metric]:
    peers = snapshot.peers
    yield _gauge("cairn_peers", "Nodes that are followed.", snapshot.peer_count)
    reached = {peer.address: float(peer.is_reached) for peer in peers}
    yield _labelled("cairn_peer_reached", "1 when the last round with this peer went well.", "peer", reached)
    contacts = {peer.address: peer.reached_at / 1000 for peer in peers if peer.reached_at is not None}
    yield _labelled(
        "cairn_peer_contact_timestamp_seconds", "When a round with this peer last went well.", "peer", contacts
    )
    lags = {peer.address: float(peer.lag) for peer in peers}
    yield _labelled("cairn_peer_lag_entries", "Entries this peer offers that are not held yet.", "peer", lags)
    yield _gauge("cairn_follow_quota_bytes", "What one followed log may grow in a day.", snapshot.quota_bytes)
    yield _gauge("cairn_follow_growth_bytes", "The most that one followed log grew today (UTC).", snapshot.grown_bytes)
    yield _gauge("cairn_follow_paused_logs", "Followed logs that wait for tomorrow.", snapshot.paused_logs)


def _work(snapshot: Snapshot) -> Iterator[Metric]:
    queue = snapshot.queue
    outbox, copies, last_cut = (
        (None, None, None) if queue is None else (queue.outbox, queue.waiting_copies, queue.last_cut)
    )
    yield _gauge("cairn_outbox_statements", "Signed statements that have not reached the log.", outbox)
    yield _gauge("cairn_waiting_copies", "Copies that wait for a cut.", copies)
    yield _gauge("cairn_last_cut_timestamp_seconds", "The instant the newest cut was due.", _seconds(last_cut))
    yield _gauge("cairn_next_cut_timestamp_seconds", "The instant the next cut is due.", _seconds(snapshot.next_cut))


def _machine(snapshot: Snapshot) -> Iterator[Metric]:
    disk = snapshot.disk
    free, total = (None, None) if disk is None else (disk.free_bytes, disk.total_bytes)
    yield _gauge("cairn_disk_free_bytes", "Room left on the disk of the node's directory.", free)
    yield _gauge("cairn_disk_size_bytes", "Size of that disk.", total)
    stores = {"ledger": float(snapshot.ledger_bytes)}
    if snapshot.database_bytes is not None:
        stores["registrar"] = float(snapshot.database_bytes)
    yield _labelled("cairn_store_bytes", "Size of the two stores.", "store", stores)
    lag = snapshot.loop_lag_seconds
    yield _gauge("cairn_event_loop_lag_seconds", "The event loop's longest delay of the last minute.", lag)
    offset = snapshot.clock_offset_ms / 1000
    yield _gauge("cairn_clock_offset_seconds", "How far the clock is behind those of most witnesses.", offset)
    expiries = {use: expires_at / 1000 for use, expires_at in snapshot.certificates.items()}
    name = "cairn_certificate_expiry_timestamp_seconds"
    yield _labelled(name, "When a certificate in use expires.", "use", expiries)


def _findings(snapshot: Snapshot) -> Iterator[Metric]:
    by_code = Counter(finding.code for finding in snapshot.findings)
    by_severity = Counter(finding.severity for finding in snapshot.findings)
    # Every code is told, also those that are not found, so that a rule never compares with nothing.
    codes = {code.value: float(by_code[code]) for code in FindingCode}
    severities = {severity.value: float(by_severity[severity]) for severity in Severity}
    yield _labelled("cairn_findings", "Findings that cairn-node status shows, by code.", "code", codes)
    yield _labelled("cairn_findings_by_severity", "The same, by how pressing they are.", "severity", severities)


def _gauge(name: str, question: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, question)
    if value is not None:
        family.add_metric((), float(value))
    return family


def _labelled(name: str, question: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, question, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _seconds(instant: int | None) -> float | None:
    return None if instant is None else instant / 1000


def _version() -> str:
    try:
        return version("cairn-ledger")
    except PackageNotFoundError:
        return "unknown"
