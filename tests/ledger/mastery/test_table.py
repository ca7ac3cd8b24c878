"""CSV read strictly, with line and column of each fault."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.mastery.exact import parse_whole
from ledger.mastery.problems import DataSetError, ProblemCollector
from ledger.mastery.table import (
    MAX_CELL_CHARACTERS,
    Column,
    encode_table,
    parse_optional_text,
    parse_table,
    parse_text,
    parse_yes_no,
)

COLUMNS = (Column("id", parse_text), Column("n", parse_whole), Column("note", parse_optional_text))


def read(data: bytes) -> tuple[list[tuple[str, int, str]], list[str]]:
    """The rows that can be read, and every problem."""
    problems = ProblemCollector()
    table = parse_table("t.csv", data, COLUMNS, problems)
    rows = [row for _, row in table.read(COLUMNS, lambda *cells: cells)] if table is not None else []
    try:
        problems.refuse()
    except DataSetError as error:
        return rows, [str(problem) for problem in error.problems.problems]
    return rows, []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"id,n,note\na,1,x\nb,2,\n", [("a", 1, "x"), ("b", 2, "")]),
        (b"id,n,note\na,1,x", [("a", 1, "x")]),
        (b"note,extra,n,id\r\nx,?,1,a\r\n", [("a", 1, "x")]),
        (b'id,n,note\na,1,"x, ""y"""\r\nb,2,z\n', [("a", 1, 'x, "y"'), ("b", 2, "z")]),
        (b'id,n,note\n"a",1,"two\nlines"\nb,2,""\n', [("a", 1, "two\nlines"), ("b", 2, "")]),
        (b'"id","n","note"\na,1,\n\n\nb,2,\n', [("a", 1, ""), ("b", 2, "")]),
        (b"\xef\xbb\xbfid,n,note\n", []),
    ],
)
def test_tables_that_are_read(data: bytes, expected: list[tuple[str, int, str]]) -> None:
    """Columns in any order, quotation marks, lines inside cells, either line end."""
    assert read(data) == (expected, [])


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (b"id,note\n", ["t.csv: line 1, column 1: the header has no column n"]),
        (b"", [f"t.csv: line 1, column 1: the header has no column {n}" for n in ("id", "n", "note")]),
        (b"id,n,n,note\n", ["t.csv: line 1, column 1: the header names 'n' twice"]),
        (b"id,n,note\na,1\n", ["t.csv: line 2, column 1: 2 cells, the header names 3"]),
        (b"id,n,note\na,x,\n", ["t.csv: line 2, column 3: n: 'x' is not a whole number"]),
        (
            b"id,n,note\n,x,\nb,1,\n,2,\n",
            [
                "t.csv: line 2, column 1: id: is empty",
                "t.csv: line 2, column 2: n: 'x' is not a whole number",
                "t.csv: line 4, column 1: id: is empty",
            ],
        ),
        (b"id,n,note\na,1,\na,2,\n", ["t.csv: line 3, column 1: id: a stands twice"]),
        (b'id,n,note\na,1,"x\n', ["t.csv: line 2, column 5: a quotation mark is never closed"]),
        (b'id,n,note\na,1,"x"y\n', ["t.csv: line 2, column 8: text after a closing quotation mark"]),
        (
            b'id,n,note\na,1,x"y\n',
            ["t.csv: line 2, column 6: a quotation mark inside a cell that does not begin with one"],
        ),
        (b'id,note,n\n"a, ""b""",c,z\n', ["t.csv: line 2, column 14: n: 'z' is not a whole number"]),
        (b'id,note,n\na,"b\nc",z\n', ["t.csv: line 3, column 4: n: 'z' is not a whole number"]),
        (b"id,n,note\na,1,\xff\n", ["t.csv: line 2, column 5: not UTF-8 text"]),
        (
            b"id,n,note\na,1," + b"x" * (MAX_CELL_CHARACTERS + 1) + b"\n",
            ["t.csv: line 2, column 5: note: has 10001 characters, more than 10000"],
        ),
    ],
)
def test_faults_are_named_with_line_and_column(data: bytes, problems: list[str]) -> None:
    """Every fault of a file in one run, the readable rows all the same."""
    assert read(data)[1] == problems


def test_the_longest_cell_is_read() -> None:
    """The limit itself is allowed."""
    assert read(b"id,n,note\na,1," + b"x" * MAX_CELL_CHARACTERS + b"\n")[1] == []


def test_yes_and_no_are_the_only_answers() -> None:
    """Nothing else is taken for a yes."""
    problems = ProblemCollector()
    columns = (Column("is", parse_yes_no),)
    table = parse_table("t.csv", b"is\nyes\nYes\nno\n1\n", columns, problems)
    assert table is not None
    assert [row for _, row in table.read(columns, lambda value: value)] == [True, False]
    assert len(problems) == 2


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff"), min_size=1, max_size=20)


@given(st.lists(st.tuples(cells, st.integers(0, 999), cells), unique_by=lambda row: row[0], max_size=6))
def test_what_is_encoded_is_read_again(rows: list[tuple[str, int, str]]) -> None:
    """Writing and reading are inverse, and the standard library reads the same."""
    data = encode_table([("id", "n", "note"), *((a, str(n), b) for a, n, b in rows)])
    assert read(data) == (rows, [])
    assert [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline=""))][1:] == [
        (a, str(n), b) for a, n, b in rows
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes raise anything but problems."""
    read(b"id,n,note\n" + data)
    read(data)
