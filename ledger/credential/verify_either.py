"""Any file somebody shows: of this ledger, or of another format. One entry for the command line and for nodes.

Whatever is of this ledger goes the way of `verify`, whatever else it may also look like: the rules for others never stand
in for that verdict. A badge or record may be of either, which its issuer tells: those of members go through the same list
by `verify_forms`.
"""

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from ledger.credential.report import RecordReport

if TYPE_CHECKING:
    from ledger.credential.external.question import ExternalQuestion

Judge = Callable[[bytes], RecordReport]
"""Gives the report on a file's bytes."""
OwnerTest = Callable[[str], bool]
"""Whether an issuer id belongs to a member of the network."""

_PRESENTATION_MEMBER = "credentials"
_UTF8_MARK = b"\xef\xbb\xbf"
"""Some editors put it before a text; a file of this ledger never has it."""


def is_foreign(data: bytes, owns: OwnerTest) -> bool:
    """Whether a file is of another format than this ledger's; what cannot be told is the ledger's to refuse.

    Args:
        data: the file.
        owns: asked about SD-JWT credentials that do not say by their status that they are of a ledger.
    """
    text = data.removeprefix(_UTF8_MARK).strip()
    if text.startswith(b"{"):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return not (_PRESENTATION_MEMBER in value and "v" in value and "@context" not in value)
    if b"~" in text and not text.startswith((b"<", b"\x89")):
        payload = _peek(text)
        if payload is None or _has_slot(payload):
            return False
        issuer = payload.get("iss")
        return not (isinstance(issuer, str) and owns(issuer))
    from ledger.credential.external.container import is_image

    return is_image(data) or text.count(b".") == 2 or text.startswith((b"https://", b"http://"))


def judge_either(own: Callable[[], Judge], owns: OwnerTest, question: "Callable[[], ExternalQuestion]") -> Judge:
    """Judge files of either kind; neither judge is made before a file needs it.

    Args:
        own: makes the judge of this ledger's files.
        owns: see `is_foreign`.
        question: makes what is asked of the others.
    """
    made: list[Judge] = []
    asked: list[ExternalQuestion] = []

    def judge(data: bytes) -> RecordReport:
        if not is_foreign(data, owns):
            if not made:
                made.append(own())
            return made[0](data)
        # The readers of a dozen formats: whoever verifies none of them does not wait for their import.
        from ledger.credential.external.judge import judge_external

        if not asked:
            asked.append(question())
        return judge_external(data, asked[0])

    return judge


def _peek(text: bytes) -> dict[str, object] | None:
    """The payload of a token, only to tell whose it is; None where it does not parse."""
    try:
        part = text.split(b".", 2)[1]
        value = orjson.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    return value if isinstance(value, dict) else None


def _has_slot(payload: dict[str, object]) -> bool:
    status = payload.get("status")
    return isinstance(status, dict) and "cairn" in status
