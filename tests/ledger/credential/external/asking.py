"""What the tests of foreign credentials ask, and how they look at the answers."""

import json
from pathlib import Path
from typing import Any

from ledger.credential.external.issuers import IssuerBook, parse_given_document
from ledger.credential.external.judge import judge_external
from ledger.credential.external.question import ExternalQuestion
from ledger.credential.jsonld.library import ContextLibrary
from ledger.credential.report import Answer, Code, CredentialReport, RecordReport
from tests.ledger.credential.badges import NOW, library

EMPTY = ContextLibrary()


def book(*documents: object, named: tuple[str, ...] = (), owner: str | None = None) -> IssuerBook:
    """What a verifier was given: documents as objects, and ids."""
    parsed = tuple(parse_given_document(json.dumps(one).encode(), owner=owner) for one in documents)
    return IssuerBook(documents=parsed, named=frozenset(named))


def ask(data: bytes | str | dict[str, Any], *, contexts: bool = False, **changes: Any) -> RecordReport:
    """Judge a file: bytes, a token, or a JSON object."""
    text = json.dumps(data) if isinstance(data, dict) else data
    values: dict[str, Any] = {"now": NOW, "library": library() if contexts else EMPTY} | changes
    return judge_external(text.encode() if isinstance(text, str) else text, ExternalQuestion(**values))


def first(data: bytes | str | dict[str, Any], **changes: Any) -> CredentialReport:
    """The report on the first credential of a file."""
    return ask(data, **changes).credentials[0]


def code_of(data: bytes | str | dict[str, Any], **changes: Any) -> Code:
    """The code of the first credential of a file."""
    return first(data, **changes).code


def step(report: CredentialReport, number: int) -> tuple[Answer, str]:
    """Answer and detail of a step."""
    found = next(one for one in report.steps if one.number == number)
    return found.answer, found.detail


def load(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_bytes())
