"""The award list a registrar exports from the student system, as CSV, read strictly and reported whole (DESIGN 9).

One run tells every problem there is, by line and column. A bad row is left out and the good ones are kept; only a
file without usable header is refused as a whole. No message repeats a value of the file: what stands in a row is
personal, and messages end up in tickets and logs. Column names are repeated only where at least one of them is ours,
because the first line of a file without header is a learner.
"""

import csv
import datetime
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.credential import evaluation
from ledger.credential.evaluation import EvaluationRecord
from ledger.errors import MalformedError, RuleError

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 300
MAX_ID_LENGTH = 100
MAX_NAME_LENGTH = 200
MAX_RESULT_LENGTH = 200
MAX_EMAIL_LENGTH = 254
MAX_LIST_LENGTH = 60_000

REQUIRED_COLUMNS = ("learner_id", "name", "awarded_on")
OPTIONAL_COLUMNS = ("email", "date_of_birth", "valid_until", "credits")
EVALUATION_COLUMNS = evaluation.COLUMNS
"""How it was decided, as `evaluate --awards` writes it: all four columns, or none."""
RESULT_PREFIX = "result."

_RESULT_COLUMN = re.compile(r"result\.[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CREDITS = re.compile(r"\d{1,4}(\.\d{1,3})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_WHITE_SPACE = re.compile(r"\s+")
# What `surrogateescape` makes of a byte that is no UTF-8. Well-formed UTF-8 never decodes to these.
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_EARLIEST_YEAR = 1900
_LATEST_YEAR = 2200


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row, or the file, cannot be used; safe to print and to keep, for it repeats no value."""

    line: int
    """First line of the row, from 1 (the header)."""
    column: str
    """Name of the column, empty where the whole row is meant."""
    reason: str

    def describe(self) -> str:
        """One line for people: where, then why."""
        place = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardRow:
    """One good row: everything an award says about one learner."""

    line: int
    learner_id: str
    name: str
    awarded_on: str
    """ISO date, as are the other dates."""
    email: str = ""
    date_of_birth: str = ""
    valid_until: str = ""
    credits: str = ""
    """Decimal text, e.g. `0.50`."""
    results: tuple[tuple[str, str], ...] = ()
    """Result codes with their values, in the order of the codes."""
    evaluation: EvaluationRecord | None = None


@dataclass(frozen=True, slots=True)
class AwardFile:
    """What a file holds: the good rows in file order, and every problem."""

    rows: tuple[AwardRow, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...] = field(default=())
    """Columns left out because the registrar said so."""


def parse_award_file(data: bytes, *, mapping: Mapping[str, str] | None = None, ignore: Sequence[str] = ()) -> AwardFile:
    """Read the file; comma, semicolon or tab between fields, UTF-8 with or without byte order mark.

    Args:
        data: at most `MAX_FILE_BYTES`.
        mapping: from a column's name in the file to ours, e.g. `{"Student Name": "name"}`.
        ignore: columns of the file that shall not be used.

    Raises:
        MalformedError: no row can be read: too large, UTF-16, no header, columns missing, unknown or twice.
    """
    text = _decode(data)
    delimiter = find_delimiter(text)
    records = _read_records(text, delimiter)
    first = next(records, None)
    if first is None:
        raise MalformedError("award file: is empty", hint=_HEADER_HINT)
    if isinstance(first, Problem):
        raise MalformedError(f"award file: {first.describe()}", hint=_HEADER_HINT)
    columns = _name_columns(first[1], dict(mapping or {}), tuple(ignore))
    rows: list[AwardRow] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, record in enumerate(records):
        if number >= MAX_ROWS:
            raise MalformedError(f"award file: more than {MAX_ROWS} rows", hint="split the file")
        if isinstance(record, Problem):
            problems.append(record)
            continue
        line, fields = record
        if not any(value.strip() for value in fields):
            continue
        row, found = _read_row(line, fields, columns)
        problems.extend(found)
        # A bad row keeps its learner too: otherwise its twin further down would pass for the only one.
        learner = _find_learner(fields, columns)
        if learner and learner in seen:
            problems.append(Problem(line, "learner_id", f"the same learner as in line {seen[learner]}"))
            row = None
        elif learner:
            seen[learner] = line
        if row is not None:
            rows.append(row)
    problems.sort(key=lambda problem: problem.line)
    return AwardFile(tuple(rows), tuple(problems), tuple(name for name in ignore if name in first[1]))


_HEADER_HINT = "the first line names the columns: learner_id,name,awarded_on and, if you like, " + ",".join(
    (*OPTIONAL_COLUMNS, "result.<code>")
)


def _decode(data: bytes) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise MalformedError(f"award file: {len(data)} bytes, more than {MAX_FILE_BYTES}", hint="split the file")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MalformedError("award file: is UTF-16", hint='save it as "CSV UTF-8"')
    if data[:4] == b"PK\x03\x04":
        raise MalformedError("award file: is a spreadsheet, not CSV", hint='save it as "CSV UTF-8"')
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def find_delimiter(text: str) -> str:
    """What separates the fields, by the first line: comma, semicolon or tab."""
    header = text.split("\n", 1)[0]
    return max(",;\t", key=header.count)


def _read_records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]] | Problem]:
    """Every record with its first line; a record whose quotes do not close becomes a problem, and reading goes on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                yield Problem(line, "", "a quote opened here is never closed; nothing after it was read")
                return
            # The reader starts afresh with the next line.
            reason = "a field is too long" if "field larger" in str(error) else "quotes do not match"
            yield Problem(line, "", reason)


def _name_columns(header: list[str], mapping: dict[str, str], ignore: tuple[str, ...]) -> list[str]:
    """Our name of each column, empty for those to leave out."""
    if len(header) > MAX_COLUMNS:
        raise MalformedError(f"award file: {len(header)} columns, more than {MAX_COLUMNS}")
    for ours in mapping.values():
        if not _is_known(ours):
            raise MalformedError(f"award file: --map names no column of ours: {ours}", hint=_HEADER_HINT)
    names = [name.strip() for name in header]
    mapped = [mapping.get(name, name) for name in names]
    if not any(_is_known(name) for name in mapped):
        raise MalformedError("award file: line 1 is no header", hint=_HEADER_HINT)
    problems = [f"no column {name}" for name in REQUIRED_COLUMNS if name not in mapped]
    problems += [f"no column {name}, which --map names" for name in mapping if name not in names]
    columns: list[str] = []
    for position, (name, ours) in enumerate(zip(names, mapped, strict=True), start=1):
        if name in ignore:
            columns.append("")
        elif not _is_known(ours):
            shown = repr(name) if name and not _BAD_BYTE.search(name) else f"number {position}"
            problems.append(f"unknown column {shown}")
        elif ours in columns:
            problems.append(f"column {ours} stands twice")
        else:
            columns.append(ours)
    if problems:
        hint = 'say --map "Student Name=name" for a column under another name, --ignore COLUMN for one to leave out'
        raise MalformedError("award file: " + "; ".join(problems), hint=hint)
    return columns


def _is_known(name: str) -> bool:
    known = (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *EVALUATION_COLUMNS)
    return name in known or _RESULT_COLUMN.fullmatch(name) is not None


def _find_learner(fields: list[str], columns: list[str]) -> str:
    position = columns.index("learner_id")
    return _tidy(fields[position]) if position < len(fields) else ""


def _read_row(line: int, fields: list[str], columns: list[str]) -> tuple[AwardRow | None, list[Problem]]:
    if len(fields) != len(columns):
        return None, [Problem(line, "", f"{len(fields)} fields where the header has {len(columns)}")]
    problems: list[Problem] = []
    values: dict[str, str] = {}
    decided: dict[str, str] = {}
    results: list[tuple[str, str]] = []
    for column, raw in zip(columns, fields, strict=True):
        if not column:
            continue
        value = _tidy(raw)
        reason = _find_fault(column, value)
        if reason:
            problems.append(Problem(line, column, reason))
        elif column in EVALUATION_COLUMNS:
            decided[column] = value
        elif not column.startswith(RESULT_PREFIX):
            values[column] = value
        elif value:
            results.append((column.removeprefix(RESULT_PREFIX), value))
    problems.extend(_compare_dates(line, values))
    record = None
    try:
        if any(decided.values()):
            record = evaluation.parse_columns(*(decided.get(column, "") for column in EVALUATION_COLUMNS))
    except RuleError as error:
        # Its messages begin with the column and never repeat a value.
        column, _, reason = str(error).partition(": ")
        problems.append(Problem(line, column, reason))
    if problems:
        return None, problems
    return AwardRow(line=line, results=tuple(sorted(results)), evaluation=record, **values), []


def _tidy(raw: str) -> str:
    """NFC, and one blank where the student system has line breaks, tabs, hard or double spaces."""
    return unicodedata.normalize("NFC", _WHITE_SPACE.sub(" ", raw).strip())


def _find_fault(column: str, value: str) -> str:
    """Why this value cannot stand in this column, or nothing."""
    if _BAD_BYTE.search(value):
        return 'not UTF-8: save the file as "CSV UTF-8"'
    if any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in value):
        return "holds a control character"
    if not value:
        return "is empty" if column in REQUIRED_COLUMNS else ""
    if column in EVALUATION_COLUMNS:
        return f"longer than {MAX_LIST_LENGTH} characters" if len(value) > MAX_LIST_LENGTH else ""
    if column == "learner_id":
        return f"longer than {MAX_ID_LENGTH} characters" if len(value) > MAX_ID_LENGTH else ""
    if column == "name":
        return f"longer than {MAX_NAME_LENGTH} characters" if len(value) > MAX_NAME_LENGTH else ""
    if column in ("awarded_on", "valid_until", "date_of_birth"):
        return "" if _read_date(value) else "not a date like 2026-05-31"
    if column == "credits":
        return "" if _CREDITS.fullmatch(value) else "not a number of credits like 0.50"
    if column == "email":
        is_email = len(value) <= MAX_EMAIL_LENGTH and _EMAIL.fullmatch(value)
        return "" if is_email else "not an e-mail address"
    return f"longer than {MAX_RESULT_LENGTH} characters" if len(value) > MAX_RESULT_LENGTH else ""


def _read_date(value: str) -> datetime.date | None:
    # `fromisoformat` alone would take 20260531 and week dates.
    if not _DATE.fullmatch(value):
        return None
    try:
        date = datetime.date.fromisoformat(value)
    except ValueError:
        return None
    return date if _EARLIEST_YEAR <= date.year <= _LATEST_YEAR else None


def _compare_dates(line: int, values: Mapping[str, str]) -> list[Problem]:
    awarded = values.get("awarded_on", "")
    problems: list[Problem] = []
    # ISO dates compare as text.
    if awarded and values.get("valid_until") and values["valid_until"] < awarded:
        problems.append(Problem(line, "valid_until", "before awarded_on"))
    if awarded and values.get("date_of_birth") and values["date_of_birth"] >= awarded:
        problems.append(Problem(line, "date_of_birth", "not before awarded_on"))
    return problems
