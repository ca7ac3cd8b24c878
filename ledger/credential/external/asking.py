"""From what was given, as bytes, to what is asked of credentials of other formats."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ledger.credential.external.given import Given
from ledger.credential.external.issuers import IssuerBook, parse_given_document
from ledger.credential.external.lists import open_status_list
from ledger.credential.external.question import ExternalQuestion, JudgeOwn
from ledger.credential.jsonld.library import ContextLibrary

if TYPE_CHECKING:
    from cryptography import x509


def make_book(
    documents: Iterable[tuple[str | None, bytes]], issuers: Iterable[str], authorities: Iterable[bytes]
) -> IssuerBook:
    """What is known about issuers: documents with their owners, ids, and certificates.

    Raises:
        MalformedError: a document or certificate is none.
    """
    certificates: list[x509.Certificate] = []
    for data in authorities:
        # Reading certificates takes longer to import than to do; few verifiers name an authority.
        from ledger.credential.external.certificate import parse_authorities

        certificates += parse_authorities(data)
    given = tuple(parse_given_document(data, owner=owner) for owner, data in documents)
    return IssuerBook(documents=given, named=frozenset(issuers), authorities=tuple(certificates))


def make_question(
    given: Given,
    library: ContextLibrary,
    *,
    now: int,
    audience: str | None = None,
    nonce: str | None = None,
    own: JudgeOwn | None = None,
) -> ExternalQuestion:
    """What is asked of credentials of other formats, with everything that was given read.

    Args:
        given: about issuers.
        library: JSON-LD contexts held.
        now: Unix milliseconds.
        audience: the name it must have been made for; None not to ask.
        nonce: the value it must carry; None not to ask.
        own: judges what members of the ledger held issued; None where none is held.

    Raises:
        MalformedError: something given is none of its kind.
    """
    book = make_book(given.documents, given.issuers, given.authorities)
    lists = tuple(open_status_list(data, now=now, book=book, library=library) for data in given.status_lists)
    return ExternalQuestion(now=now, book=book, library=library, lists=lists, audience=audience, nonce=nonce, own=own)
