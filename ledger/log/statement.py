"""What every statement has in common: the header that people sign.

A statement is what an institution says; an entry (`entry.py`) is a statement in its place, with its signatures. The header
is `at` (when the writer says it spoke: a claim no rule uses), `id` (16 random bytes, once per log), `kind`, and `log` (absent
only in entry 0, which creates the log).
"""

from dataclasses import dataclass
from typing import ClassVar

from ledger import base64url
from ledger.canonical import Fields, JSONObject
from ledger.errors import MalformedError
from ledger.log.body import BodyReference, parse_body_reference
from ledger.log.identity import LOG_ID_LENGTH, LogId, encode_log_id

STATEMENT_ID_LENGTH = 16
MAX_STATEMENT_BYTES = 65_535
"""No statement is longer than an entry; whether it leaves room for the rest of one shows when the entry is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The header of any statement.

    Attributes:
        at: Unix milliseconds; a claim of the writer.
        id: 16 random bytes. The same id with the same bytes is the same statement; a second entry with it is void.
        log: the log it belongs to; `None` only in entry 0.
    """

    KIND: ClassVar[str] = ""
    """What `kind` is for every statement of a class; a kind of the future carries its own."""
    at: int
    id: bytes
    log: LogId | None

    @property
    def kind(self) -> str:
        """The statement's `kind` member."""
        return self.KIND

    @property
    def body(self) -> BodyReference | None:
        """What binds the entry's body, where the kind has one."""
        return None

    def fields(self) -> JSONObject:
        """Give the members of this kind, without the header; every kind with any says which."""
        # No abstract method: with that metaclass each `case` of the fold costs ten times as much.
        return {}

    def to_json(self) -> JSONObject:
        """Give the whole statement as ledger JSON."""
        value = self.fields()
        value["at"] = self.at
        value["id"] = base64url.encode(self.id)
        value["kind"] = self.kind
        if self.log is not None:
            value["log"] = encode_log_id(self.log)
        return value


@dataclass(frozen=True, slots=True)
class Header:
    """The header as read, before the kind is known."""

    at: int
    id: bytes
    kind: str
    log: LogId | None


def read_header(fields: Fields) -> Header:
    """Read the header members of a statement.

    Raises:
        MalformedError: one is missing or has the wrong form.
    """
    log = fields.optional_data("log", LOG_ID_LENGTH)
    return Header(
        at=fields.integer("at"),
        id=fields.data("id", STATEMENT_ID_LENGTH),
        kind=fields.text("kind", max_length=40),
        log=None if log is None else LogId(log),
    )


def read_body(fields: Fields) -> BodyReference:
    """Read the member `body` of a statement.

    Raises:
        MalformedError: it is missing or has the wrong form.
    """
    return parse_body_reference(fields.object("body"), "statement: body")


def require_log(header: Header) -> LogId:
    """Give the header's log id, which every statement but the first must have.

    Raises:
        MalformedError: it is missing.
    """
    if header.log is None:
        raise MalformedError(f"statement: a {header.kind} statement must name its log")
    return header.log
