"""Where the passphrase of a vault comes from: a file for scripts, otherwise a question on the terminal.

Never an argument and never an environment variable: both can be read by other programs of the same computer.
"""

import sys
from pathlib import Path

from ledger.errors import MalformedError
from wallet_cli import files

MAX_BYTES = 4096
MIN_LENGTH = 8


def read_passphrase(source: Path | None, *, confirm: bool = False, of: str = "the vault") -> str:
    """Return the passphrase from the first line of `source`, or ask for it without showing it.

    Args:
        source: a text file, UTF-8; None asks on the terminal.
        of: what the passphrase opens, for the question.
        confirm: a new one is made: ask twice, and refuse fewer than `MIN_LENGTH` characters.

    Raises:
        MalformedError: unreadable file, nobody to ask, two answers that differ, or too short a new one.
    """
    passphrase = _from_file(source) if source is not None else _ask(f"passphrase of {of}: ")
    if not confirm:
        return passphrase
    if len(passphrase) < MIN_LENGTH:
        raise MalformedError(
            f"the passphrase has {len(passphrase)} characters, at least {MIN_LENGTH} are needed",
            hint="four or five unrelated words are easy to keep and hard to guess",
        )
    if source is None and _ask("the same again: ") != passphrase:
        raise MalformedError("the two passphrases differ", hint="run the command again")
    return passphrase


def _from_file(source: Path) -> str:
    try:
        data = files.read_bounded(source, MAX_BYTES)
        text = data.decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise MalformedError(f"passphrase file {source} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MalformedError(f"passphrase file {source} is not UTF-8 text") from error
    first = text.partition("\n")[0].removesuffix("\r")
    if not first:
        raise MalformedError(f"passphrase file {source} is empty", hint="put the passphrase in its first line")
    return first


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise MalformedError(
            "the passphrase is needed and the input is not a terminal",
            hint="name a file that holds it with --passphrase-file",
        )
    import getpass

    try:
        return getpass.getpass(question, sys.stderr)
    except EOFError as error:
        raise MalformedError("no passphrase was given") from error
