"""Tables: CSV read strictly (RFC 4180, UTF-8, header row), with the line and column of everything that is wrong.

Files are read by the names in their header; columns nobody asks for are left alone. CRLF line ends and a byte order
mark are accepted, since spreadsheet programs write them. Lines without a quotation mark, nearly all of them, are
split without looking at every character: a data set of a million rows is read in seconds.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from ledger.errors import MalformedError
from ledger.mastery.problems import ProblemCollector

MAX_CELL_CHARACTERS = 10_000

Built = TypeVar("Built")

Place = tuple[int, int]
"""A row's line, from 1, and where it starts in the text; only the table it came from can read it."""

_needs_quotes = re.compile(r'[,"\n\r]').search


@dataclass(frozen=True, slots=True)
class Column:
    """A column a reader asks for: its name in the header, and what turns a cell into a value or raises MalformedError."""

    name: str
    read: Callable[[str], Any]  # the value is checked where the row is built


def parse_text(text: str) -> str:
    """A cell that must say something.

    Raises:
        MalformedError: it is empty, or longer than any cell may be.
    """
    if not text:
        raise MalformedError("is empty")
    return parse_optional_text(text)


def parse_optional_text(text: str) -> str:
    """A cell that may be empty.

    Raises:
        MalformedError: longer than any cell may be.
    """
    if len(text) > MAX_CELL_CHARACTERS:
        raise MalformedError(f"has {len(text)} characters, more than {MAX_CELL_CHARACTERS}")
    return text


@lru_cache(maxsize=1 << 16)
def parse_shared_text(text: str) -> str:
    """As `parse_text`, for codes that stand in many rows: equal cells become one object, which saves half the memory."""
    return parse_text(text)


def parse_yes_no(text: str) -> bool:
    """`yes` or `no`.

    Raises:
        MalformedError: anything else.
    """
    if text not in ("yes", "no"):
        raise MalformedError(f"{text[:40]!r} is neither yes nor no")
    return text == "yes"


