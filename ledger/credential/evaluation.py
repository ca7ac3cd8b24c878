"""How an award was decided, without saying on what: the claim `evaluation` of a copy (DESIGN 4, DOMAIN 2.15).

A school that decides by published rules keeps a transcript of each evaluation. The fingerprint of that transcript never
leaves the school: every copy carries a digest of it, keyed with a fresh 128-bit salt, and the claim is one that the
learner may hide. Whoever is shown digest and salt, and is given the private inputs, can decide again and compare.
"""

import hashlib
import re
from dataclasses import dataclass

from ledger import base64url
from ledger.credential.strict_json import JSONObject
from ledger.errors import MalformedError, RuleError

SALT_BYTES = 16
FINGERPRINT_BYTES = 32
MAX_RULES = 500
MAX_LABEL_CHARACTERS = 100
COLUMNS = ("evaluation.fingerprint", "evaluation.set", "evaluation.rules", "evaluation.judges")
"""Columns of an award list: all of them, or none."""

_CONTEXT = b"cairn/evaluation/v1\n"
_LABEL = re.compile(rf"[^\s;\x00-\x1f\x7f]{{1,{MAX_LABEL_CHARACTERS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord:
    """What a school knows of an evaluation when it makes a copy."""

    fingerprint: bytes
    """Of the transcript, 32 bytes; private."""
    requirement_set: str
    """`ID/VERSION`, as are the rules; without version the id alone."""
    rules: tuple[str, ...]
    """All rules the requirement set leads to, whether they came to count or not."""
    judges: tuple[str, ...]
    """Kinds of judges whose word counted, such as `human`; never who they are."""


def check_record(record: EvaluationRecord) -> None:
    """Check what is to be signed.

    Raises:
        RuleError: a field does not fit; the message begins with its name and repeats no value.
    """
    if len(record.fingerprint) != FINGERPRINT_BYTES:
        raise RuleError(f"evaluation.fingerprint: is not {FINGERPRINT_BYTES} bytes")
    if len(record.rules) > MAX_RULES:
        raise RuleError(f"evaluation.rules: {len(record.rules)}, at most {MAX_RULES} are taken")
    columns = (("set", (record.requirement_set,)), ("rules", record.rules), ("judges", record.judges))
    for column, labels in columns:
        if not all(_LABEL.fullmatch(label) for label in labels) or len(set(labels)) != len(labels):
            raise RuleError(f"evaluation.{column}: holds what is no label, or one label twice")


def key_fingerprint(fingerprint: bytes, salt: bytes) -> bytes:
    """SHA-256("cairn/evaluation/v1\\n" || salt || fingerprint), 32 bytes: the digest of one copy.

    Args:
        fingerprint: of a transcript, 32 bytes.
        salt: 16 random bytes, fresh for every copy.

    Raises:
        ValueError: one of them has another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: {len(salt)} bytes, expected {SALT_BYTES}")
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise ValueError(f"fingerprint: {len(fingerprint)} bytes, expected {FINGERPRINT_BYTES}")
    return hashlib.sha256(_CONTEXT + salt + fingerprint).digest()


def encode_claim(record: EvaluationRecord, salt: bytes) -> JSONObject:
    """The claim of one copy; `salt` as for `key_fingerprint`."""
    return {
        "digest": base64url.encode(key_fingerprint(record.fingerprint, salt)),
        "salt": base64url.encode(salt),
        "requirementSet": record.requirement_set,
        "rules": list(record.rules),
        "judges": list(record.judges),
    }


def encode_columns(record: EvaluationRecord) -> dict[str, str]:
    """The columns of an award list, by name; `parse_columns` reads them."""
    lists = (";".join(record.rules), ";".join(record.judges))
    return dict(zip(COLUMNS, (base64url.encode(record.fingerprint), record.requirement_set, *lists), strict=True))


def parse_columns(fingerprint: str, requirement_set: str, rules: str = "", judges: str = "") -> EvaluationRecord:
    """Read the columns of an award list; the last two may be empty.

    Raises:
        RuleError: as `check_record`.
    """
    try:
        data = base64url.decode(fingerprint, FINGERPRINT_BYTES)
    except MalformedError:
        raise RuleError("evaluation.fingerprint: is not 32 bytes in base64url") from None
    lists = (tuple(label for label in text.split(";") if label) for text in (rules, judges))
    record = EvaluationRecord(fingerprint=data, requirement_set=requirement_set, rules=next(lists), judges=next(lists))
    check_record(record)
    return record
