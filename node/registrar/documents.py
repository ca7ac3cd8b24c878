"""Published documents: which name a file gets on the ledger, and which achievement an award is for (DESIGN 5, 9).

A document's id and version never change their meaning, so `publish` takes them from the document itself. Achievements
are looked up in the institution's own log first, then in those of its networks, whose definitions a member may award
where its rights say so.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.credential.openbadge import Achievement, achievement_for_requirement_set, parse_achievement
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import MalformedError, RuleError
from ledger.log.body import MAX_DOCUMENT_BYTES
from ledger.log.identity import LogId
from ledger.log.records import MAX_DOCUMENT_ID_LENGTH, DocumentName, DocumentType
from ledger.log.view import LedgerView, LogView
from node.registrar.predecessors import find_predecessors

MEDIA_TYPE = "application/json"

_PATH = re.compile(r"(?:/achievements?/)([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?:/([1-9][0-9]{0,8}))?")
_NUMBER = re.compile(r"([1-9][0-9]{0,8})(?:\.0+)?", re.ASCII)
_REFERENCE = re.compile(r"(.+)[/@]([1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Document:
    """A document ready to be published: its name and type on the ledger, and its exact bytes."""

    name: DocumentName
    type: DocumentType
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PublishedAchievement:
    """An achievement that stands on the ledger."""

    name: DocumentName
    log: LogId
    achievement: Achievement
    closed: bool


def read_document(data: bytes, *, type_name: str = "", document_id: str = "", version: int = 0) -> Document:
    """Recognise a document and name it.

    Args:
        data: its exact bytes, JSON of at most 8 MiB.
        type_name: one of `DocumentType`; empty to recognise it.
        document_id: empty to take it from the document.
        version: from 1; 0 to take it from the document.

    Raises:
        MalformedError: no JSON object, no achievement that Open Badges would accept, or no id or version to be found.
    """
    content = parse_strict_object(data, max_bytes=MAX_DOCUMENT_BYTES, where="document")
    kind = _find_type(content, type_name)
    if kind is DocumentType.ACHIEVEMENT:
        parse_achievement(data)
    found_id, found_version = _find_name(content)
    if kind is DocumentType.REQUIREMENT_SET and found_id:
        # A requirement set and the achievement for meeting it bear one name; on the ledger each id means one document.
        found_id = f"requirements/{found_id}"
    name = DocumentName(document_id or found_id, version or found_version)
    if not name.id or len(name.id) > MAX_DOCUMENT_ID_LENGTH:
        raise MalformedError(f"document: id of 1 to {MAX_DOCUMENT_ID_LENGTH} characters expected", hint="say --id ID")
    if name.version < 1:
        raise MalformedError("document: no version, a whole number from 1, is in it", hint="say --version N")
    return Document(name, kind, MEDIA_TYPE, data)


def derive_achievement(document: Document, issuer: str) -> Document:
    """The achievement for meeting a requirement set, with one result for each requirement.

    Args:
        document: the requirement set.
        issuer: issuer id (URL) of this institution, below which the achievement's own id stands.

    Raises:
        RuleError: it is no requirement set.
        MalformedError: it lacks a title, an achievement type or requirements.
    """
    if document.type is not DocumentType.REQUIREMENT_SET:
        raise RuleError(f"document {document.name.id}: only a requirement set has an achievement for meeting it")
    content = parse_strict_object(document.data, max_bytes=MAX_DOCUMENT_BYTES, where="document")
    achievement = achievement_for_requirement_set(content, issuer)
    # Sorted, so that the same requirement set always gives the same bytes.
    return read_document(json.dumps(achievement, ensure_ascii=False, sort_keys=True, indent=1).encode())


def find_achievement(ledger: LedgerView, own: LogId, networks: Iterable[LogId], reference: str) -> PublishedAchievement:
    """The achievement with this id: of the version named (`ID@2`), or the newest; also of logs that `own` succeeds.

    Raises:
        RuleError: nothing of this id is published here, or it is no achievement.
    """
    split = split_reference(reference)
    for log_id in _publishers(ledger, own, networks):
        log = ledger.log(log_id)
        if log is None:
            continue
        record = log.state.newest_document(reference)
        if record is None and split is not None:
            record = log.state.document(DocumentName(*split))
        if record is None:
            continue
        if record.type is not DocumentType.ACHIEVEMENT:
            raise RuleError(f"achievement {reference}: is a {record.type}, not an achievement")
        achievement = parse_achievement(_read_body(log, record.index, reference))
        return PublishedAchievement(record.name, log_id, achievement, record.closed is not None)
    raise RuleError(
        f"achievement {reference[:100]}: is not published",
        hint="publish its definition first: `cairn-node publish DIR achievement.json`",
    )


def split_reference(reference: str) -> tuple[str, int] | None:
    """Id and version where a reference may name both; None where it is an id alone."""
    split = _REFERENCE.fullmatch(reference)
    return None if split is None else (split[1], int(split[2]))


def list_achievements(ledger: LedgerView, own: LogId, networks: Iterable[LogId]) -> list[PublishedAchievement]:
    """Every achievement published by this institution, its networks or those it succeeds, each once, own ones first."""
    found: dict[DocumentName, PublishedAchievement] = {}
    for log_id in _publishers(ledger, own, networks):
        log = ledger.log(log_id)
        if log is None:
            continue
        for name, record in sorted(log.state.documents.items(), key=lambda item: (item[0].id, item[0].version)):
            if record.type is DocumentType.ACHIEVEMENT and name not in found and log.state.document(name) is not None:
                achievement = parse_achievement(_read_body(log, record.index, name.id))
                found[name] = PublishedAchievement(name, log_id, achievement, record.closed is not None)
    return list(found.values())


def _publishers(ledger: LedgerView, own: LogId, networks: Iterable[LogId]) -> tuple[LogId, ...]:
    known = tuple(networks)
    return (own, *known, *find_predecessors(ledger, own, known))


def _read_body(log: LogView, index: int, reference: str) -> bytes:
    body = log.body(index)
    if body is None:
        raise RuleError(f"achievement {reference}: its document is not held here")
    return body


def _find_type(content: JSONObject, type_name: str) -> DocumentType:
    name = type_name.replace("-", "_")
    if not name:
        name = _guess_type(content)
    try:
        return DocumentType(name)
    except ValueError as error:
        known = ", ".join(item.value for item in DocumentType)
        raise MalformedError(f"document: its type is not one of {known}", hint="say --type TYPE") from error


def _guess_type(content: JSONObject) -> str:
    types = content.get("type")
    if "Achievement" in (types if isinstance(types, list) else [types]):
        return "achievement"
    for member, name in (
        ("requirements", "requirement_set"),
        ("rules", "rule"),
        ("items", "framework"),
        ("CFItems", "framework"),
        ("crosswalks", "crosswalk"),
        ("acceptance", "acceptance"),
    ):
        if member in content:
            return name
    return ""


def _find_name(content: JSONObject) -> tuple[str, int]:
    """The id and version a document gives itself; empty and 0 where it gives none."""
    framework = content.get("CFDocument")
    if isinstance(framework, dict):
        # CASE 1.0: a framework's own members stand one level down.
        content = framework
    identifier = content.get("id", content.get("identifier", ""))
    text = identifier if isinstance(identifier, str) else ""
    version = _read_version(content.get("version", 0))
    # An Open Badges achievement has a URL as its id; people and commands use the name in it.
    in_url = _PATH.search(text) if "://" in text else None
    if in_url is None:
        return text, version
    return in_url[1], version or int(in_url[2] or 0)


def _read_version(value: JSONValue) -> int:
    if type(value) is int:
        return value
    number = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return int(number[1]) if number else 0
