"""The traced work of the registrar's side: awards, a revocation and a cut, by way of the outbox."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ledger.credential.status import Status
from ledger.errors import CairnError
from node.client.registry import IssueRequest
from node.found import LEDGER_DIRECTORY
from node.store.ledgerstore import LedgerStore
from tests.node.registrar.desks import DIPLOMA, Clock, csv_of, open_bench

FIRST = range(3)
"""Learners awarded before the trace begins."""
SECOND = range(3, 6)


def outbox(line: Any, directory: Path) -> None:  # `tests.tracee.Line`, which imports this module
    """Issue, revoke and cut, telling what was acknowledged of each."""

    async def work() -> None:
        # Faults are counted for each thread, so the work must not move between them from run to run.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        store = LedgerStore.open(directory / LEDGER_DIRECTORY)
        (log_id,) = store.log_ids()
        store.close()
        async with open_bench(directory, log_id, Clock(), os.urandom) as bench:
            awards = await bench.desk.list_awards()
            line.wait()
            try:
                report = await bench.desk.issue(IssueRequest(data=csv_of(SECOND), achievement=DIPLOMA))
                line.tell("awarded", *report.issued)
            except CairnError:
                line.tell("refused", "issue")
            try:
                answer = await bench.desk.set_status([awards[0].id], Status.REVOKED)
                line.tell("revoked", *answer.changed)
            except CairnError:
                line.tell("refused", "revoke")
            for _ in range(2):
                try:
                    line.tell("cut", *(await bench.desk.cut()).indexes)
                except CairnError:
                    line.tell("refused", "cut")
            line.tell("end")

    asyncio.run(work())
