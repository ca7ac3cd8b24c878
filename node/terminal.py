"""What an operator sees: results on stdout, everything else on stderr, nothing from outside unescaped.

Names come from other institutions' logs and may hold characters that move the cursor or reverse the reading direction;
`escape` makes them visible. rich is imported only where something is drawn on a real terminal.
"""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from ledger.credential.validity import MAX_SECONDS
from ledger.errors import CairnError, MalformedError
from node.errors import AwaitsApprovalError, BusyError, ConflictError

EXIT_YES = 0
EXIT_NO = 1
EXIT_UNREADABLE = 2
EXIT_UNDECIDED = 3

_UNREACHED = frozenset({"UnreachableError", "UntrustedPeerError"})

# Cc control, Cf format (bidirectional marks, zero width), Zl and Zp line breaks, Cs lone surrogates, Co private use.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def escape(text: str) -> str:
    """Foreign text with every character that could steer a terminal or hide itself written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def result(text: str) -> None:
    """Print a line of the result to stdout, escaped."""
    _write(sys.stdout, escape(text))


def note(text: str) -> None:
    """Print a remark to stderr, escaped."""
    _write(sys.stderr, escape(text))


def next_step(text: str) -> None:
    """Name the natural next command on stderr, the last thing a command does."""
    note(f"next: {text}")


def result_json(value: object) -> None:
    """Print a result as JSON on stdout, names sorted, so that its shape is stable."""
    _write(sys.stdout, json.dumps(value, ensure_ascii=True, indent=2, sort_keys=True))


def fail(error: CairnError) -> int:
    """Print an error and its hint in the house form and return the exit code that belongs to it."""
    # An error of a library may have several lines; each is escaped on its own.
    for line in f"cairn-node: error: {error}".splitlines():
        note(line)
    if error.hint:
        note(f"cairn-node: hint: {error.hint}")
    return exit_code(error)


def wait_for_approval(error: AwaitsApprovalError, *, as_json: bool) -> int:
    """Print that an act was not done yet but waits for a second person, and return the exit code for that."""
    if as_json:
        result_json({"proposal": error.proposal, "state": "waiting"})
    else:
        result(str(error))
    next_step(error.hint)
    return EXIT_UNDECIDED


def exit_code(error: CairnError) -> int:
    """Exit code of an error: 2 unreadable, 3 could not decide, 1 a true no."""
    if isinstance(error, MalformedError):
        return EXIT_UNREADABLE
    # Named, not imported: the client's failures belong to the commands that dial.
    waits = BusyError | ConflictError | AwaitsApprovalError
    undecided = isinstance(error, waits) or type(error).__name__ in _UNREACHED
    return EXIT_UNDECIDED if undecided else EXIT_NO


def instant(at: int | None) -> str:
    """An instant for people, in UTC to the minute; "never" for None. What others signed may lie beyond any calendar."""
    if at is None:
        return "never"
    if at > MAX_SECONDS * 1000:
        return "after the year 9999"
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 award`, `2 awards`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


@contextmanager
def show_work(title: str) -> Iterator[None]:
    """A moving bar on stderr while the context lasts, on a terminal; silence where nobody watches."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bars.add_task(title, total=None)
        yield


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work whose size is known; gives a function to be told what is done, of how much."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=max(total, 1))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of foreign text to stdout: a drawn table on a terminal, aligned plain text elsewhere."""
    cells = [[escape(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(box=box.SIMPLE, pad_edge=False)
        for column, heading in enumerate(headings):
            # Nothing is cut off; the first column holds what is typed or copied next, so it stays in one piece.
            least = max(len(line[column]) for line in [list(headings), *cells]) if column == 0 else None
            drawn.add_column(heading, overflow="fold", min_width=least)
        for row in cells:
            # Text, not str: square brackets in a name are not markup.
            drawn.add_row(*(Text(cell) for cell in row))
        Console().print(drawn)
        return
    lines = [list(headings), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        _write(sys.stdout, "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _write(stream: object, text: str) -> None:
    # A terminal of another encoding shows a replacement instead of stopping the program.
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)  # type: ignore[call-overload]  # object: tests pass any stream