def choice(*allowed: str) -> Callable[[str], str]:
    """A reader of cells that hold one of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise MalformedError(f"{text[:40]!r} is not one of {', '.join(word or 'nothing' for word in allowed)}")
        return text

    return read


class Table:
    """The rows of one file; `parse_table` makes them."""

    __slots__ = ("_body", "_problems", "_text", "file", "header")

    def __init__(self, file: str, text: str, header: list[str], body: int, problems: ProblemCollector) -> None:
        """Keep the text; rows are cut when they are asked for. `body` is where the first row starts."""
        self.file = file
        self.header = header
        self._text = text
        self._body = body
        self._problems = problems

    def read(self, columns: Sequence[Column], build: Callable[..., Built]) -> Iterator[tuple[Place, Built]]:
        """Give place and value of each row that can be read; report the others.

        The first column identifies the row: a value that stands twice is a problem.
        """
        picks = [(self.header.index(column.name), column.read) for column in columns]
        key, seen = picks[0][0], set[str]()
        for line, start, cells in self._rows():
            try:
                values = [read(cells[position]) for position, read in picks]
            except MalformedError:
                self._report((line, start), cells, columns)
                continue
            if cells[key] in seen:
                self.complain((line, start), columns[0].name, f"{cells[key]} stands twice")
                continue
            seen.add(cells[key])
            yield (line, start), build(*values)

    def complain(self, place: Place, name: str, reason: str) -> None:
        """Report a problem with the named cell of a row, at the line and column where the cell starts."""
        at = self._find(place[1], self.header.index(name))
        line = place[0] + self._text.count("\n", place[1], at)
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        self._problems.add(self.file, line, column, f"{name}: {reason}")

    def _report(self, place: Place, cells: Sequence[str], columns: Sequence[Column]) -> None:
        for column in columns:
            try:
                column.read(cells[self.header.index(column.name)])
            except MalformedError as error:
                self.complain(place, column.name, str(error))

    def _rows(self) -> Iterator[tuple[int, int, list[str]]]:
        """Line number, where the row starts, and its cells; rows of another width are reported."""
        text, width, start = self._text, len(self.header), self._body
        line = text.count("\n", 0, start) + 1
        while start < len(text):
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            row = text[start:end]
            first, first_line = start, line
            if '"' in row:
                cells, start = split_quoted(text, start, self.file, line, self._problems)
                line += text.count("\n", first, start)
            else:
                cells = row.removesuffix("\r").split(",")
                start, line = end + 1, line + 1
            if len(cells) == width:
                yield first_line, first, cells
            elif cells and cells != [""]:
                reason = f"{len(cells)} cells, the header names {width}"
                self._problems.add(self.file, first_line, 1, reason)

    def _find(self, at: int, position: int) -> int:
        """Where the cell at `position` of the row that starts at `at` begins."""
        for _ in range(position):
            if self._text[at] == '"':
                at += 1
                while self._text[at] != '"' or self._text[at + 1] == '"':
                    at += 2 if self._text[at] == '"' else 1
                at += 1
            at = self._text.index(",", at) + 1
        return at


def split_quoted(text: str, start: int, file: str, line: int, problems: ProblemCollector) -> tuple[list[str], int]:
    """Cut a row that holds quotation marks; a cell may span lines. Returns no cells where it is broken, and the end."""
    cells: list[str] = []
    at = start

    def broken(reason: str) -> tuple[list[str], int]:
        before = text.count("\n", start, at)
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        problems.add(file, line + before, column, reason)
        end = text.find("\n", at)
        return [], len(text) if end < 0 else end + 1

    while True:
        if text[at : at + 1] == '"':
            opening, pieces = at, list[str]()
            while True:
                closing = text.find('"', at + 1)
                if closing < 0:
                    at = opening
                    return broken("a quotation mark is never closed")
                pieces.append(text[at + 1 : closing])
                at = closing + 1
                if text[at : at + 1] != '"':
                    break
            cells.append('"'.join(pieces))
        else:
            ends = [end for end in (text.find(",", at), text.find("\n", at)) if end >= 0]
            end = min(ends, default=len(text))
            cell = text[at:end]
            if '"' in cell:
                at += cell.index('"')
                return broken("a quotation mark inside a cell that does not begin with one")
            cells.append(cell.removesuffix("\r") if text[end : end + 1] != "," else cell)
            at = end
        if text[at : at + 2] == "\r\n":
            at += 1
        if at >= len(text):
            return cells, at
        if text[at] == "\n":
            return cells, at + 1
        if text[at] != ",":
            return broken("text after a closing quotation mark")
        at += 1


def parse_table(file: str, data: bytes, columns: Iterable[Column], problems: ProblemCollector) -> Table | None:
    """Read the header; None, with the problems reported, where the file is not text or lacks a column."""
    text = decode_text(file, data, problems)
    if text is None:
        return None
    end = text.find("\n")
    if '"' in text[: end if end >= 0 else len(text)]:
        header, body = split_quoted(text, 0, file, 1, problems)
    else:
        header = (text if end < 0 else text[:end]).removesuffix("\r").split(",")
        body = len(text) if end < 0 else end + 1
    missing = [column.name for column in columns if column.name not in header]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    for name in missing:
        problems.add(file, 1, 1, f"the header has no column {name}")
    for name in twice:
        problems.add(file, 1, 1, f"the header names {name[:40]!r} twice")
    return None if missing or twice else Table(file, text, header, body, problems)


def decode_text(file: str, data: bytes, problems: ProblemCollector) -> str | None:
    """UTF-8 text without its byte order mark; None, with the problem reported, where it is something else."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        problems.add(file, before.count(b"\n") + 1, column, "not UTF-8 text")
        return None
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")


def encode_table(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV: UTF-8, LF line ends, quotation marks only where a cell needs them."""
    return "".join(f"{','.join(map(encode_cell, row))}\n" for row in rows).encode("utf-8")


def encode_cell(text: str) -> str:
    """One cell, quoted if it holds a comma, a quotation mark or a line end."""
    if _needs_quotes(text) is not None:
        return '"' + text.replace('"', '""') + '"'
    return text
