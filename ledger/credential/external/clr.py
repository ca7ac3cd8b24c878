"""Comprehensive Learner Records 2.0: one credential around others (1EdTech CLR 2.0).

The outer signature says that the publisher put these together; each credential inside is judged by itself and has a
report of its own, since a publisher can bundle what it did not issue. Inside has to be about the same person. Associations
must lead to achievements that are there, and a hierarchy may not run in a circle.
"""

from collections.abc import Iterator

from ledger.credential.external.kind import types_of
from ledger.credential.external.shape import ISSUER_CAN_FIX, subjects_of
from ledger.credential.openbadge import IDENTITY_TYPES
from ledger.credential.strict_json import JSONObject, JSONValue
from ledger.errors import MalformedError

MAX_INSIDE = 500
ASSOCIATION_TYPES = frozenset(
    {
        "exactMatchOf", "isChildOf", "isParentOf", "isPartOf", "isPeerOf", "isRelatedTo", "precedes", "replacedBy",
    }
)  # fmt: skip

_SHARED_TYPES = frozenset({
    "name", IDENTITY_TYPES["date_of_birth"],
    "productId", "isbn", "issn", "ltiContextId", "ltiDeploymentId", "ltiToolId", "ltiPlatformId",
})  # fmt: skip
"""Types of identifiers that many people have in common, or that are of no person at all."""


def check_record(document: JSONObject) -> JSONObject:
    """The one subject of a record.

    Raises:
        MalformedError: not one `ClrSubject`, or without credentials.
    """
    subjects = subjects_of(document)
    if len(subjects) != 1 or "ClrSubject" not in types_of(subjects[0]):
        raise MalformedError("credentialSubject.type: expected one 'ClrSubject'", hint=ISSUER_CAN_FIX)
    value = subjects[0].get("verifiableCredential")
    inside = value if type(value) is list else [] if value is None else [value]
    if not 1 <= len(inside) <= MAX_INSIDE:
        raise MalformedError(
            f"credentialSubject.verifiableCredential: expected 1 to {MAX_INSIDE} credentials, found {len(inside)}",
            hint=ISSUER_CAN_FIX,
        )
    return subjects[0]


def credentials_inside(subject: JSONObject) -> list[JSONObject | str]:
    """The credentials of a record: objects, or tokens as data model 1.1 has them."""
    value = subject.get("verifiableCredential")
    return [item for item in (value if type(value) is list else [value]) if isinstance(item, dict | str)]


def remarks_on_record(document: JSONObject, inside: list[JSONObject]) -> Iterator[str]:
    """What a reader should know of a record: that it is partial, and associations that lead nowhere or in circles."""
    # Data sets know one truth, which JSON may write as a text too.
    if document.get("partial") in (True, "true", "1"):
        yield "its publisher says that it is not the whole record"
    subject = next(iter(subjects_of(document)), {})
    known = set(_achievement_ids(subject, inside))
    children: dict[str, set[str]] = {}
    ends: list[str] = []
    for item in _objects(subject.get("association")):
        kind, source, target = (item.get(name) for name in ("associationType", "sourceId", "targetId"))
        if str(kind) not in ASSOCIATION_TYPES:
            ends.append(f"an association of a kind that is not known: {str(kind)[:60]}")
        for end in (source, target):
            if str(end) not in known:
                ends.append(f"an association leads to an achievement that is not in the record: {str(end)[:100]}")
        if kind in ("isChildOf", "isPartOf") and type(source) is str and type(target) is str:
            children.setdefault(source, set()).add(target)
        if kind == "isParentOf" and type(source) is str and type(target) is str:
            children.setdefault(target, set()).add(source)
    if _has_circle(children):
        yield "its associations put an achievement below itself"
    yield from ends


def same_person(record: JSONObject, inside: JSONObject) -> bool | None:
    """Whether a credential inside is about the record's subject; None where neither an id nor an identifier tells."""
    ids = {value for value in (record.get("id"), inside.get("id")) if type(value) is str}
    if type(record.get("id")) is str and record.get("id") == inside.get("id"):
        return True
    shared = set(_identities(record)) & set(_identities(inside))
    if shared:
        return True
    return False if len(ids) == 2 else None


def _identities(subject: JSONObject) -> Iterator[tuple[str, ...]]:
    """What identifiers say; salted hashes are compared as they are, with their salt. One without says nothing.

    Nor does a name or a date of birth, which other people have too.
    """
    for item in _objects(subject.get("identifier")):
        if type(item.get("identityHash")) is not str or not item["identityHash"]:
            continue
        if type(item.get("identityType")) is not str or item["identityType"] in _SHARED_TYPES:
            continue
        yield tuple(str(item.get(name)) for name in ("identityType", "hashed", "salt", "identityHash"))


def _achievement_ids(subject: JSONObject, inside: list[JSONObject]) -> Iterator[str]:
    for item in _objects(subject.get("achievement")):
        yield str(item.get("id"))
    for credential in inside:
        for one in subjects_of(credential):
            for item in _objects(one.get("achievement")):
                yield str(item.get("id"))


def _has_circle(children: dict[str, set[str]]) -> bool:
    """Whether walking upwards comes back: nodes without a way up are taken away until none is left, or none can be."""
    left = {node: len(parents) for node, parents in children.items()}
    downs: dict[str, list[str]] = {}
    for node, parents in children.items():
        for parent in parents:
            downs.setdefault(parent, []).append(node)
    tops = [node for node in downs if node not in left]
    while tops:
        for node in downs.get(tops.pop(), ()):
            left[node] -= 1
            if not left[node]:
                tops.append(node)
    return any(left.values())


def _objects(value: JSONValue) -> list[JSONObject]:
    return [item for item in (value if type(value) is list else [value]) if type(item) is dict]
