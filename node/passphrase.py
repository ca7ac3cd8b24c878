"""Where the passphrase of a root or governor key comes from: a file for scripts, otherwise a question on the terminal.

Never an argument and never an environment variable: both can be read by other programs of the same computer.
"""

import sys
from pathlib import Path

from ledger.errors import MalformedError

MAX_BYTES = 4096
MIN_LENGTH = 8


def read_passphrase(
    source: Path | None, question: str, *, confirm: bool = False, option: str = "--passphrase-file"
) -> str:
    """The passphrase from the first line of `source`, or asked for without showing it.

    Args:
        source: a text file, UTF-8; None asks on the terminal.
        question: what is asked, without colon.
        option: that names `source`, for whoever has no terminal.
        confirm: a new key is made: ask twice, and refuse fewer than `MIN_LENGTH` characters.

    Raises:
        MalformedError: unreadable file, nobody to ask, two answers that differ, or too short a new one.
    """
    passphrase = _from_file(source) if source is not None else _ask(f"{question}: ", option)
    if not confirm:
        return passphrase
    if len(passphrase) < MIN_LENGTH:
        raise MalformedError(
            f"passphrase: {len(passphrase)} characters, at least {MIN_LENGTH} are needed",
            hint="four or five unrelated words are easy to keep and hard to guess",
        )
    if source is None and _ask("the same again: ", option) != passphrase:
        raise MalformedError("passphrase: the two answers differ", hint="run the command again")
    return passphrase


def _from_file(source: Path) -> str:
    try:
        with source.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise MalformedError(f"passphrase file {source}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MalformedError(f"passphrase file {source}: is not UTF-8 text") from error
    first = text.partition("\n")[0].removesuffix("\r")
    if not first:
        raise MalformedError(f"passphrase file {source}: is empty", hint="put the passphrase in its first line")
    return first


def _ask(question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise MalformedError(
            f"{question.removesuffix(': ')}: it is needed, and the input is not a terminal",
            hint=f"name a file that holds it with {option}",
        )
    import getpass

    try:
        return getpass.getpass(question, sys.stderr)
    except EOFError as error:
        raise MalformedError("passphrase: none was given") from error
