"""Statements of daily work: batches, status pages, documents, anchors, evidence, and kinds of the future."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError
from ledger.log.body import MAX_DOCUMENT_BYTES, BodyReference
from ledger.log.charter import MAX_LIST_SLOTS, MIN_LIST_SLOTS
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id
from ledger.log.statement import Header, Statement, read_body, require_log

MAX_LISTS = 400
MAX_LIST_NUMBER = 2**32 - 1
SLOTS_PER_ITEM = 1024
MAX_DOCUMENT_ID_LENGTH = 200
_MAX_MEDIA_TYPE_LENGTH = 100


class DocumentType(StrEnum):
    """What an institution publishes for everybody to read."""

    FRAMEWORK = "framework"
    RULE = "rule"
    REQUIREMENT_SET = "requirement_set"
    ACHIEVEMENT = "achievement"
    CROSSWALK = "crosswalk"
    ACCEPTANCE = "acceptance"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue(Statement):
    """One batch of 32-byte commitments, decoys among them. `restates` repairs a voided batch with the same body root."""

    KIND: ClassVar[str] = "issue"
    reference: BodyReference
    restates: int | None = None

    @property
    def body(self) -> BodyReference:
        """What binds the batch."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        value: JSONObject = {"body": self.reference.to_json()}
        if self.restates is not None:
            value["restates"] = self.restates
        return value


