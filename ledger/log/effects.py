"""What entries leave behind in the state of a log: pages, restatements, thefts, documents, and what became of each."""

from dataclasses import dataclass

from ledger.log.keys import KeyId
from ledger.log.records import DocumentName, DocumentType, StatusList


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of one entry: its index, and why it is void (`None`: it took effect)."""

    index: int
    void: str | None


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """One status page: where it stands, by which key, the id it is read with, its lists and its body root."""

    index: int
    signer: KeyId
    statement_id: bytes
    lists: tuple[StatusList, ...]
    root: bytes


@dataclass(frozen=True, slots=True)
class Restatement:
    """A later entry that repairs a voided one: its index, its signer, and the body root both must share."""

    index: int
    signer: KeyId
    root: bytes


@dataclass(frozen=True, slots=True)
class Theft:
    """A key declared stolen: by which entry, and from which index on that voids what the key signed."""

    index: int
    key: KeyId
    since: int


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A published document: where its body stands, by which key, and what it is.

    Attributes:
        index, signer: of the entry that published it.
        name, type, media_type: as published.
        closed: index of the entry that ended its use, if any.
        closer: the key that signed that entry.
    """

    index: int
    signer: KeyId
    name: DocumentName
    type: DocumentType
    media_type: str
    closed: int | None = None
    closer: KeyId | None = None
