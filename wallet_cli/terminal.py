"""What a person sees: results on stdout, everything else on stderr, nothing from outside unescaped.

Text that came from a log, a credential or a server may hold control characters that move the cursor, or marks that
reverse the reading direction; `escape` makes both visible. rich is imported only where a table is drawn on a real
terminal.
"""

import json
import sys
import unicodedata
from collections.abc import Sequence

from ledger.errors import CairnError, MalformedError

EXIT_YES = 0
EXIT_NO = 1
EXIT_UNREADABLE = 2
EXIT_UNDECIDED = 3

# Cc control, Cf format (bidirectional marks, zero width), Zl and Zp line breaks, Cs lone surrogates, Co private use.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def escape(text: str) -> str:
    """Return foreign text with every character that could steer a terminal or hide itself written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def result(text: str) -> None:
    """Print a line of the result to stdout."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """Print a remark to stderr."""
    _write(sys.stderr, text)


def next_step(text: str) -> None:
    """Name the natural next command on stderr, the last thing a command does."""
    note(f"next: {text}")


def result_json(value: object) -> None:
    """Print a result as JSON on stdout, names sorted, so that its shape is stable."""
    result(json.dumps(value, ensure_ascii=True, indent=2, sort_keys=True))


def fail(error: CairnError) -> int:
    """Print an error and its hint in the house form and return the exit code that belongs to it."""
    note(f"cairn: error: {_lines(str(error))}")
    if error.hint:
        note(f"cairn: hint: {_lines(error.hint)}")
    return exit_code(error)


def exit_code(error: CairnError) -> int:
    """Return the exit code of an error: 2 unreadable, 3 could not decide, 1 a true no."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):
        return code
    if isinstance(error, MalformedError):
        return EXIT_UNREADABLE
    # Named, not imported: the client module belongs to the commands that dial, and `cairn verify` must start without
    # it.
    if type(error).__name__ in ("TransportError", "ConflictError", "BusyError"):
        return EXIT_UNDECIDED
    return EXIT_NO


def confirm(question: str, *, yes: bool = False) -> bool:
    """Ask a question on the terminal whose default answer is no; `yes` answers it without asking.

    Raises:
        MalformedError: there is nobody to ask, since the input is not a terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise MalformedError(
            "this needs an answer and the input is not a terminal", hint="add --yes if that is what you want"
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 entry`, `2 entries`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


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
    widths = [max(len(line[column]) for line in [list(headings), *cells]) for column in range(len(headings))]
    for line in [list(headings), *cells]:
        result("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _lines(text: str) -> str:
    return "\n".join(escape(line) for line in text.split("\n"))


def _write(stream: object, text: str) -> None:
    # A terminal of another encoding shows a replacement instead of stopping the program.
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)  # type: ignore[call-overload]  # object: tests pass any stream
