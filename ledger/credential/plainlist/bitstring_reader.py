"""Reading one status out of a Bitstring Status List (W3C Bitstring Status List 1.0 §3.2), in this order:

1. the entry of the credential is well formed; 2. the list is a status list credential, the one the entry names; 3. it is
by an issuer that counts and its signature holds; 4. it is valid now; 5. it is for the purpose asked about; 6. its bits
can be expanded within bounds; 7. it has at least 131,072 places; 8. the place asked for is one of them.

Any failure means that nothing can be said (`StatusListError`). Nothing is fetched: the caller brings the list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger import base64url
from ledger.credential.dataintegrity.issuer_document import ASSERTION, IssuerDocuments, check_in_force
from ledger.credential.dataintegrity.judgement import ProofQuestion, open_document
from ledger.credential.jose import JWS, parse_jws, verify_jws
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.plainlist.bitstring import CREDENTIAL_TYPE, JWT_TYPE, MULTIBASE_BASE64URL, SUBJECT_TYPE
from ledger.credential.plainlist.packing import MAX_PLACE_BITS, Compression, expand, read_left
from ledger.credential.plainlist.problem import StatusListError, StatusProblem, as_problem
from ledger.credential.plainlist.slots import PLAIN_SLOTS
from ledger.credential.strict_json import JSONObject, JSONValue, name_type, parse_strict_object
from ledger.credential.validity import check_dates, format_instant, parse_document_validity
from ledger.errors import MalformedError, RuleError, SignatureError

ENTRY_TYPE = "BitstringStatusListEntry"
MAX_LIST_CHARS = 4 * 1024 * 1024
"""Longest list credential that is read; 16 MiB of random bits, the longest that could be used, is no use to anybody."""

_MAX_INDEX_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class BitstringEntry:
    """Where a credential's status stands, as its `credentialStatus` says.

    Attributes:
        url: of the list.
        purpose: `revocation`, `suspension`, `refresh`, `message` or another.
        index: place in the list.
        size: bits of a place.
        messages: for places of several bits, what each value means, by value.
    """

    url: str
    purpose: str
    index: int
    size: int = 1
    messages: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuestion:
    """What a verifier asks of a list credential.

    Attributes:
        now: Unix ms.
        issuers: who may have issued the list; normally the issuer of the credential alone.
        documents: where keys are looked up.
        library: contexts, for the suites that need them.
    """

    now: int
    issuers: frozenset[str]
    documents: IssuerDocuments
    library: ContextLibrary = field(default_factory=ContextLibrary)


@dataclass(frozen=True, slots=True)
class BitstringAnswer:
    """What a list says: the value at the place, 0 where nothing is set, and what its issuer calls that value."""

    purpose: str
    value: int
    message: str


def parse_entries(status: JSONValue) -> tuple[BitstringEntry, ...]:
    """Every bitstring entry of a `credentialStatus`, which is an object or an array of them; others are left out.

    Raises:
        StatusListError: MALFORMED, step 1.
    """
    items = status if type(status) is list else [] if status is None else [status]
    return tuple(parse_entry(item) for item in items if type(item) is dict and ENTRY_TYPE in _listed(item.get("type")))


def parse_entry(value: JSONObject) -> BitstringEntry:
    """One `BitstringStatusListEntry`.

    Raises:
        StatusListError: MALFORMED, step 1.
    """
    with as_problem(StatusProblem.MALFORMED):
        url, purpose = _text(value, "statusListCredential"), _text(value, "statusPurpose")
        if value.get("id") == url:
            raise MalformedError("status entry: its id is the URL of the list, which is another thing")
        text = _text(value, "statusListIndex")
        if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_INDEX_DIGITS):
            raise MalformedError(f"status entry: statusListIndex {text[:40]!r} is no number from 0 in digits")
        size = value.get("statusSize", 1)
        if type(size) is not int or not 0 < size <= MAX_PLACE_BITS:
            raise MalformedError(f"status entry: statusSize {str(size)[:40]} is not 1 to {MAX_PLACE_BITS}")
        messages = _messages(value.get("statusMessage"), size)
        return BitstringEntry(url=url, purpose=purpose, index=int(text), size=size, messages=messages)


def read_bitstring(credential: JSONObject | str, entry: BitstringEntry, question: ListQuestion) -> BitstringAnswer:
    """The status that a list credential gives for an entry; steps 2 to 8 of the module's list.

    Args:
        credential: the list as parsed JSON with embedded proof, or as text: a `vc+jwt`.
        entry: from `parse_entry`.
        question: what the verifier accepts.

    Raises:
        StatusListError: a step fails, so that nothing can be said; its `problem` names the kind.
    """
    document = _open_jwt(credential, question) if type(credential) is str else credential
    assert type(document) is dict
    subject = _check_kind(document, entry.url)  # 2
    with as_problem(StatusProblem.VERIFICATION):
        if type(credential) is not str:
            issuer = _check_issuer(document, question)  # 3
            asked = ProofQuestion(
                now=question.now, signer=issuer, documents=question.documents, library=question.library
            )
            open_document(document, asked)
        _check_dates(document, question.now)  # 4
        purposes = _listed(subject.get("statusPurpose"))
        if entry.purpose not in purposes:  # 5
            named = ", ".join(str(one)[:40] for one in purposes) or "nothing"
            raise RuleError(f"status list: it is for {named[:200]}, the credential asks for {entry.purpose[:40]!r}")
    data = _expand(subject.get("encodedList"))  # 6
    places = len(data) * 8 // entry.size
    if places < PLAIN_SLOTS:  # 7
        message = f"status list: {places} places, at least {PLAIN_SLOTS} hide a person"
        raise StatusListError(StatusProblem.LENGTH, message, hint="its issuer has to publish a longer one")
    if entry.index >= places:  # 8
        raise StatusListError(StatusProblem.RANGE, f"status list: no place {entry.index}, it has {places}")
    value = read_left(data, entry.index, entry.size)
    return BitstringAnswer(entry.purpose, value, entry.messages.get(value, ""))


def _open_jwt(text: str, question: ListQuestion) -> JSONObject:
    """The document inside a `vc+jwt`; steps 3 and, for the dates of the JWT, 4."""
    with as_problem(StatusProblem.MALFORMED):
        jws = parse_jws(text, where="status list")
        document = parse_strict_object(jws.payload, max_bytes=MAX_LIST_CHARS, where="status list")
    with as_problem(StatusProblem.VERIFICATION):
        kind = jws.header.get("typ")
        if kind not in (JWT_TYPE, f"application/{JWT_TYPE}"):
            raise RuleError(f"status list: a JWT of type {str(kind)[:40]!r}, expected {JWT_TYPE!r}")
        if "vc" in document:
            raise RuleError("status list: the JWT has a claim 'vc', which this form of credential must not have")
        issuer = _check_issuer(document, question)
        if document.get("iss", issuer) != issuer:
            raise RuleError("status list: the claim 'iss' is not the issuer of the credential")
        method = question.documents.find_method(_key_url(jws, issuer), ASSERTION)
        if method.controller != issuer:
            raise SignatureError(f"status list: the key is of {method.controller[:150]!r}, not of its issuer")
        assert method.key is not None, "a method without a key is not found"
        verify_jws(jws, method.key, where="status list")
        check_in_force(method.ends, question.now, where="status list")
        check_dates(document, question.now, where="status list")
    return document


def _key_url(jws: JWS, issuer: str) -> str:
    name = jws.header.get("kid")
    if type(name) is not str:
        raise SignatureError("status list: its header names no key ('kid')")
    return name if "#" in name and not name.startswith("#") else f"{issuer}#{name.removeprefix('#')}"


def _check_kind(document: JSONObject, url: str) -> JSONObject:
    with as_problem(StatusProblem.VERIFICATION):
        if CREDENTIAL_TYPE not in _listed(document.get("type")):
            raise RuleError(f"status list: its type does not name {CREDENTIAL_TYPE}")
        if document.get("id") != url:
            raise RuleError(f"status list: it is {str(document.get('id'))[:150]!r}, the credential names {url[:150]!r}")
    subject = document.get("credentialSubject")
    if type(subject) is not dict or SUBJECT_TYPE not in _listed(subject.get("type")):
        raise StatusListError(StatusProblem.MALFORMED, f"status list: its subject is no {SUBJECT_TYPE}")
    return subject


def _check_issuer(document: JSONObject, question: ListQuestion) -> str:
    issuer = document.get("issuer")
    name = issuer.get("id") if type(issuer) is dict else issuer
    if type(name) is not str or name not in question.issuers:
        expected = ", ".join(sorted(question.issuers))
        raise SignatureError(
            f"status list: it is issued by {str(name)[:150]!r}, expected {expected[:300]!r}",
            hint="if you know that the issuer has its lists kept there, name that id with --issuer; else ask the issuer",
        )
    return name


def _check_dates(document: JSONObject, now: int) -> None:
    validity = parse_document_validity(document)
    if validity.not_before is not None and validity.is_early(now):
        raise RuleError(f"status list: valid from {format_instant(validity.not_before)}")
    if validity.expires is not None and validity.is_expired(now):
        hint = "fetch a newer one; until then nothing is known of the status"
        raise RuleError(f"status list: expired at {format_instant(validity.expires)}", hint=hint)


def _expand(encoded: JSONValue) -> bytes:
    with as_problem(StatusProblem.MALFORMED):
        if type(encoded) is not str:
            raise MalformedError(f"status list: expected a text 'encodedList', found {name_type(encoded)}")
        if not encoded.startswith(MULTIBASE_BASE64URL):
            raise MalformedError(f"status list: encodedList begins with {encoded[:1]!r}, expected multibase 'u'")
        return expand(base64url.decode(encoded[1:]), Compression.GZIP, where="status list")


def _messages(value: JSONValue, size: int) -> dict[int, str]:
    if value is None and size == 1:
        return {}
    if type(value) is not list or len(value) != 1 << size:
        raise MalformedError(f"status entry: expected statusMessage with {1 << size} meanings for {size} bits")
    found: dict[int, str] = {}
    for item in value:
        status = item.get("status") if type(item) is dict else None
        message = item.get("message") if type(item) is dict else None
        if type(status) is not str or type(message) is not str:
            raise MalformedError("status entry: expected 'status' and 'message' in each statusMessage")
        found[_parse_hex(status, size)] = message
    if len(found) != 1 << size:
        raise MalformedError("status entry: two meanings for one value in statusMessage")
    return found


def _parse_hex(text: str, size: int) -> int:
    digits = text.removeprefix("0x")
    if digits == text or not digits or len(digits) > 4 or not set(digits) <= set("0123456789abcdefABCDEF"):
        raise MalformedError(f"status entry: status {text[:20]!r} is no number like '0x1'")
    value = int(digits, 16)
    if value >= 1 << size:
        raise MalformedError(f"status entry: status {text[:20]!r} does not fit {size} bits")
    return value


def _text(value: JSONObject, name: str) -> str:
    text = value.get(name)
    if type(text) is not str or not text:
        raise MalformedError(f"status entry: expected a text {name!r}, found {name_type(text)}")
    return text


def _listed(value: JSONValue) -> Sequence[JSONValue]:
    return value if type(value) is list else [] if value is None else [value]
