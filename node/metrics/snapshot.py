"""What monitoring is told about this moment, as one plain value: sizes, ages, counts, addresses of peers.

There is one series for each peer and none for a log, a learner or an award. Peers are those of the directory, which
networks and the operator bound; above `MAX_PEERS` the rest is left out and only counted.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from node.client.finding import Finding
from node.diskspace import DiskSpace, measure_disk, measure_files
from node.found import LEDGER_DIRECTORY
from node.ledgerside import LedgerSide
from node.metrics.looplag import LoopLag
from node.registrar.desk import RegistrarDesk
from node.registrar.nodestatus import Queue, measure
from node.replicate import PeerReport
from node.watch import Watch
from node.web.health import Health, HealthDesk

MAX_PEERS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the figures come from."""

    side: LedgerSide
    desk: RegistrarDesk
    health: HealthDesk
    watch: Watch
    loop_lag: LoopLag


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFigures:
    """How following one peer goes: last contact in Unix ms (None before the first), lag in entries."""

    address: str
    is_reached: bool
    reached_at: int | None
    lag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The figures of one moment.

    Attributes:
        health: of the own log's newest checkpoint.
        witnesses: how many independent ones are in force for the own log.
        may_sign: whether the start-up rule lets the own log be signed.
        logs, entries: held in all.
        peers: at most `MAX_PEERS`.
        peer_count: how many there are.
        quota_bytes, grown_bytes, paused_logs: what one log may grow in a day, the most that any grew, how many wait.
        queue: what waits for the ledger; None where the database cannot be read now.
        next_cut: Unix ms; None where cuts are made on command.
        disk: of the node's directory; None where it could not be asked.
        ledger_bytes, database_bytes: size of the two stores, the second None where it cannot be read now.
        loop_lag_seconds: the worst of the last minute.
        clock_offset_ms: how far our clock is behind.
        certificates: expiry in Unix ms, by what they are for.
        findings: as of the last look, at most a minute old.
    """

    health: Health
    witnesses: int
    may_sign: bool
    logs: int
    entries: int
    peers: tuple[PeerFigures, ...]
    peer_count: int
    quota_bytes: int
    grown_bytes: int
    paused_logs: int
    queue: Queue | None
    next_cut: int | None
    disk: DiskSpace | None
    ledger_bytes: int
    database_bytes: int | None
    loop_lag_seconds: float
    clock_offset_ms: int
    certificates: Mapping[str, int]
    findings: tuple[Finding, ...]


async def take_snapshot(sources: Sources) -> Snapshot:
    """Look at everything once; files and database in threads."""
    side, desk = sources.side, sources.desk
    database = await measure(desk.database)
    disk, ledger_bytes = await asyncio.to_thread(_measure_files, side.parts.directory)
    reports = side.followers.reports()
    logs = [log for log in map(side.ledger.log, side.ledger.log_ids()) if log is not None]
    return Snapshot(
        health=sources.health.health(),
        witnesses=len(side.directory.witnesses_in_force(side.log_id)),
        may_sign=side.startup.may_sign,
        logs=len(logs),
        entries=sum(log.size for log in logs),
        peers=tuple(_figures(report) for report in reports[:MAX_PEERS]),
        peer_count=len(reports),
        quota_bytes=side.puller.daily_bytes,
        grown_bytes=max(side.puller.grown_today().values(), default=0),
        paused_logs=len(side.puller.paused()),
        queue=None if database is None else database[0],
        next_cut=desk.next_cut(),
        disk=disk,
        ledger_bytes=ledger_bytes,
        database_bytes=None if database is None else database[1],
        loop_lag_seconds=sources.loop_lag.worst_seconds,
        clock_offset_ms=-side.timekeeping.skew_ms,
        certificates=_expiries(side),
        findings=sources.watch.newest,
    )


def _figures(report: PeerReport) -> PeerFigures:
    is_reached = report.reached_at is not None and not report.problem
    return PeerFigures(address=report.address, is_reached=is_reached, reached_at=report.reached_at, lag=report.lag)


def _expiries(side: LedgerSide) -> dict[str, int]:
    reports = side.certificates.reports()
    return {report.listener.value: report.not_after for report in reports if report.not_after is not None}


def _measure_files(directory: Path) -> tuple[DiskSpace | None, int]:
    try:
        disk = measure_disk(directory)
    except OSError:
        disk = None
    return disk, measure_files(directory / LEDGER_DIRECTORY)
