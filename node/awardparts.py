"""A long award list in parts: each a file of its own that the node takes whole or not at all.

A district's list has a hundred thousand rows. In one piece it would fill the node's memory and keep its database busy for
minutes, and a command killed in the middle would have done nothing. In parts, what a part awarded is durable when the next
one goes out, and the same command once more finds it "already issued".
"""

import contextlib
import csv
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ledger.errors import CairnError, MalformedError
from node.client.registry import IssueReport, IssueRequest, RowProblem
from node.errors import AwaitsApprovalError
from node.registrar.csvfile import find_delimiter

ROWS_OF_A_PART = 5_000
MAX_LINE_BYTES = 1024 * 1024
Issue = Callable[[IssueRequest], Awaitable[IssueReport]]
Progress = Callable[[int, int], None]
"""Told the bytes done, and all there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file.

    Attributes:
        data: a CSV file of its own: the header as it stands in the file, then these rows, exact bytes.
        skipped: lines of the file between the header and the first of them.
        end: bytes of the file up to the last of them.
    """

    data: bytes
    skipped: int
    end: int


def split_award_file(file: BinaryIO, rows: int = ROWS_OF_A_PART) -> Iterator[Part]:
    """Cut a file between rows, reading no more than a part at a time. An empty file is one empty part.

    A quoted value may run over lines. Where quotes do not close, the rest of the file is one row: whoever reads the part
    says where.

    Raises:
        MalformedError: a line is longer than 1 MiB.
    """
    lines = _Lines(file)
    header = lines.take_record()
    skipped = 0
    while True:
        first = lines.count
        taken = [record for record in (lines.take_record() for _ in range(rows)) if record]
        if taken or not skipped:
            yield Part(header + b"".join(taken), skipped, lines.position)
        if len(taken) < rows:
            return
        skipped += lines.count - first


async def issue_in_parts(issue: Issue, request: IssueRequest, path: Path, progress: Progress) -> IssueReport:
    """Have every part of a file issued in order, and add up what came of them.

    Args:
        issue: the node.
        request: what is asked of each part; its own data is not looked at.
        path: the file.
        progress: told after each part.

    Raises:
        AwaitsApprovalError: parts wait for a second person; all of them are proposed.
        CairnError: what the node says to a part. The parts before it are issued, and the hint says so.
    """
    total = path.stat().st_size
    whole: IssueReport | None = None
    waiting: list[AwaitsApprovalError] = []
    with path.open("rb") as file:
        for part in split_award_file(file):
            try:
                report = await issue(dataclasses.replace(request, data=part.data))
            except AwaitsApprovalError as error:
                waiting.append(error)
            except CairnError as error:
                raise error if whole is None else _with_remedy(error, whole) from error
            else:
                moved = tuple(_move(problem, part.skipped) for problem in report.problems)
                report = dataclasses.replace(report, problems=moved)
                whole = report if whole is None else _add(whole, report)
            progress(part.end, total)
    if waiting:
        raise _all_waiting(waiting)
    assert whole is not None, "every file has a part"
    return whole


def _with_remedy(error: CairnError, done: IssueReport) -> CairnError:
    error.hint = "; ".join(
        filter(None, (error.hint, f"{done.new} awards before it are issued: the same command goes on from there"))
    )
    return error


def _all_waiting(waiting: list[AwaitsApprovalError]) -> AwaitsApprovalError:
    if len(waiting) == 1:
        return waiting[0]
    proposals = ", ".join(error.proposal for error in waiting)
    return AwaitsApprovalError(
        f"the file waits for a second person in {len(waiting)} parts: {proposals}",
        proposal=proposals,
        hint=waiting[0].hint,
    )


def _move(problem: RowProblem, skipped: int) -> RowProblem:
    return dataclasses.replace(problem, line=problem.line + skipped) if problem.line > 1 else problem


def _add(before: IssueReport, after: IssueReport) -> IssueReport:
    """Both together; what stands for the node as a whole is as the later one says."""
    return dataclasses.replace(
        after,
        issued=before.issued + after.issued,
        new=before.new + after.new,
        replaced=before.replaced + after.replaced,
        already=before.already + after.already,
        problems=before.problems + after.problems,
        warnings=tuple(dict.fromkeys(before.warnings + after.warnings)),
    )


class _Lines:
    """The lines of a file, taken record by record."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._taken: list[bytes] = []
        header = file.readline(MAX_LINE_BYTES).decode("latin-1")
        file.seek(0)
        # Only where a record ends is asked here: whoever reads the part judges the rest of it.
        self._records = csv.reader(self._read(), delimiter=find_delimiter(header))
        self.count = 0
        self.position = 0

    def take_record(self) -> bytes:
        """The exact bytes of the next record with its line end; nothing at the end of the file."""
        self._taken.clear()
        # A value that never ends: what was read of it goes into this part, where it is told.
        with contextlib.suppress(csv.Error):
            next(self._records, None)
        data = b"".join(self._taken)
        self.count += len(self._taken)
        self.position += len(data)
        return data

    def _read(self) -> Iterator[str]:
        while line := self._file.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                number = self.count + len(self._taken) + 1
                raise MalformedError(
                    f"award file: line {number} is longer than {MAX_LINE_BYTES} bytes",
                    hint='save it as "CSV UTF-8", one learner a line',
                )
            self._taken.append(line)
            yield line.decode("latin-1").rstrip("\r\n") + "\n"
