"""What lists say about a status entry. Readers of lists stand behind one seam; plain lists of ids are read here.

A list that was not given, is of another id, or cannot be read lets no statement be made: could not check, never
"valid". Lists of ids (Open Badges 2.0 and 3.0, Blockcerts) are unsigned: they count by whoever gave them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from ledger.credential.external.entry import EntryKind, StatusEntry
from ledger.credential.strict_json import JSONObject, JSONValue, parse_strict_object
from ledger.errors import CairnError, MalformedError

MAX_LIST_BYTES = 16 * 1024 * 1024
_REVOKED = ("revokedAssertions", "revokedCredential")


class ListedStatus(Enum):
    """What a list says of one credential."""

    VALID = "not on it"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    UNCLEAR = "could not be read"


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """A list's answer, in words too."""

    status: ListedStatus
    detail: str
    remedy: str = ""


StatusReader = Callable[[StatusEntry, str], StatusAnswer | None]
"""From an entry and the credential's issuer to what one list says; None where the list is not the one asked for."""


def read_status(entry: StatusEntry, issuer: str, readers: Iterable[StatusReader]) -> StatusAnswer:
    """What the first list that is the one asked for says; a list that fails lets no statement be made."""
    for reader in readers:
        try:
            answer = reader(entry, issuer)
        except CairnError as error:
            return StatusAnswer(ListedStatus.UNCLEAR, str(error), error.hint or "ask the issuer for a new list")
        if answer is not None:
            return answer
    where = f"{entry.name} {entry.list[:150]}".strip()
    remedy = "fetch the list from there and give it with --status-list FILE, or ask the issuer"
    return StatusAnswer(ListedStatus.UNCLEAR, f"the list was not given: {where}", remedy)


def open_id_list(data: bytes) -> StatusReader:
    """A reader of a plain list of revoked ids: `revokedAssertions` or `revokedCredential`.

    Raises:
        MalformedError: no such list.
    """
    value = parse_strict_object(data, max_bytes=MAX_LIST_BYTES, where="status list")
    holder = _holder(value)
    name = next((name for name in _REVOKED if type(holder.get(name)) is list), None)
    if name is None:
        raise MalformedError("status list: expected an array 'revokedAssertions' or 'revokedCredential', found none")
    items = holder[name]
    assert type(items) is list, "chosen for being one"
    revoked = dict(_read_item(item) for item in items)
    identifier = value.get("id")

    def read(entry: StatusEntry, issuer: str) -> StatusAnswer | None:
        if entry.kind is not EntryKind.REVOCATION_LIST or identifier != entry.list:
            return None
        if entry.credential in revoked:
            reason = revoked[entry.credential]
            return StatusAnswer(ListedStatus.REVOKED, f"revoked by the list that was given{reason and ': ' + reason}")
        return StatusAnswer(ListedStatus.VALID, "not on the list that was given (unsigned: it counts by who gave it)")

    return read


def _holder(value: JSONObject) -> JSONObject:
    """Lists stand at the top, or inside a credential about the list."""
    subject = value.get("credentialSubject")
    return subject if type(subject) is dict else value


def _read_item(item: JSONValue) -> tuple[str, str]:
    if type(item) is str:
        return item, ""
    if type(item) is not dict or type(item.get("id", item.get("uid"))) is not str:
        raise MalformedError("status list: expected texts, or objects with an id")
    reason = item.get("revocationReason", item.get("reason"))
    return str(item.get("id", item.get("uid"))), reason[:200] if type(reason) is str else ""


def list_of_ids(url: str, credential: str) -> StatusEntry:
    """An entry for formats that name the list elsewhere than in the credential."""
    return StatusEntry(EntryKind.REVOCATION_LIST, url, None, "revocation", "revocationList", credential)


Readers = Sequence[StatusReader]
