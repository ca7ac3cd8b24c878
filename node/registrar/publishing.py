"""What may be published under a name (DESIGN 5): an id and version mean the same bytes for ever, a framework is a tree.

A framework is read on the way in, since credentials will name its items for decades: what is no tree is refused with
every problem, and a new version keeps each item of the one before it or says by `replacedBy` what took its place.
"""

from ledger.errors import CairnError, MalformedError, RuleError
from ledger.log.effects import DocumentRecord
from ledger.log.records import DocumentType
from ledger.log.view import LogView
from ledger.mastery.framework import Framework, check_successor, parse_framework
from ledger.mastery.problems import ProblemCollector
from node.registrar.documents import Document


def find_published(log: LogView, document: Document) -> int | None:
    """Where exactly this document is published already; None where it may be published now.

    Raises:
        MalformedError: it is a framework that cannot be read, or that does not continue the version before it.
        RuleError: its id and version mean other bytes already.
    """
    known = log.state.document(document.name)
    if known is not None:
        if log.body(known.index) != document.data:
            raise RuleError(
                f"document {document.name.id}: version {document.name.version} is published with other content",
                hint="give the new content a new version",
            )
        return known.index
    if document.type is DocumentType.FRAMEWORK:
        _check_framework(log, document)
    return None


def _check_framework(log: LogView, document: Document) -> None:
    framework = _read_framework(document.data)
    before = _version_before(log, document)
    body = None if before is None else log.body(before.index)
    if before is None or body is None:
        return
    try:
        old = _read_framework(body)
    except CairnError:
        # Published by a program that read less strictly: there is nothing to hold the new version against.
        return
    try:
        check_successor(old, framework)
    except MalformedError as error:
        raise MalformedError(
            f"{error} (version {before.name.version} is on the ledger)",
            hint="keep every published item as it is, or add a replacedBy association from it to the new item",
        ) from error


def _read_framework(data: bytes) -> Framework:
    problems = ProblemCollector()
    framework = parse_framework("framework", data, problems)
    problems.refuse()
    if framework is None:
        raise MalformedError(
            "framework: is no CASE package", hint="export it as CASE JSON, with CFDocument and CFItems"
        )
    return framework


def _version_before(log: LogView, document: Document) -> DocumentRecord | None:
    """The highest version below the document's own."""
    names = [
        name for name in log.state.documents if name.id == document.name.id and name.version < document.name.version
    ]
    records = [record for record in map(log.state.document, names) if record is not None]
    return max(records, key=lambda record: record.name.version, default=None)
