"""Long award lists go out in parts that end between rows, and come back as one report."""

import csv
import dataclasses
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CairnError, MalformedError, RuleError
from node.awardparts import MAX_LINE_BYTES, Part, issue_in_parts, split_award_file
from node.client.registry import IssueReport, IssueRequest, RowProblem
from node.errors import AwaitsApprovalError

HEADER = b"learner_id,name,awarded_on\n"
REPORT = IssueReport(
    achievement="a", version=1, issued=(), new=0, replaced=0, already=0, problems=(), ignored=(), waiting=0,
    next_cut=None, last_cut=None,
)  # fmt: skip
REQUEST = IssueRequest(data=b"", achievement="a")


def split(data: bytes, rows: int = 2) -> list[Part]:
    return list(split_award_file(io.BytesIO(data), rows))


def test_each_part_is_a_file_of_its_own() -> None:
    data = HEADER + b"1,A,2026-01-01\r\n2,B,2026-01-01\n3,C,2026-01-01"
    first, second = split(data)
    assert first == Part(HEADER + b"1,A,2026-01-01\r\n2,B,2026-01-01\n", 0, 58)
    assert second == Part(HEADER + b"3,C,2026-01-01", 2, len(data))


@pytest.mark.parametrize("data", [b"", HEADER, HEADER + b"1,A,2026-01-01\n2,B,2026-01-01\n"])
def test_a_short_file_is_one_part(data: bytes) -> None:
    assert split(data) == [Part(data, 0, len(data))]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_value_over_lines_is_not_cut(separator: str) -> None:
    rows = [["1", 'A "the\nfirst"', "x"], ["2", "B\r\nb", "x"], ["3", "C", "x"]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([["learner_id", "name", "awarded_on"], *rows])
    parts = split(text.getvalue().encode(), rows=1)
    assert len(parts) == 3
    assert [part.skipped for part in parts] == [0, 2, 4]
    for part, row in zip(parts, rows, strict=True):
        assert list(csv.reader(io.StringIO(part.data.decode(), newline=""), delimiter=separator))[1:] == [row]


@given(st.binary(max_size=400), st.integers(1, 5))
def test_no_byte_is_lost_or_twice(data: bytes, rows: int) -> None:
    parts = split(data, rows)
    header = _header(data)
    assert all(part.data.startswith(header) for part in parts)
    assert header + b"".join(part.data[len(header) :] for part in parts) == data
    assert parts[-1].end == len(data)


def _header(data: bytes) -> bytes:
    from node.awardparts import _Lines

    return _Lines(io.BytesIO(data)).take_record()


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(MalformedError, match="line 2 is longer"):
        split(HEADER + b"x" * (MAX_LINE_BYTES + 1))


class Node:
    """Takes parts; what it answers to each is given."""

    def __init__(self, *answers: IssueReport | CairnError) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []

    async def issue(self, request: IssueRequest) -> IssueReport:
        self.taken.append(request.data)
        answer = self.answers.pop(0)
        if isinstance(answer, CairnError):
            raise answer
        return answer


@pytest.fixture
def long_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(split_award_file, "__defaults__", (2,))
    path = tmp_path / "list.csv"
    path.write_bytes(HEADER + b"".join(b"%d,N,2026-01-01\n" % number for number in range(5)))
    return path


async def test_reports_are_added_up_and_lines_are_those_of_the_file(long_file: Path) -> None:
    node = Node(
        dataclasses.replace(REPORT, new=2, issued=("a", "b"), waiting=2, warnings=("w",)),
        dataclasses.replace(REPORT, new=1, issued=("c",), problems=(RowProblem(3, "name", "is empty"),), waiting=3),
        dataclasses.replace(REPORT, already=1, waiting=3, warnings=("w",)),
    )
    told: list[tuple[int, int]] = []
    report = await issue_in_parts(node.issue, REQUEST, long_file, lambda done, total: told.append((done, total)))
    assert (report.new, report.already, report.issued, report.waiting) == (3, 1, ("a", "b", "c"), 3)
    assert report.problems == (RowProblem(5, "name", "is empty"),)
    assert report.warnings == ("w",)
    size = long_file.stat().st_size
    assert len(told) == 3
    assert told[-1] == (size, size)
    assert told == sorted(told)


async def test_what_stops_a_part_says_what_is_done(long_file: Path) -> None:
    node = Node(dataclasses.replace(REPORT, new=2), RuleError("status list 0: 1 slots left", hint="wait"))
    with pytest.raises(RuleError, match="1 slots left") as stopped:
        await issue_in_parts(node.issue, REQUEST, long_file, lambda done, total: None)
    assert stopped.value.hint == "wait; 2 awards before it are issued: the same command goes on from there"
    assert len(node.taken) == 2


async def test_all_parts_are_proposed_where_two_people_are_needed(long_file: Path) -> None:
    waits = [AwaitsApprovalError("waits", proposal=name, hint="ask") for name in ("p1", "p2", "p3")]
    with pytest.raises(AwaitsApprovalError, match="in 3 parts: p1, p2, p3") as waiting:
        await issue_in_parts(Node(*waits).issue, REQUEST, long_file, lambda done, total: None)
    assert (waiting.value.proposal, waiting.value.hint) == ("p1, p2, p3", "ask")
