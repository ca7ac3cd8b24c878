"""A process that issues and cuts until it is killed: `python -m tests.node.registrar.crash_child DIR LOG ROUND POINT`.

Prints the id of every award it was told is made. POINT is where it kills itself during the second cut: a step of the
sequencer, or `never`, for a parent that does it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from ledger.log.identity import parse_log_id
from node.client.registry import IssueRequest
from tests.node.registrar.desks import DIPLOMA, Clock, csv_of, open_bench


async def run(directory: Path, log: str, round_number: int, point: str) -> None:
    cuts = 0

    def pause(reached: str) -> None:
        if reached == point and cuts == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    async with open_bench(directory, parse_log_id(log), Clock(), os.urandom, pause) as bench:
        learner = round_number * 1000
        while True:
            report = await bench.desk.issue(IssueRequest(data=csv_of(range(learner, learner + 3)), achievement=DIPLOMA))
            sys.stdout.write("".join(f"{award}\n" for award in report.issued))
            sys.stdout.flush()
            learner += 3
            await bench.desk.cut()
            cuts += 1


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
