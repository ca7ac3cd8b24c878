"""A list of awards in a file: one id a line, or a CSV with a column of ids, as a registrar keeps one.

The ids are those that `cairn-node awards` shows. No message repeats what stands in a file: whoever hands in the wrong
one may have handed in names.
"""

import csv
import io
import re

from ledger.errors import MalformedError

MAX_FILE_BYTES = 16 * 1024 * 1024
COLUMNS = ("award", "award_id", "id")
"""Headings of the column of ids in a CSV, in the order in which they are looked for."""

_AWARD_ID = re.compile(r"[a-z2-7]{16}")


def parse_award_ids(data: bytes, where: str) -> tuple[str, ...]:
    """The ids in a file, in order, each once.

    Args:
        data: UTF-8 text: ids line by line, or a CSV (comma, semicolon or tab) whose first line names a column of
            `COLUMNS`. Empty lines and lines that begin with `#` are passed over.
        where: the file, for messages.

    Raises:
        MalformedError: it is no text, a line holds no award id, or there is none at all.
    """
    if len(data) > MAX_FILE_BYTES:
        raise MalformedError(f"{where}: {len(data)} bytes, more than {MAX_FILE_BYTES}", hint="split the file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: is not UTF-8 text", hint='save it as "CSV UTF-8"') from error
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    found: dict[str, None] = {}
    column: int | None = None
    try:
        for number, fields in enumerate(reader):
            fields = [field.strip() for field in fields]
            if not any(fields) or fields[0].startswith("#"):
                continue
            if number == 0 and (column := _find_column(fields)) is not None:
                continue
            found[_read_id(fields, column or 0, reader.line_num, where)] = None
    except csv.Error as error:
        raise MalformedError(f"{where}: line {reader.line_num}: quotes do not match") from error
    if not found:
        raise MalformedError(f"{where}: holds no award id", hint="`cairn-node awards DIR` shows the ids")
    return tuple(found)


def _find_column(header: list[str]) -> int | None:
    names = [name.lower() for name in header]
    return next((names.index(name) for name in COLUMNS if name in names), None)


def _read_id(fields: list[str], column: int, line: int, where: str) -> str:
    if column >= len(fields) or not _AWARD_ID.fullmatch(fields[column]):
        raise MalformedError(
            f"{where}: line {line}: no award id, which has sixteen letters and digits",
            hint=f"one id a line, or a CSV with a column {' or '.join(COLUMNS)}; `cairn-node awards DIR` shows the ids",
        )
    return fields[column]
