"""What this institution signed, by its own database: what a monitor compares its log with.

A thief of keys, or of the whole node's ledger, can put entries on the log; it cannot put them here without the database too.
Statements of governance are not among them: governors sign those elsewhere.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledger import base64url
from node.registrar.tables import Outgoing


@dataclass(frozen=True, slots=True)
class SignedName:
    """A statement by its id (16 bytes) and the SHA-256 of its exact bytes.

    The digest is empty where a restored database read the statement from the log, so that nobody can tell who signed it.
    """

    id: bytes
    digest: bytes

    def to_line(self) -> str:
        """Give it as `cairn monitor` reads it."""
        parts = [self.id, self.digest] if self.digest else [self.id]
        return " ".join(map(base64url.encode, parts))


def list_signed(session: Session) -> Iterator[SignedName]:
    """Give every statement the database knows, sent or not, oldest first."""
    rows = session.execute(select(Outgoing.statement_id, Outgoing.statement).order_by(Outgoing.id))
    for statement_id, statement in rows.yield_per(1000):
        yield SignedName(statement_id, hashlib.sha256(statement).digest() if statement else b"")
