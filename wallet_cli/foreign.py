"""Credentials of other formats on the command line: telling them from this ledger's own, and what helps to judge them.

Whatever is of this ledger goes the way of `ledger.credential.verify`, whatever else it may also look like: the rules here
for others never stand in for that verdict. A badge or record may be of either, which its issuer tells: those of members go
through the same list by `ledger.credential.verify_forms`.
"""

import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from ledger.credential.report import RecordReport
from ledger.errors import MalformedError

if TYPE_CHECKING:
    from cryptography import x509

    from ledger.credential.external.issuers import IssuerBook
    from ledger.credential.external.question import ExternalQuestion, JudgeOwn

Judge = Callable[[bytes], RecordReport]
OwnerTest = Callable[[str], bool]
"""Whether an issuer id belongs to a member of the network."""

MAX_GIVEN_BYTES = 16 << 20
_PRESENTATION_MEMBER = "credentials"
_UTF8_MARK = b"\xef\xbb\xbf"
"""What some editors put before every text they save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the options of a command name, unread: files about issuers, ids, authorities, status lists and receipts."""

    issuer_documents: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()
    status_lists: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()


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
        from ledger.credential.external.judge import judge_external

        if not asked:
            asked.append(question())
        return judge_external(data, asked[0])

    return judge


def open_question(
    given: Given,
    folder: Path,
    now: int,
    audience: str | None = None,
    nonce: str | None = None,
    own: "JudgeOwn | None" = None,
) -> "ExternalQuestion":
    """What is asked of foreign credentials, with everything that was given read.

    Args:
        given: from the options.
        folder: of the vault, where contexts are kept.
        now: Unix milliseconds.
        audience: the name it must have been made for; None not to ask.
        nonce: the value it must carry; None not to ask.
        own: judges what members of the ledger held issued; None where none is held.

    Raises:
        MalformedError: a file cannot be read, or is none of its kind; the message names it.
    """
    from ledger.credential.external.lists import open_status_list
    from ledger.credential.external.question import ExternalQuestion
    from node.client.contexts import open_library

    sources = [split_source(source) for source in given.issuer_documents]
    documents = [(owner, read_given(path)) for owner, path in sources]
    book = make_book(documents, given.issuers, [read_given(path) for path in given.authorities])
    library = open_library(folder)
    lists = tuple(
        open_status_list(read_given(path), now=now, book=book, library=library) for path in given.status_lists
    )
    return ExternalQuestion(now=now, book=book, library=library, lists=lists, audience=audience, nonce=nonce, own=own)


def make_book(
    documents: Iterable[tuple[str | None, bytes]], issuers: Iterable[str], authorities: Iterable[bytes]
) -> "IssuerBook":
    """What is known about issuers, from files already read: documents with their owners, ids, and certificates.

    Raises:
        MalformedError: a document or certificate is none.
    """
    from ledger.credential.external.issuers import IssuerBook, parse_given_document

    certificates: list[x509.Certificate] = []
    for data in authorities:
        from ledger.credential.external.certificate import parse_authorities

        certificates += parse_authorities(data)
    given = tuple(parse_given_document(data, owner=owner) for owner, data in documents)
    return IssuerBook(documents=given, named=frozenset(issuers), authorities=tuple(certificates))


def split_source(source: str) -> tuple[str | None, str]:
    """`ID=FILE` or `FILE`; a file whose name holds a `=` is taken as one if it is there."""
    owner, mark, path = source.partition("=")
    return (None, source) if not mark or Path(source).exists() else (owner, path)


def read_given(path: str) -> bytes:
    """A file that an option names.

    Raises:
        MalformedError: it cannot be read, or is over `MAX_GIVEN_BYTES`.
    """
    from wallet_cli import files

    try:
        return files.read_bounded(Path(path).expanduser(), MAX_GIVEN_BYTES)
    except OSError as error:
        raise MalformedError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error


def _peek(text: bytes) -> dict[str, object] | None:
    """The payload of a token, only to tell whose it is; None where it does not parse."""
    import base64

    try:
        part = text.split(b".", 2)[1]
        value = orjson.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    return value if isinstance(value, dict) else None


def _has_slot(payload: dict[str, object]) -> bool:
    status = payload.get("status")
    return isinstance(status, dict) and "cairn" in status
