"""What a registrar waits for: revoking a long list, and the cut of an institution that is ten years old."""

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ledger.credential.status import Status
from node.client.correction import DecisionOrder, Selection
from node.client.registry import IssueRequest
from node.registrar.correction_desk import CorrectionDesk
from node.registrar.tables import StatusList
from tests.node.registrar.desks import DIPLOMA, Bench, csv_of, fresh_bench

AWARDS = 1_000
LISTS = 10
SLOTS = 16_384


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of work (processor time of all threads, so that other programs change little), medians."""

    preview: float
    """To count what revoking the list would change."""
    revoke: float
    """To decide it, durably; the next page shows it."""
    cut: float
    """A cut with ten lists, from the call to durable on the log."""


def measure(rounds: int) -> Measured:
    """Revoke a list of 1,000 awards among 2,000, and cut with ten lists, each time."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), rounds))


async def _measure(folder: Path, rounds: int) -> Measured:
    previews, decisions, cuts = [], [], []
    async with fresh_bench(folder, seed="bench") as bench:
        await _open_lists(bench)
        for number in range(rounds):
            data = csv_of(range(number * 2 * AWARDS, (number + 1) * 2 * AWARDS))
            awards = (await bench.desk.issue(IssueRequest(data=data, achievement=DIPLOMA))).issued[:AWARDS]
            await bench.desk.cut()
            corrections = CorrectionDesk(bench.desk)
            selection = Selection(award_ids=awards)
            started = time.process_time()
            order = DecisionOrder(selection=selection, status=Status.REVOKED, dry_run=True)
            preview = await corrections.decide(order)
            previews.append(time.process_time() - started)
            started = time.process_time()
            order = DecisionOrder(selection=selection, status=Status.REVOKED, expected=preview.fingerprint)
            report = await corrections.decide(order)
            decisions.append(time.process_time() - started)
            assert len(report.changed) == AWARDS
            started = time.process_time()
            await bench.desk.cut()
            cuts.append(time.process_time() - started)
    return Measured(statistics.median(previews), statistics.median(decisions), statistics.median(cuts))


async def _open_lists(bench: Bench) -> None:
    """The lists of ten years; the newest is the one that slots are drawn from."""
    with bench.desk.database.write() as session:
        session.add_all(StatusList(number=number, slots=SLOTS, opened_at=bench.clock()) for number in range(LISTS))
    await bench.desk.cut()
