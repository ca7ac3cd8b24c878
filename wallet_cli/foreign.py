"""Credentials of other formats on the command line: what is asked of them, with everything that the options name read."""

from pathlib import Path
from typing import TYPE_CHECKING

from node.client.givenfiles import GivenFiles, read_files

if TYPE_CHECKING:
    from ledger.credential.external.question import ExternalQuestion, JudgeOwn


def open_question(
    named: GivenFiles,
    folder: Path,
    now: int,
    audience: str | None = None,
    nonce: str | None = None,
    own: "JudgeOwn | None" = None,
) -> "ExternalQuestion":
    """What is asked of foreign credentials.

    Args:
        named: by the options.
        folder: of the vault, where contexts are kept.
        now: Unix milliseconds.
        audience: the name it must have been made for; None not to ask.
        nonce: the value it must carry; None not to ask.
        own: judges what members of the ledger held issued; None where none is held.

    Raises:
        MalformedError: a file cannot be read, or is none of its kind; the message names it.
    """
    from ledger.credential.external.asking import make_question
    from node.client.contexts import open_library

    return make_question(read_files(named), open_library(folder), now=now, audience=audience, nonce=nonce, own=own)
