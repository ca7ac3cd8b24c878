"""Sending files to the running node to be judged, and taking the reports in the order of the files."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from pathlib import Path

from ledger.credential.batch_report import FileReport, report_unreadable
from ledger.credential.report import RecordReport
from ledger.credential.verify import MAX_FILE_BYTES
from node.client.shownfiles import Receipts, find_files
from node.client.verifier import Asked, ShownFile
from node.desk import RemoteDesk, at_verifier
from node.home import Home


async def verify_files(
    where: Home | RemoteDesk, names: Iterable[str], asked: Asked, receipts: Receipts
) -> AsyncGenerator[FileReport, None]:
    """Judge files, and those in folders, with the node that runs in a directory or elsewhere.

    A file that cannot be opened gets a report that says so, and the next is taken. Close it where not all is taken.

    Args:
        where: the node.
        names: of files and folders.
        asked: what is asked about each of them.
        receipts: those that were named for all of them; looks beside each.

    Raises:
        BusyError: no node runs there.
        CairnError: the node refuses to judge at all, or is gone.
    """
    # Files under way, in order: with a report those that never left, without one those the node judges.
    waiting: deque[tuple[str, RecordReport | None]] = deque()

    async def read() -> AsyncIterator[ShownFile]:
        for path in receipts.follow(find_files(names)):
            try:
                data = _read(path)
            except OSError as error:
                report = report_unreadable(f"cannot be opened: {error.strerror or error}", "check the path")
                waiting.append((str(path), report))
            else:
                waiting.append((str(path), None))
                yield ShownFile(data, receipts.given)

    async with at_verifier(where) as client:
        async for judged in client.verify_all(read(), asked):
            while waiting[0][1] is not None:
                yield _take(waiting)
            yield FileReport(waiting.popleft()[0], judged)
    while waiting:
        yield _take(waiting)


def _take(waiting: deque[tuple[str, RecordReport | None]]) -> FileReport:
    name, report = waiting.popleft()
    assert report is not None, "the node gave a report for every file it was sent"
    return FileReport(name, report)


def _read(path: Path) -> bytes:
    # One byte more than is read: what is too long the node says in its own words.
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)
