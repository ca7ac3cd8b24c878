"""Frameworks out: a package as CASE 1.1 has it, member for member, for programs that accept nothing else.

Ours may carry members of their own (`assessed`, `aspirational`), leave out what CASE demands (`uri`, dates), and those
of other programs do so too. Here every object keeps the members of CASE 1.1 and gets those that are demanded; what is
left over goes into its `extensions`, from where it is read again. Nothing is dropped, and the tree stays what it was.
"""

import json
from typing import TypeAlias

from ledger.errors import MalformedError

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Members: TypeAlias = dict[str, Value]

CASE_VERSION = "1.1"

_COMMON = "identifier uri lastChangeDateTime extensions"
_KEPT = {
    "CFDocument": f"{_COMMON} frameworkType caseVersion creator title officialSourceURL publisher description subject "
    "subjectURI language version adoptionStatus statusStartDate statusEndDate licenseURI notes",
    "CFItems": f"{_COMMON} fullStatement alternativeLabel CFItemType humanCodingScheme listEnumeration abbreviatedStatement "
    "conceptKeywords conceptKeywordsURI notes subject subjectURI language educationLevel CFItemTypeURI licenseURI "
    "statusStartDate statusEndDate",
    "CFAssociations": f"{_COMMON} associationType sequenceNumber originNodeURI destinationNodeURI CFAssociationGroupingURI "
    "notes",
    "CFRubrics": f"{_COMMON} title description CFRubricCriteria",
    "CFRubricCriteria": f"{_COMMON} category description CFItemURI weight position rubricId CFRubricCriterionLevels",
    "CFRubricCriterionLevels": f"{_COMMON} description quality score feedback position rubricCriterionId",
}
_WITHIN = {"CFRubrics": "CFRubricCriteria", "CFRubricCriteria": "CFRubricCriterionLevels"}
_SEVERAL = frozenset({"subject", "subjectURI", "educationLevel", "conceptKeywords"})
_WHOLE = frozenset({"sequenceNumber", "position"})
_PACKAGE = ("CFDocument", "CFItems", "CFAssociations", "CFDefinitions", "CFRubrics")


def encode_case(package: Members, changed_at: str) -> bytes:
    """The package as strict CASE 1.1.

    Args:
        package: as it was published, already read by `framework.parse_framework` without a complaint.
        changed_at: date and time for objects that do not say when they were last changed.

    Raises:
        MalformedError: no document, or one without an identifier.
    """
    document = package.get("CFDocument")
    if type(document) is not dict or type(document.get("identifier")) is not str:
        raise MalformedError("framework: expected a CFDocument with an identifier")
    writer = _Writer(document, changed_at)
    titles = {str(item.get("identifier")): str(item.get("fullStatement", "")) for item in _objects(package, "CFItems")}
    titles[str(document["identifier"])] = str(document.get("title", document["identifier"]))
    written: Members = {"CFDocument": writer.write_document()}
    for name in ("CFItems", "CFAssociations", "CFRubrics"):
        if name in package:
            written[name] = [writer.write(name, n, item) for n, item in enumerate(_objects(package, name))]
    for link in _objects(written, "CFAssociations"):
        for end in ("originNodeURI", "destinationNodeURI"):
            link[end] = writer.write_node(link.get(end), titles)
    if "CFDefinitions" in package:
        written["CFDefinitions"] = _fill(package["CFDefinitions"])
    rest = {name: value for name, value in package.items() if name not in (*_PACKAGE, "extensions")}
    _extend(written, package.get("extensions"), rest)
    return json.dumps(written, ensure_ascii=False, indent=1).encode() + b"\n"


class _Writer:
    """Writes objects of one package."""

    def __init__(self, document: Members, changed_at: str) -> None:
        self.document, self.changed_at = document, changed_at
        uri = document.get("uri")
        self.uri = uri if type(uri) is str and uri else f"urn:case:{document['identifier']}"

    def write_document(self) -> Members:
        title = self.document.get("title") or self.document["identifier"]
        written = {"creator": title, "title": title} | self.keep("CFDocument", self.document)
        return written | {"uri": self.uri, "caseVersion": CASE_VERSION}

    def write(self, kind: str, number: int, value: Members) -> Members:
        """One object with what CASE demands of it, and of those inside."""
        written = self.keep(kind, value)
        written.setdefault("identifier", f"{self.document['identifier']}-{kind}-{number}")
        written.setdefault("uri", f"{self.uri}#{written['identifier']}")
        inside = _WITHIN.get(kind)
        if inside is not None and inside in written:
            written[inside] = [self.write(inside, n, one) for n, one in enumerate(_objects(written, inside))]
        return written

    def write_node(self, value: Value, titles: dict[str, str]) -> Members:
        """One end of an association: title, identifier and URI."""
        end = value if type(value) is dict else {}
        identifier = str(end.get("identifier", ""))
        title = end.get("title") or titles.get(identifier) or identifier
        uri = end.get("uri") or (self.uri if identifier == self.document["identifier"] else f"{self.uri}#{identifier}")
        return {"title": title, "identifier": identifier, "uri": uri}

    def keep(self, kind: str, value: Members) -> Members:
        """The members CASE knows; the others go into `extensions`."""
        known = frozenset(_KEPT[kind].split())
        written = {name: member for name, member in value.items() if name in known and name != "extensions"}
        written = {name: _straighten(name, one) for name, one in written.items() if one not in (None, "", [])}
        written.setdefault("lastChangeDateTime", self.changed_at)
        _extend(written, value.get("extensions"), {name: one for name, one in value.items() if name not in known})
        return written


def _straighten(name: str, value: Value) -> Value:
    """A value in the form CASE 1.1 wants where exports write it otherwise: one for several, a number as a text."""
    if name in _SEVERAL and type(value) is not list:
        return [value]
    if name in _WHOLE and type(value) is str and value.isascii() and value.isdigit():
        return int(value)
    return value


def _fill(value: Value) -> Value:
    """Definitions with empty texts in the place of nulls, which exports write for members that CASE demands."""
    if type(value) is dict:
        return {name: _fill(member) for name, member in value.items()}
    if type(value) is list:
        return [_fill(item) for item in value]
    return "" if value is None else value


def _extend(written: Members, extensions: Value, rest: Members) -> None:
    joined = (extensions if type(extensions) is dict else {}) | rest
    if joined:
        written["extensions"] = joined


def _objects(value: Members, name: str) -> list[Members]:
    found = value.get(name)
    return [item for item in found if type(item) is dict] if type(found) is list else []
