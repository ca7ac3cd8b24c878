"""Reading and writing statements of every kind.

`encode` gives the bytes that are signed; `parse` reads them back and refuses any other spelling. The kinds themselves stand
in `charter`, `governance` and `records`.
"""

from ledger import canonical
from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError
from ledger.log.charter import read_charter
from ledger.log.governance import read_key_change, read_member_change
from ledger.log.records import (
    UnknownStatement,
    read_anchor,
    read_evidence,
    read_issue,
    read_publish,
    read_status,
    read_unknown,
)
from ledger.log.statement import MAX_STATEMENT_BYTES, Header, Statement, read_header

_READERS = {
    "charter": read_charter,
    "key": read_key_change,
    "member": read_member_change,
    "issue": read_issue,
    "status": read_status,
    "publish": read_publish,
    "anchor": read_anchor,
    "evidence": read_evidence,
}
KINDS = tuple(_READERS)
"""The eight kinds of this version."""


def encode(statement: Statement) -> bytes:
    """Give the canonical bytes of a statement.

    Raises:
        MalformedError: it holds something ledger JSON cannot, or is longer than an entry allows.
    """
    data = canonical.encode(statement.to_json())
    if len(data) > MAX_STATEMENT_BYTES:
        raise MalformedError(f"statement: {len(data)} bytes, at most {MAX_STATEMENT_BYTES}")
    return data


def parse(data: bytes) -> Statement:
    """Read canonical bytes back (the inverse of `encode`).

    Raises:
        MalformedError: not canonical, or a member is missing, unknown or outside its range.
    """
    return read(canonical.parse(data, max_bytes=MAX_STATEMENT_BYTES))


def read(value: JSONObject) -> Statement:
    """Read a statement that stands inside an already canonical object, as in an entry.

    Raises:
        MalformedError: a member is missing, unknown or outside its range.
    """
    fields = Fields(value, "statement")
    header = read_header(fields)
    statement = _read_kind(header, fields)
    if statement is None:
        return read_unknown(header, value)
    fields.finish()
    return statement


def _read_kind(header: Header, fields: Fields) -> Statement | None:
    reader = _READERS.get(header.kind)
    return None if reader is None else reader(header, fields)


def is_unknown(statement: Statement) -> bool:
    """Tell whether this version does not know the statement's kind or op."""
    return isinstance(statement, UnknownStatement)
