"""One line per event, whatever its values contain."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from node.logs import LogFormat, configure_logging


@pytest.fixture(autouse=True)
def _restore_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _line(log_format: LogFormat, **extra: object) -> str:
    stream = io.StringIO()
    configure_logging(log_format, stream=stream)
    logging.getLogger("node.test").info("commit is durable", extra=extra)
    return stream.getvalue()


def test_logfmt_shows_constant_message_and_fields() -> None:
    line = _line(LogFormat.LOGFMT, size=41, origin="granite.example/log")

    assert line.endswith(
        ' level=info logger=node.test message="commit is durable" origin=granite.example/log size=41\n'
    )


def test_json_keeps_numbers_as_numbers() -> None:
    fields = json.loads(_line(LogFormat.JSON, size=41, peer=None, key=b"x"))

    assert {"message": "commit is durable", "size": 41, "peer": None, "key": "b'x'"}.items() <= fields.items()


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\0", '"'])
def test_a_value_cannot_end_its_line_or_move_the_cursor(log_format: LogFormat, character: str) -> None:
    line = _line(log_format, origin=f"a{character}b level=error")

    assert line.count("\n") == 1
    assert all(32 <= ord(c) < 127 for c in line[:-1])
    assert 'b level=error"' in line


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_traceback_stays_on_its_line(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(log_format, stream=stream)

    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("node.test").exception("follower stopped")

    assert stream.getvalue().count("\n") == 1
    assert "ValueError: why" in stream.getvalue()


def test_steps_below_the_level_are_not_shown() -> None:
    stream = io.StringIO()
    configure_logging(LogFormat.LOGFMT, "warning", stream)

    logging.getLogger("node.test").info("lifecycle")

    assert stream.getvalue() == ""
