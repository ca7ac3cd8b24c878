"""What the node says while it runs: one line per event on standard error, logfmt or JSON.

A message is constant text; what varies stands in `extra` fields (`origin`, `size`, `peer`, `elapsed_ms`), so that lines
can be counted and searched. Values come partly from other people's logs, so control characters are always escaped. No
claim, name, salt, key or input row may be given to a logger: only hashes, indexes and sizes.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_is_plain = re.compile(r"[A-Za-z0-9._:/+@,*#%~-]+").fullmatch


class LogFormat(StrEnum):
    """How a line is written: `logfmt` for people, `json` for collectors."""

    LOGFMT = "logfmt"
    JSON = "json"


class LogfmtFormatter(logging.Formatter):
    """`time=… level=info logger=node.sequencer message="commit is durable" size=41`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line, whatever its values contain."""
        return " ".join(f"{name}={_quote(value)}" for name, value in _fields(self, record))


class JSONFormatter(logging.Formatter):
    """The same fields as one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line of ASCII JSON."""
        return json.dumps({name: _plain(value) for name, value in _fields(self, record)}).replace("\x7f", "\\u007f")


def configure_logging(log_format: LogFormat, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every logger of this process to `stream` (standard error by default) from `level` on.

    Called once, by a command; calling it again replaces what was configured before.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JSONFormatter() if log_format is LogFormat.JSON else LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    moment = datetime.fromtimestamp(record.created, UTC)
    yield "time", moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "level", record.levelname.lower()
    yield "logger", record.name
    yield "message", record.getMessage()
    for name in sorted(vars(record).keys() - _STANDARD_FIELDS):
        yield name, getattr(record, name)
    if record.exc_info:
        yield "traceback", formatter.formatException(record.exc_info)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _quote(value: object) -> str:
    text = str(value)
    if _is_plain(text):
        return text
    # JSON escapes quotes, controls and all beyond ASCII, but not DEL: nothing may end the line or move the cursor.
    return json.dumps(text).replace("\x7f", "\\u007f")
