"""Make the small directory that `layout-1.tar.gz` keeps: `python -m tests.node.kept.make FILE.tar.gz`.

The archive was made by the code that wrote layout 1 of the registrar's database and format 1 of the ledger store. It
is never made again for that layout: it stands for the directories that operators already have. Run this with the code
of a later layout, before that layout changes, to keep one of it too.
"""

import asyncio
import sys
import tarfile
import tempfile
from pathlib import Path

from ledger.credential.status import Status
from node.client.registry import IssueRequest
from tests.node.registrar.desks import DIPLOMA, Clock, Dice, achievement_json, csv_of, found, open_bench

NAME = "granite"


async def build(directory: Path) -> None:
    """Two cuts, a revoked and a suspended award, and of each kind something that waits for the next cut."""
    clock, dice = Clock(), Dice("kept")
    log_id = found(directory, clock, dice)
    async with open_bench(directory, log_id, clock, dice) as bench:
        await bench.desk.publish(achievement_json())
        report = await bench.desk.issue(IssueRequest(data=csv_of(range(4)), achievement=DIPLOMA))
        await bench.desk.cut()
        clock.advance(86_400_000)
        await bench.desk.set_status(report.issued[:1], Status.REVOKED, reason="kept")
        await bench.desk.set_status(report.issued[1:2], Status.SUSPENDED, reason="kept")
        await bench.desk.offer(award_ids=report.issued[2:3])
        await bench.desk.cut()
        clock.advance(3_600_000)
        await bench.desk.issue(IssueRequest(data=csv_of(range(6)), achievement=DIPLOMA))
        await bench.desk.set_status(report.issued[1:2], Status.VALID)


def main(output: Path) -> None:
    """Build in a temporary folder and write the archive, which must not exist."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / NAME
        asyncio.run(build(directory))
        with tarfile.open(output, "x:gz") as archive:
            archive.add(directory, arcname=NAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