@dataclass(frozen=True, slots=True)
class StatusList:
    """Where one status list stands in a page: from item `first` on, 1,024 slots an item."""

    first: int
    log: LogId
    number: int
    slots: int

    @property
    def items(self) -> int:
        """How many 1,024-byte items the list takes."""
        return self.slots // SLOTS_PER_ITEM

    def to_json(self) -> JSONObject:
        """Give it as ledger JSON."""
        return {"first": self.first, "log": encode_log_id(self.log), "number": self.number, "slots": self.slots}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate(Statement):
    """One page: every status list of this log restated whole. `restates` repairs a voided page (read with that id)."""

    KIND: ClassVar[str] = "status"
    reference: BodyReference
    lists: tuple[StatusList, ...]
    restates: int | None = None

    @property
    def body(self) -> BodyReference:
        """What binds the page."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        value: JSONObject = {
            "body": self.reference.to_json(),
            "lists": [status_list.to_json() for status_list in self.lists],
        }
        if self.restates is not None:
            value["restates"] = self.restates
        return value


@dataclass(frozen=True, slots=True)
class DocumentName:
    """A published document: `id` and `version` never change their meaning."""

    id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Statement):
    """One document, kept as the exact bytes published."""

    KIND: ClassVar[str] = "publish"
    reference: BodyReference
    name: DocumentName
    type: DocumentType
    media_type: str

    @property
    def body(self) -> BodyReference:
        """What binds the document."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        document: JSONObject = {
            "id": self.name.id,
            "media_type": self.media_type,
            "type": self.type.value,
            "version": self.name.version,
        }
        return {"body": self.reference.to_json(), "document": document}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDocument(Statement):
    """End the use of a document for new awards; what was awarded under it stays valid."""

    KIND: ClassVar[str] = "publish"
    name: DocumentName

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"closes": {"id": self.name.id, "version": self.name.version}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor(Statement):
    """Whole cosigned notes: item 0 this log's own last head, then heads of other logs."""

    KIND: ClassVar[str] = "anchor"
    reference: BodyReference

    @property
    def body(self) -> BodyReference:
        """What binds the notes."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"body": self.reference.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry(Statement):
    """Fork evidence found by this institution, as items that stand alone."""

    KIND: ClassVar[str] = "evidence"
    reference: BodyReference

    @property
    def body(self) -> BodyReference:
        """What binds the evidence."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give the members of this kind."""
        return {"body": self.reference.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownStatement(Statement):
    """A kind or op of the future: kept and cosigned, without effect; what stands above it cannot be fully checked."""

    kind_name: str
    reference: BodyReference | None
    content: JSONObject = field(hash=False)

    @property
    def kind(self) -> str:
        """The kind as it stands."""
        return self.kind_name

    @property
    def body(self) -> BodyReference | None:
        """What binds the body, where there is one."""
        return self.reference

    def fields(self) -> JSONObject:
        """Give all members as they stand."""
        return dict(self.content)


def read_issue(header: Header, fields: Fields) -> Issue:
    """Read an `issue` statement (MalformedError)."""
    return Issue(
        at=header.at,
        id=header.id,
        log=require_log(header),
        reference=read_body(fields),
        restates=fields.optional_integer("restates"),
    )


def read_status(header: Header, fields: Fields) -> StatusUpdate:
    """Read a `status` statement (MalformedError). Order and overlap of its lists are judged by the fold, not here."""
    lists = fields.array("lists")
    if not 1 <= len(lists) <= MAX_LISTS:
        raise MalformedError(f"status: {len(lists)} lists, expected 1 to {MAX_LISTS}")
    return StatusUpdate(
        at=header.at,
        id=header.id,
        log=require_log(header),
        reference=read_body(fields),
        lists=tuple(_read_list(Fields(value, "status: list")) for value in lists),
        restates=fields.optional_integer("restates"),
    )


def read_publish(header: Header, fields: Fields) -> Publish | CloseDocument:
    """Read a `publish` statement (MalformedError)."""
    closes = fields.optional_fields("closes")
    log = require_log(header)
    if closes is not None:
        name = _read_name(closes)
        closes.finish()
        return CloseDocument(at=header.at, id=header.id, log=log, name=name)
    document = fields.fields("document")
    name = _read_name(document)
    media_type = document.text("media_type", max_length=_MAX_MEDIA_TYPE_LENGTH)
    try:
        type_ = DocumentType(document.text("type"))
    except ValueError as error:
        raise MalformedError("publish: unknown type of document") from error
    document.finish()
    reference = read_body(fields)
    if reference.items != 1 or reference.size > MAX_DOCUMENT_BYTES:
        raise MalformedError(f"publish: one document of at most {MAX_DOCUMENT_BYTES} bytes expected")
    return Publish(
        at=header.at, id=header.id, log=log, reference=reference, name=name, type=type_, media_type=media_type
    )


def read_anchor(header: Header, fields: Fields) -> Anchor:
    """Read an `anchor` statement (MalformedError)."""
    return Anchor(at=header.at, id=header.id, log=require_log(header), reference=read_body(fields))


def read_evidence(header: Header, fields: Fields) -> EvidenceEntry:
    """Read an `evidence` statement (MalformedError)."""
    return EvidenceEntry(at=header.at, id=header.id, log=require_log(header), reference=read_body(fields))


def read_unknown(header: Header, value: JSONObject) -> UnknownStatement:
    """Keep a statement of a kind or op this version does not know (MalformedError where its body reference is bad)."""
    fields = Fields(value, header.kind)
    reference = read_body(fields) if "body" in value else None
    content = {name: item for name, item in value.items() if name not in ("at", "id", "kind", "log")}
    return UnknownStatement(
        at=header.at,
        id=header.id,
        log=require_log(header),
        kind_name=header.kind,
        reference=reference,
        content=content,
    )


def _read_name(fields: Fields) -> DocumentName:
    return DocumentName(fields.text("id", max_length=MAX_DOCUMENT_ID_LENGTH), fields.integer("version", minimum=1))


def _read_list(fields: Fields) -> StatusList:
    status_list = StatusList(
        first=fields.integer("first"),
        log=LogId(fields.data("log", LOG_ID_LENGTH)),
        number=fields.integer("number", maximum=MAX_LIST_NUMBER),
        slots=fields.integer("slots", minimum=MIN_LIST_SLOTS, maximum=MAX_LIST_SLOTS),
    )
    fields.finish()
    if status_list.slots & (status_list.slots - 1):
        raise MalformedError(f"status: list of {status_list.slots} slots, not a power of two")
    return status_list
