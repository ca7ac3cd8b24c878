"""Status entries: where a credential says that its status can be read (Bitstring, Token, and plain lists of ids)."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.credential.external.kind import types_of
from ledger.credential.strict_json import JSONObject, JSONValue, name_type
from ledger.errors import MalformedError

MAX_ENTRIES = 16


class EntryKind(StrEnum):
    """Forms of lists, by the name an entry gives its own."""

    BITSTRING = "BitstringStatusListEntry"
    STATUS_LIST_2021 = "StatusList2021Entry"
    TOKEN = "status_list"  # the name of a claim
    REVOCATION_LIST = "1EdTechRevocationList"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One entry.

    Attributes:
        kind: its form.
        list: id or URL of the list.
        index: position in it; None in lists of ids.
        purpose: what a set bit means (`revocation`, `suspension`, …); "" where the list says it.
        name: the type as written.
        credential: id of the credential, which lists of ids hold.
        size: bits of one status.
    """

    kind: EntryKind
    list: str
    index: int | None
    purpose: str
    name: str
    credential: str = ""
    size: int = 1


def entries_of_document(document: JSONObject) -> tuple[StatusEntry, ...]:
    """The entries under `credentialStatus`.

    Raises:
        MalformedError: an entry of a known form is not well formed, or there are more than `MAX_ENTRIES`.
    """
    value = document.get("credentialStatus")
    items = value if type(value) is list else [] if value is None else [value]
    if len(items) > MAX_ENTRIES:
        raise MalformedError(f"credentialStatus: {len(items)} entries, at most {MAX_ENTRIES} are read")
    identifier = document.get("id")
    return tuple(_parse_entry(item, identifier if type(identifier) is str else "") for item in items)


def entries_of_token(payload: JSONObject) -> tuple[StatusEntry, ...]:
    """The entries under the claim `status` of a JWT.

    Raises:
        MalformedError: not an object, or an index or list that is none.
    """
    status = payload.get("status")
    if status is None:
        return ()
    if type(status) is not dict:
        raise MalformedError(f"status: expected an object, found {name_type(status)}")
    entry = status.get("status_list")
    if entry is None:
        return (StatusEntry(EntryKind.OTHER, "", None, "", ", ".join(sorted(status))[:100]),)
    if type(entry) is not dict or type(entry.get("idx")) is not int or type(entry.get("uri")) is not str:
        raise MalformedError("status: expected a whole number 'idx' and a text 'uri' in 'status_list'")
    return (StatusEntry(EntryKind.TOKEN, str(entry["uri"]), _index(entry["idx"]), "", "status_list"),)


def _parse_entry(item: JSONValue, credential: str) -> StatusEntry:
    if type(item) is not dict:
        raise MalformedError(f"credentialStatus: expected an object, found {name_type(item)}")
    name = next(iter(sorted(types_of(item))), "")
    if name not in set(EntryKind) - {EntryKind.OTHER, EntryKind.TOKEN}:
        return StatusEntry(EntryKind.OTHER, str(item.get("id", ""))[:200], None, "", name)
    kind = EntryKind(name)
    if kind is EntryKind.REVOCATION_LIST:
        return StatusEntry(kind, _text(item, "id"), None, "revocation", name, credential)
    return StatusEntry(
        kind,
        _text(item, "statusListCredential"),
        _index(item.get("statusListIndex")),
        _text(item, "statusPurpose"),
        name,
        credential,
        _size(item),
    )


def _text(item: JSONObject, name: str) -> str:
    value = item.get(name)
    if type(value) is not str or not value:
        raise MalformedError(f"credentialStatus: expected a text {name!r}, found {name_type(value)}")
    return value


def _index(value: JSONValue) -> int:
    """An index as a number, or as the text of one, as Bitstring entries write it."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise MalformedError(f"credentialStatus: expected a position from 0 up as index, found {str(value)[:40]!r}")
    return value


def _size(item: JSONObject) -> int:
    value = item.get("statusSize", 1)
    if type(value) is not int or not 1 <= value <= 64:
        raise MalformedError(f"credentialStatus: expected 1 to 64 bits as statusSize, found {str(value)[:40]!r}")
    return value
