"""Log ids: the one name of an institution's log that nobody can take over.

A log id is the leaf hash of the log's entry 0. Entry 0 names the institution, its keys and its policies, so the id commits
to all of them; people compare it as a fingerprint. As text it is base64url without padding (43 characters); URLs carry
the first 22 of those (132 bits).
"""

from typing import NewType

from ledger import base64url

LogId = NewType("LogId", bytes)
"""32 bytes: the leaf hash of a log's entry 0."""

LOG_ID_LENGTH = 32
SHORT_LENGTH = 22
"""Characters of a log id's text that stand in URLs."""


def encode_log_id(log: LogId) -> str:
    """Give the 43-character text form."""
    return base64url.encode(log)


def parse_log_id(text: str) -> LogId:
    """Read the 43-character text form.

    Raises:
        MalformedError: not base64url of exactly 32 bytes.
    """
    return LogId(base64url.decode(text, LOG_ID_LENGTH))


def short_log_id(log: LogId) -> str:
    """Give the 22 characters under which a network's host serves this member's URLs."""
    return encode_log_id(log)[:SHORT_LENGTH]
