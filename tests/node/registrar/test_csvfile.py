"""The award list: every problem by line and column, good rows once, and no value of the file in any message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedError
from node.registrar.csvfile import AwardRow, parse_award_file

HEADER = b"learner_id,name,awarded_on\n"
GOOD = b"L01,Ada Marker,2026-05-31\n"


def test_reads_every_column() -> None:
    data = (
        b"learner_id,name,awarded_on,email,date_of_birth,valid_until,credits,result.R2,result.R1\n"
        b"L01,Ada Marker,2026-05-31,ada@example.org,2008-01-02,2036-05-31,6.50,MET,WAIVED\n"
    )
    expected = AwardRow(
        line=2,
        learner_id="L01",
        name="Ada Marker",
        awarded_on="2026-05-31",
        email="ada@example.org",
        date_of_birth="2008-01-02",
        valid_until="2036-05-31",
        credits="6.50",
        results=(("R1", "WAIVED"), ("R2", "MET")),
    )

    file = parse_award_file(data)

    assert (expected,) == file.rows
    assert file.problems == ()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xef\xbb\xbf" + HEADER + b"L01,Ada,2026-05-31\n", "Ada"),
        (HEADER + b'L01,"Lovelace, ""Ada""",2026-05-31\n', 'Lovelace, "Ada"'),
        (HEADER + b'L01,"Ada\r\nLovelace",2026-05-31\r\n', "Ada Lovelace"),
        (HEADER + "L01,Jose\u0301\u00a0\u00a0Ruiz,2026-05-31\n".encode(), "José Ruiz"),
        (b"learner_id;name;awarded_on\nL01;Ada, Countess;2026-05-31\n", "Ada, Countess"),
        (b"learner_id\tname\tawarded_on\nL01\tAda\t2026-05-31", "Ada"),
        (HEADER.replace(b"\n", b"\r\n") + b"\r\n,,\r\nL01,Ada,2026-05-31\r\n\r\n", "Ada"),
    ],
)
def test_reads_what_spreadsheets_write(data: bytes, name: str) -> None:
    file = parse_award_file(data)

    assert file.problems == ()
    assert [name] == [row.name for row in file.rows]


def test_maps_and_ignores_columns() -> None:
    data = b"ID,Student Name,awarded_on,Homeroom\nL01,Ada,2026-05-31,7b\n"

    file = parse_award_file(data, mapping={"ID": "learner_id", "Student Name": "name"}, ignore=("Homeroom",))

    assert [row.name for row in file.rows] == ["Ada"]
    assert file.ignored == ("Homeroom",)


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (b",Ada Marker,2026-05-31,,", "learner_id", "is empty"),
        (b"L01,,2026-05-31,,", "name", "is empty"),
        (b"L01,Ada Marker,,,", "awarded_on", "is empty"),
        (b"L01,Ada Marker,31.05.2026,,", "awarded_on", "not a date like 2026-05-31"),
        (b"L01,Ada Marker,2026-02-30,,", "awarded_on", "not a date like 2026-05-31"),
        (b"L01,Ada Marker,20260531,,", "awarded_on", "not a date like 2026-05-31"),
        (b"L01,Ada Marker,2026-05-31,2026-05-30,", "valid_until", "before awarded_on"),
        (b"L01,Ada Marker,2026-05-31,,six", "credits", "not a number of credits"),
        (b"L01,J\xf6rg Marker,2026-05-31,,", "name", "not UTF-8"),
        (b"L01,Ada\x07 Marker,2026-05-31,,", "name", "control character"),
        (b"L01," + b"M" * 201 + b",2026-05-31,,", "name", "longer than 200"),
        (b"L01,Ada Marker,2026-05-31", "", "3 fields where the header has 5"),
        (b'L01,"Ada" Marker,2026-05-31,,', "", "quotes do not match"),
    ],
)
def test_bad_rows_by_line_and_column(row: bytes, column: str, reason: str) -> None:
    data = (
        b"learner_id,name,awarded_on,valid_until,credits\nL08,Good,2026-05-31,,\n" + row + b"\nL09,Good,2026-05-31,,\n"
    )

    file = parse_award_file(data)

    assert [good.learner_id for good in file.rows] == ["L08", "L09"]
    assert [(3, column)] == [(problem.line, problem.column) for problem in file.problems]
    assert reason in file.problems[0].reason
    assert "Marker" not in file.problems[0].describe()


def test_all_problems_in_one_run() -> None:
    data = HEADER + b'L01,"Two\nlines",yesterday\nL02,,2026-05-31\n' + GOOD + b"L03,Cy,2026-05-31\n"

    file = parse_award_file(data)

    assert [problem.line for problem in file.problems] == [2, 4, 5]
    assert file.problems[2].reason == "the same learner as in line 2"
    assert [row.learner_id for row in file.rows] == ["L03"]


def test_a_quote_never_closed_is_told_with_its_line() -> None:
    file = parse_award_file(HEADER + GOOD + b'L02,"Bob,2026-05-31\nL03,Cy,2026-05-31\n')

    assert [row.learner_id for row in file.rows] == ["L01"]
    assert [(problem.line, problem.reason) for problem in file.problems] == [
        (3, "a quote opened here is never closed; nothing after it was read")
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfel\x00", "is UTF-16"),
        (b"PK\x03\x04....", "is a spreadsheet"),
        (b"L01,Ada Marker,2026-05-31\n", "line 1 is no header"),
        (b"learner_id,name\nL01,Ada Marker\n", "no column awarded_on"),
        (b"learner_id,name,awarded_on,grade\n", "unknown column 'grade'"),
        (b"learner_id,name,awarded_on,name\n", "column name stands twice"),
        (b"learner_id,name,awarded_on,gr\xe4de\n", "unknown column number 4"),
        (b"learner_id,name,awarded_on,result.a b\n", "unknown column 'result.a b'"),
    ],
)
def test_files_refused_whole(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_award_file(data)

    assert message in str(refusal.value)
    assert "Marker" not in str(refusal.value)
    assert refusal.value.hint or "twice" in message


def test_mapping_to_an_unknown_column_is_refused() -> None:
    with pytest.raises(MalformedError, match="--map names no column of ours: nam"):
        parse_award_file(HEADER + GOOD, mapping={"x": "nam"})
    with pytest.raises(MalformedError, match="no column Nmae, which --map names"):
        parse_award_file(HEADER + GOOD, mapping={"Nmae": "email"})


@given(st.binary(max_size=300))
def test_no_bytes_escape_the_error_tree(data: bytes) -> None:
    for head in (b"", HEADER):
        try:
            file = parse_award_file(head + data)
        except MalformedError:
            continue
        assert len({row.learner_id for row in file.rows}) == len(file.rows)
