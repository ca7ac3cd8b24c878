"""Readers of the status lists a verifier was given: Bitstring and Token Status Lists, and plain lists of ids.

The list is judged like a credential: by the issuer of the credential whose status it tells; a Bitstring Status List also by
an id that the verifier vouches for by name, since some issuers have theirs kept by others. Whose document is held besides,
to judge other credentials, has no say. What it fails at (`plainlist`) lets no statement be made.
"""

from ledger.credential.dataintegrity.issuer_document import check_in_force
from ledger.credential.external.entry import EntryKind, StatusEntry
from ledger.credential.external.issuers import IssuerBook
from ledger.credential.external.key import RSAKey
from ledger.credential.external.revocation import (
    MAX_LIST_BYTES,
    ListedStatus,
    StatusAnswer,
    StatusReader,
    open_id_list,
)
from ledger.credential.jose import JWS, parse_jws
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.plainlist.bitstring_reader import BitstringEntry, ListQuestion, read_bitstring
from ledger.credential.plainlist.problem import StatusListError, StatusProblem
from ledger.credential.plainlist.token import TOKEN_TYPE, TokenReference, read_token_status
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import CairnError, MalformedError

_BY_PURPOSE = {"revocation": ListedStatus.REVOKED, "suspension": ListedStatus.SUSPENDED}
_BY_TOKEN_VALUE = {0: ListedStatus.VALID, 1: ListedStatus.REVOKED, 2: ListedStatus.SUSPENDED}


def open_status_list(data: bytes, *, now: int, book: IssuerBook, library: ContextLibrary) -> StatusReader:
    """A reader of one list.

    Args:
        data: the list as it was fetched: JSON, or a token.
        now: Unix ms; an expired list says nothing.
        book: whose keys are known.
        library: contexts, for proofs that need them.

    Raises:
        MalformedError: not a status list of a form known here.
    """
    text = data.strip()
    if text.startswith(b"{"):
        value = parse_strict_object(text, max_bytes=MAX_LIST_BYTES, where="status list")
        subject = value.get("credentialSubject")
        is_bits = type(subject) is dict and "encodedList" in subject
        return _bitstring_reader(value, now, book, library, value.get("id")) if is_bits else open_id_list(text)
    try:
        token = text.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError("status list: neither JSON nor a token") from error
    jws = parse_jws(token, where="status list")
    if str(jws.header.get("typ")).removeprefix("application/") == TOKEN_TYPE:
        return _token_reader(token, now, book, _claim(jws, "sub"))
    return _bitstring_reader(token, now, book, library, _claim(jws, "id"))


def _claim(jws: JWS, name: str) -> JSONValue:
    """A member of an unverified payload, only to tell which list a token is; None where it has none."""
    return parse_strict_object(jws.payload, max_bytes=MAX_LIST_BYTES, where="status list").get(name)


def _bitstring_reader(
    value: JSONObject | str, now: int, book: IssuerBook, library: ContextLibrary, identifier: JSONValue
) -> StatusReader:
    def read(entry: StatusEntry, issuer: str) -> StatusAnswer | None:
        if entry.kind is not EntryKind.BITSTRING or entry.index is None:
            return None
        if identifier is not None and identifier != entry.list:
            return None
        asked = BitstringEntry(url=entry.list, purpose=entry.purpose, index=entry.index, size=entry.size)
        question = ListQuestion(
            now=now, issuers=frozenset({issuer, *book.named}), documents=book.controlled, library=library
        )
        answer = read_bitstring(value, asked, question)
        if not answer.value:
            return StatusAnswer(ListedStatus.VALID, f"the list that was given says nothing of {entry.purpose}")
        if entry.purpose not in _BY_PURPOSE:
            detail = f"the list says {answer.value} for {entry.purpose}, which is the issuer's to explain"
            return StatusAnswer(ListedStatus.UNCLEAR, detail, "ask the issuer")
        return StatusAnswer(_BY_PURPOSE[entry.purpose], "by the list that was given")

    return read


def _token_reader(token: str, now: int, book: IssuerBook, identifier: JSONValue) -> StatusReader:
    def read(entry: StatusEntry, issuer: str) -> StatusAnswer | None:
        if entry.kind is not EntryKind.TOKEN or entry.index is None:
            return None
        if identifier is not None and identifier != entry.list:
            return None
        value = _read_token(token, TokenReference(entry.index, entry.list), issuer, now, book)
        status = _BY_TOKEN_VALUE.get(value, ListedStatus.UNCLEAR)
        return StatusAnswer(status, f"the list that was given says {value}", "ask the issuer" if value > 2 else "")

    return read


def _read_token(token: str, reference: TokenReference, issuer: str, now: int, book: IssuerBook) -> int:
    """The value a token gives, under whichever key of the issuer signed it."""
    failure: CairnError = StatusListError(
        StatusProblem.VERIFICATION, "status token: its issuer has no key to check with"
    )
    for one in book.keys_of(issuer):
        if isinstance(one.key, RSAKey):
            continue
        try:
            answer = read_token_status(token, reference, one.key, now)
        except StatusListError as error:
            failure = error
            continue
        check_in_force(one.ends, now, where="status token")
        return answer.value
    raise failure
