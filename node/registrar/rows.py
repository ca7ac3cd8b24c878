"""The registrar's database as neutral rows, for backups and for moving between SQLite and PostgreSQL.

One JSON value a line (UTF-8, no spaces): first `["cairn/rows/v1", layout]`, then for each table in the order of its
foreign keys `["table", name, [columns…]]` followed by its rows as arrays, and at last `["end", rows]`. Bytes are base64url
in `{"b": …}`. All of it is read in one transaction, so it is the database at one moment, while the node goes on.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, LargeBinary, MetaData, inspect, text
from sqlalchemy import Table as TableObject

from ledger import base64url
from ledger.errors import MalformedError
from node import durable
from node.registrar import migrations
from node.registrar.tables import Table

FORMAT = "cairn/rows/v1"
MAX_LINE_BYTES = 128 * 1024 * 1024
"""The outbox may hold a body of 64 MiB that waits for the log."""

_FETCHED_AT_ONCE = 500
_LOADED_AT_ONCE = 500

Value = str | int | float | bool | bytes | None


def dump_rows(connection: Connection, layout: int = migrations.LAYOUT) -> Iterator[bytes]:
    """Give the lines, each with its line end, of everything this version's tables hold.

    Args:
        connection: in a transaction that sees one moment.
        layout: that the database is of; columns it lacks yet are left out.
    """
    yield _line([FORMAT, layout])
    here = inspect(connection)
    count = 0
    for table in Table.metadata.sorted_tables:
        if not here.has_table(table.name):
            continue
        present = {column["name"] for column in here.get_columns(table.name)}
        columns = [column for column in table.columns if column.name in present]
        yield _line(["table", table.name, [column.name for column in columns]])
        query = table.select().with_only_columns(*columns).order_by(*_order(table))
        result = connection.execution_options(yield_per=_FETCHED_AT_ONCE).execute(query)
        for row in result:
            count += 1
            yield _line([_encode(value) for value in row])
    yield _line(["end", count])


def load_rows(connection: Connection, lines: Iterable[bytes]) -> int:
    """Fill empty tables with what `dump_rows` gave, in the open transaction; returns the layout it was of.

    The caller creates today's tables before, and migrates from the layout returned afterwards.

    Raises:
        MalformedError: a line does not parse, a table or column is unknown, or the end is missing.
    """
    given = iter(lines)
    layout = _read_header(next(given, b""))
    tables = Table.metadata.tables
    table: TableObject | None = None
    columns: list[str] = []
    waiting: list[dict[str, Value]] = []
    count = 0
    for line in given:
        value = _parse(line)
        if value[:1] == ["table"] and len(value) == 3 and isinstance(value[2], list):
            _insert(connection, table, waiting)
            table, columns = tables.get(str(value[1])), [str(name) for name in value[2]]
            if table is None or not set(columns) <= set(table.columns.keys()):
                raise MalformedError(f"rows: table {str(value[1])[:40]!r} is not one this version knows")
        elif value[:1] == ["end"] and len(value) == 2:
            _insert(connection, table, waiting)
            if value[1] != count:
                raise MalformedError(f"rows: {count} found, {value[1]} announced")
            _set_counters(connection)
            return layout
        else:
            if table is None or len(value) != len(columns):
                raise MalformedError("rows: a row does not fit its table")
            waiting.append({name: _decode(item, table, name) for name, item in zip(columns, value, strict=True)})
            count += 1
            if len(waiting) == _LOADED_AT_ONCE:
                _insert(connection, table, waiting)
    raise MalformedError("rows: the end is missing", hint="the file was cut off: use another backup")


def keep_copy(engine: Engine, path: Path) -> Path:
    """Write all rows to a private file, durably; what stood there is replaced."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    found = migrations.read_layout(engine) or migrations.LAYOUT
    try:
        with (
            engine.connect() as connection,
            os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
        ):
            file.writelines(dump_rows(connection, found))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    durable.sync_directory(path.parent)
    return path


def _order(table: TableObject) -> list[ColumnElement[Any]]:  # Any: columns of any type
    # An award that was replaced points at the one with the next revision, which must be there when it is loaded.
    first = [table.columns["revision"].desc()] if table.name == "awards" else []
    return [*first, *table.primary_key.columns]


def _insert(connection: Connection, table: TableObject | None, waiting: list[dict[str, Value]]) -> None:
    if table is not None and waiting:
        connection.execute(table.insert(), waiting)
        waiting.clear()


def _set_counters(connection: Connection) -> None:
    """Rows came with their numbers; PostgreSQL goes on counting where it was, which would be at 1."""
    if connection.dialect.name != "postgresql":
        return
    metadata: MetaData = Table.metadata
    for table in metadata.sorted_tables:
        for column in table.primary_key.columns:
            if table.autoincrement_column is column:
                names = {"table": table.name, "column": column.name}
                largest = connection.execute(text(f'SELECT MAX("{column.name}") FROM "{table.name}"')).scalar()
                if largest is not None:
                    counter = text("SELECT setval(pg_get_serial_sequence(:table, :column), :largest)")
                    connection.execute(counter, {**names, "largest": largest})


def _read_header(line: bytes) -> int:
    value = _parse(line)
    if len(value) != 2 or value[0] != FORMAT or not isinstance(value[1], int):
        raise MalformedError(f"rows: expected format {FORMAT}", hint="use the cairn-node that wrote the backup")
    migrations.check_layout(value[1], "rows")
    return value[1]


def _parse(line: bytes) -> list[Any]:  # Any: JSON of a backup; each value is checked where it is used
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError(f"rows: a line of more than {MAX_LINE_BYTES} bytes")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise MalformedError("rows: a line is not JSON", hint="the file is damaged: use another backup") from error
    if not isinstance(value, list):
        raise MalformedError("rows: a line is not a JSON array")
    return value


def _encode(value: Value) -> object:
    return {"b": base64url.encode(bytes(value))} if isinstance(value, bytes | memoryview) else value


def _decode(value: object, table: TableObject, name: str) -> Value:
    if isinstance(value, dict) and set(value) == {"b"} and isinstance(table.columns[name].type, LargeBinary):
        return base64url.decode(str(value["b"]))
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise MalformedError(f"rows: {table.name}.{name} holds something that is no value")


def _line(value: object) -> bytes:
    return orjson.dumps(value) + b"\n"
