"""A rotation of the log key shown ahead of the log: root keys take a log away from whoever has the key that signs it.

The statement is the very one that will stand on the log; here it travels alone, with its signatures, so that witnesses can
stop cosigning under the old key while the host that holds it still refuses to write it down. File and message are ledger
JSON: `{"format","signatures","statement"}`.

What it stops does not depend on anything the old key can still add: only root-signed entries change the root keys and the
log key. A statement id used up by a thief makes the statement void on the log, not here.
"""

from dataclasses import dataclass

from ledger import base64url, canonical
from ledger.canonical import Fields, JSONValue
from ledger.errors import MalformedError, RuleError
from ledger.log import judge, statements
from ledger.log.entry import Signature, encode_entry, parse_entry, read_signatures
from ledger.log.governance import RotateLogKey
from ledger.log.identity import encode_log_id
from ledger.log.keys import KeyId, PublicKey
from ledger.log.precheck import verify_signatures
from ledger.log.state import LogState

MAX_ROTATION_BYTES = 64 * 1024
_FORMAT = "cairn/rotation/v1"


@dataclass(frozen=True, slots=True)
class SignedRotation:
    """A `rotate` statement and its signatures, as received; `verify_rotation` says whether it counts.

    Attributes:
        statement_bytes: exact.
        signatures: ascending by key id.
    """

    statement_bytes: bytes
    signatures: tuple[Signature, ...]

    @property
    def statement(self) -> RotateLogKey:
        """What is decided.

        Raises:
            MalformedError: it is something else.
        """
        statement = statements.parse(self.statement_bytes)
        if not isinstance(statement, RotateLogKey):
            raise MalformedError(
                f"rotation: a {statement.kind} statement that rotates no log key",
                hint="cairn-node key rotate DIR --role log makes one",
            )
        return statement


def encode_rotation(rotation: SignedRotation) -> bytes:
    """Give the bytes of a rotation."""
    signatures: list[JSONValue] = [
        {"key": base64url.encode(item.key), "sig": base64url.encode(item.signature)} for item in rotation.signatures
    ]
    return canonical.encode(
        {"format": _FORMAT, "signatures": signatures, "statement": base64url.encode(rotation.statement_bytes)}
    )


def parse_rotation(data: bytes) -> SignedRotation:
    """Read a rotation; nothing is verified.

    Raises:
        MalformedError: it is too long, of another format, or rotates no log key.
    """
    fields = Fields(canonical.parse(data, max_bytes=MAX_ROTATION_BYTES), "rotation")
    if (name := fields.text("format", max_length=64)) != _FORMAT:
        raise MalformedError(f"rotation: of format {name}, expected {_FORMAT}")
    rotation = SignedRotation(fields.data("statement"), read_signatures(fields.array("signatures")))
    fields.finish()
    _ = rotation.statement
    return rotation


def verify_rotation(state: LogState, rotation: SignedRotation) -> PublicKey:
    """Check that the root keys in force took the log away from the log key in force; gives the new one.

    1. It is a rotation in this log.
    2. Every signature verifies, under a key this log has named.
    3. Signers, `after` and the new key are such that the entry would have effect after those held.

    Raises:
        MalformedError: it rotates no log key.
        SignatureError: 2.
        RuleError: 1 or 3.
    """
    statement = rotation.statement
    if statement.log != state.log_id:  # 1
        raise RuleError(f"rotation: is of log {_log_text(statement)}, not of {encode_log_id(state.log_id)}")
    raw = encode_entry(state.size, state.last_leaf, rotation.statement_bytes, rotation.signatures)
    entry = parse_entry(raw)
    verify_signatures(entry, lambda key: state.named.get(key) or _own_key(statement, key))  # 2
    fault = judge.find_fault(state, entry, ())  # 3
    if fault is not None:
        raise RuleError(
            f"rotation of the log key of {encode_log_id(state.log_id)}: has no effect after entry {state.size - 1}: {fault}",
            hint="make it anew from the newest entries: cairn-node key rotate DIR --role log",
        )
    return statement.log_key


def is_pending(state: LogState, rotation: SignedRotation) -> bool:
    """Tell whether a rotation that was verified before still waits to be written down in this log."""
    return rotation.statement.after == state.after("log")


def _own_key(statement: RotateLogKey, key: KeyId) -> PublicKey | None:
    return statement.log_key if statement.log_key.id == key else None


def _log_text(statement: RotateLogKey) -> str:
    return "none" if statement.log is None else encode_log_id(statement.log)
