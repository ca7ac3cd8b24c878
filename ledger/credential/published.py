"""What an institution has published of the achievement that a credential names.

The type of an achievement decides who may award it and by which key, and a credential says it of itself. Where its issuer
had published the achievement before, the type has to be one under which it did.
"""

import re
from functools import lru_cache

from ledger.credential.strict_json import JSONObject, parse_strict_object
from ledger.credential.verify_status import read_entry
from ledger.errors import CairnError
from ledger.log.body import verify_body
from ledger.log.identity import LogId
from ledger.log.network import Network
from ledger.log.records import DocumentType, Publish

MAX_DOCUMENT_BYTES = 256 * 1024
"""Longest published achievement that is read here; others count as not published."""

_NAME_IN_URL = re.compile(r"/achievements?/([^/?#]{1,64})")


def achievement_of(payload: JSONObject) -> tuple[str, str]:
    """Give the id and the achievement type a credential names; empty texts where it names none."""
    value: object = payload
    for name in ("ld", "credentialSubject", "achievement"):
        value = value.get(name) if isinstance(value, dict) else None
    return _describe(value) if isinstance(value, dict) else ("", "")


def published_types(network: Network, log: LogId, achievement: str, position: int) -> frozenset[str]:
    """Give the types under which a log had published an achievement; empty where it had not, or the text is not held.

    Args:
        network: the verifier's view.
        log: the issuer's.
        achievement: its id.
        position: entries from there on came later, and change nothing about what stood before.

    Raises:
        CairnError: what is held is damaged.
    """
    view = network.ledger.log(log)
    if view is None or not achievement:
        return frozenset()
    in_url = _NAME_IN_URL.search(achievement)
    ids = {achievement} if in_url is None else {achievement, in_url[1]}
    found = set()
    for name in view.state.documents:
        record = view.state.document(name) if name.id in ids else None
        if record is None or record.type is not DocumentType.ACHIEVEMENT or record.index >= position:
            continue
        data = _read_document(network, log, record.index)
        described = _identify(data) if data is not None else None
        if described is not None and described[0] == achievement:
            found.add(described[1])
    return frozenset(found)


def _read_document(network: Network, log: LogId, index: int) -> bytes | None:
    kept = network.pages.get((log, index))
    if kept is None:
        view = network.ledger.log(log)
        assert view is not None, "the caller has it"
        statement, body = read_entry(network, log, view, index).statement, view.body(index)
        if body is None or len(body) > MAX_DOCUMENT_BYTES or not isinstance(statement, Publish):
            return None
        kept = network.pages[log, index] = verify_body("publish", statement.reference, body)
    return kept[0]


@lru_cache(maxsize=64)
def _identify(data: bytes) -> tuple[str, str] | None:
    """Id and type of a published achievement; None for one that cannot be read."""
    try:
        return _describe(parse_strict_object(data, max_bytes=MAX_DOCUMENT_BYTES, where="achievement"))
    except CairnError:
        return None


def _describe(achievement: JSONObject) -> tuple[str, str]:
    id_, kind = achievement.get("id"), achievement.get("achievementType")
    return id_ if isinstance(id_, str) else "", kind if isinstance(kind, str) else ""
