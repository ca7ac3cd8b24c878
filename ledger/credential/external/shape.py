"""What a credential must have to be one: Verifiable Credentials Data Model 2.0 (§4) and 1.1.

Each message names the member, what was expected and what was found; the issuer alone can put it right. Whether types
and members mean anything is the contexts' to say: `jsonld.dataset`.
"""

import re
from collections.abc import Sequence

from ledger.credential.external.kind import VCDM1, VCDM2, contexts_of, enveloped_text, types_of
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.credential.timestamp import parse_timestamp
from ledger.errors import MalformedError

ISSUER_CAN_FIX = "only its issuer can put that right: ask for a new one"

MAX_SUBJECTS = 1_000

_url = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+").fullmatch
_TYPED = ("credentialStatus", "evidence", "termsOfUse", "refreshService", "credentialSchema")
"""Objects that mean something by their type (§4.4)."""
_TEXT_MEMBERS = frozenset({"@value", "@language", "@direction"})


def check_credential(document: JSONObject) -> None:
    """Check the shape of a credential of data model 2.0 or 1.1; its first context says which.

    Raises:
        MalformedError: a member is missing or not of its form.
    """
    base = _check_contexts(document)
    if "VerifiableCredential" not in types_of(document):
        raise _malformed("type", "'VerifiableCredential' among the types", document.get("type"))
    _check_types(document, "type")
    _check_id(document, "")
    issuer_of(document)
    _check_subjects(document)
    _check_texts(document, "")
    issuer = document["issuer"]
    if type(issuer) is dict:
        _check_texts(issuer, "issuer.")
    for name in _TYPED:
        _check_typed(document, name)
    begins, ends = ("issuanceDate", "expirationDate") if base == VCDM1 else ("validFrom", "validUntil")
    if base == VCDM1 and begins not in document:
        raise _malformed(begins, "a date and time", None)
    bounds = [parse_timestamp(document[name], where=name) for name in (begins, ends) if name in document]
    if bounds != sorted(bounds):
        raise MalformedError(f"{ends}: lies before {begins}", hint=ISSUER_CAN_FIX)


def check_presentation(document: JSONObject) -> None:
    """Check the shape of a presentation; the credentials inside are for themselves.

    Raises:
        MalformedError: a member is missing or not of its form.
    """
    _check_contexts(document)
    if "VerifiablePresentation" not in types_of(document):
        raise _malformed("type", "'VerifiablePresentation' among the types", document.get("type"))
    _check_types(document, "type")
    _check_id(document, "")
    holder_of(document)
    for item in credentials_of(document):
        if enveloped_text(item) is None and "VerifiableCredential" not in types_of(item):
            raise _malformed("verifiableCredential.type", "'VerifiableCredential' among the types", item.get("type"))


def credentials_of(document: JSONObject) -> Sequence[JSONObject]:
    """The credentials a presentation or record holds, enveloped ones as they are.

    Raises:
        MalformedError: one is no object: tokens have to be enveloped.
    """
    value = document.get("verifiableCredential")
    items = value if type(value) is list else [] if value is None else [value]
    found = [item for item in items if type(item) is dict]
    if len(found) != len(items):
        raise MalformedError(
            "verifiableCredential: expected objects, found a bare text",
            hint="tokens stand in an EnvelopedVerifiableCredential; ask for the file as data model 2.0 has it",
        )
    return found


def holder_of(document: JSONObject) -> str | None:
    """The holder a presentation names, None where it names none.

    Raises:
        MalformedError: no URL.
    """
    value = document.get("holder")
    value = value.get("id") if type(value) is dict else value
    if value is None and "holder" not in document:
        return None
    if type(value) is not str or not _url(value):
        raise _malformed("holder", "a URL", value)
    return value


def issuer_of(document: JSONObject) -> str:
    """The issuer's id, from the text or the object under `issuer`.

    Raises:
        MalformedError: missing, or no URL.
    """
    value = document.get("issuer")
    identifier = value.get("id") if type(value) is dict else value
    if type(identifier) is not str or not _url(identifier):
        raise _malformed("issuer.id" if type(value) is dict else "issuer", "a URL", identifier)
    return identifier


def subjects_of(document: JSONObject) -> Sequence[JSONObject]:
    """The subjects of a credential, as objects."""
    value = document.get("credentialSubject")
    return [item for item in (value if type(value) is list else [value]) if type(item) is dict]


def is_url(value: JSONValue) -> bool:
    """Whether a value is the text of an absolute URL."""
    return type(value) is str and _url(value) is not None


def _check_contexts(document: JSONObject) -> str:
    """The base context, which must stand first."""
    contexts = contexts_of(document)
    if not contexts or contexts[0] not in (VCDM1, VCDM2):
        raise _malformed("@context", f"{VCDM2!r} or {VCDM1!r} first", contexts[0] if contexts else None)
    for item in contexts:
        if type(item) is not dict and not is_url(item):
            raise _malformed("@context", "URLs or objects", item)
    return str(contexts[0])


def _check_types(value: JSONObject, where: str) -> None:
    types = value.get("type")
    items = types if type(types) is list else [types]
    if not items or not all(type(item) is str and item for item in items):
        raise _malformed(where, "one type or several, as texts", types)


def _check_id(value: JSONObject, where: str, *, required: bool = False) -> None:
    if ("id" in value or required) and not is_url(value.get("id")):
        raise _malformed(f"{where}id", "one URL", value.get("id"))


def _check_subjects(document: JSONObject) -> None:
    value = document.get("credentialSubject")
    items = value if type(value) is list else [value]
    if not items or len(items) > MAX_SUBJECTS:
        raise _malformed("credentialSubject", f"1 to {MAX_SUBJECTS} objects", value)
    for item in items:
        if type(item) is not dict or not item:
            raise _malformed("credentialSubject", "an object that says something", item)
        _check_id(item, "credentialSubject.")


def _check_typed(document: JSONObject, name: str) -> None:
    value = document.get(name)
    if value is None and name not in document:
        return
    for item in value if type(value) is list else [value]:
        if type(item) is not dict:
            raise _malformed(name, "an object", item)
        _check_types(item, f"{name}.type")
        _check_id(item, f"{name}.", required=name == "credentialSchema")


def _check_texts(value: JSONObject, where: str) -> None:
    """`name` and `description`: a text, or texts with a language each (§4.6)."""
    for name in ("name", "description"):
        found = value.get(name)
        for item in found if type(found) is list else [found]:
            if type(item) is dict and (not item.keys() <= _TEXT_MEMBERS or type(item.get("@value")) is not str):
                raise _malformed(f"{where}{name}", "a text with its language and nothing else", sorted(item))
            if type(item) not in (dict, str) and name in value:
                raise _malformed(f"{where}{name}", "a text", item)


def _malformed(name: str, expected: str, found: object) -> MalformedError:
    what = repr(found)[:100] if isinstance(found, str | list) else name_type(found)  # type: ignore[arg-type]  # JSON
    return MalformedError(f"{name}: expected {expected}, found {what}", hint=ISSUER_CAN_FIX)
