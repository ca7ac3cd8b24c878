"""How a node is observed by its operator: the watch over findings, the figures for monitoring, the export of traces.

    watch      looks at findings every minute, tells the log of news, remembers since when
    metrics    counters from `node.observer`, a snapshot at every scrape, HTTP on the private side
    tracing    only where `otlp_endpoint` is set

Nothing here changes what the node does; without it the node would run the same.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.metrics_core import Metric

from node import watch
from node.client.finding import Finding, Severity
from node.config import NodeConfig
from node.health import gather_findings
from node.ledgerside import LedgerSide
from node.metrics.families import describe_snapshot
from node.metrics.listener import MetricsListener, metrics_socket
from node.metrics.looplag import LoopLag
from node.metrics.meters import Meters
from node.metrics.snapshot import Sources, take_snapshot
from node.observer import Observer, Observers
from node.registrar.desk import RegistrarDesk
from node.registrar.submission import Submission
from node.registrar.trouble import find_trouble
from node.watch import Watch
from node.web.health import HealthDesk, HealthyNode


class Observing:
    """What observes one node. Made with it; `start` when it serves, `stop` when it ends.

    Args:
        node: to judge its newest checkpoint.
        side: its public half.
        desk: its registrar's.
        submission: what moves the desk's outbox.
        meters: what `LedgerParts.observer` tells.
        private: path of the private listener.
        metrics_port: bound where `metrics_listen` says; None where it says nothing.
    """

    def __init__(
        self,
        node: HealthyNode,
        side: LedgerSide,
        desk: RegistrarDesk,
        submission: Submission,
        meters: Meters,
        private: Path,
        metrics_port: socket.socket | None,
    ) -> None:
        config, self._side, self._desk = side.parts.config, side, desk
        self._submission = submission
        self._meters = meters
        self._running_since = side.parts.clock()
        self._lag = LoopLag()
        self.watch = Watch(self._gather, side.parts.directory / watch.FILE_NAME, side.parts.clock, side.parts.draw)
        self._sources = Sources(
            side=side,
            desk=desk,
            health=HealthDesk(node),
            watch=self.watch,
            loop_lag=self._lag,
        )
        self.listener = MetricsListener(self.collect, metrics_socket(private), config.registrar_group, metrics_port)

    async def collect(self) -> Iterable[Metric]:
        """All families, as of now."""
        snapshot = await take_snapshot(self._sources)
        return [*describe_snapshot(snapshot), *self._meters.collect()]

    async def start(self, group: asyncio.TaskGroup) -> list["asyncio.Task[None]"]:
        """Begin to answer, look and probe; gives the tasks, for whoever ends the node to cancel.

        Raises:
            CairnError: the listener for monitoring cannot be had.
        """
        await self.listener.start()
        return [
            group.create_task(self.watch.run(), name="watch"),
            group.create_task(self._lag.run(), name="loop lag"),
        ]

    async def stop(self) -> None:
        """Answer no more."""
        await self.listener.stop()

    async def _gather(self) -> tuple[Finding, ...]:
        side, desk = self._side, self._desk
        clock = side.parts.clock
        trouble = await find_trouble(desk, running_since=self._running_since, problem=self._submission.problem)
        found = (*await gather_findings(side, clock), *trouble)
        return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.PROBLEM))


@contextmanager
def open_observer(config: NodeConfig, log: str) -> Iterator[tuple[Observer, Meters]]:
    """What the parts of a node tell, and the counters among it; traces are sent to the end when the context ends.

    Args:
        config: of the node.
        log: text of the own log's id, which names this node at the collector.

    Raises:
        MalformedError: traces are configured and cannot be sent with what is installed.
    """
    meters = Meters()
    if not config.otlp_endpoint:
        yield meters, meters
        return
    # Only whoever configured it pays for the import.
    from node.tracing import open_tracing

    with open_tracing(config.otlp_endpoint, log) as tracing:
        yield Observers((meters, tracing)), meters
