"""Frameworks: what can be mastered, as a tree of any depth (CASE 1.1: CFDocument, CFItems, CFAssociations).

A published version never changes: corrections are a new version whose items are linked by `replacedBy`. Identifiers are
the keys of associations; other files of a data set name items by `humanCodingScheme`, which is unique within one
framework and means nothing in another. Import refuses what is not a tree: two parents, cycles, orphans, doubled
identifiers or codes, links to items that are not there.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ledger.errors import MalformedError
from ledger.mastery.jsontext import Node, parse_document
from ledger.mastery.problems import ProblemCollector

MAX_DEPTH = 64
"""Layers of a tree that are read; real frameworks have two to five."""

_INSIDE = ("isChildOf", "isPartOf", "precedes")
"""Associations both of whose ends are of this framework; the others may lead to another one."""

_urn = re.compile(r"urn:cairn:framework:(?P<name>[^:]+)(?::(?P<version>.+))?").fullmatch

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Item:
    """One competency. `code` is for people and for other files of the data set, `identifier` for other frameworks."""

    code: str
    identifier: str
    type: str
    statement: str
    is_assessed: bool
    """False: nothing is judged on it."""
    is_aspirational: bool
    """True: a hope stated in public; no rule may target it."""
    is_feedback_only: bool
    """True: evidence may be recorded and rules may not use it."""

    @property
    def why_not_judged(self) -> str:
        """Why no rule may target the item; empty where rules may."""
        if self.is_aspirational:
            return "is aspirational: no rule may target it"
        if self.is_feedback_only:
            return "is for feedback only: no rule may use its evidence"
        return "" if self.is_assessed else "is not assessed"


@dataclass(frozen=True, slots=True)
class Link:
    """An association other than `isChildOf`, between identifiers."""

    type: str
    origin: str
    destination: str


@dataclass(frozen=True, slots=True, eq=False)
class Framework:
    """One version of a framework. Children stand in the order of `sequenceNumber`, then of the file."""

    names: frozenset[str]
    """What other files call it: identifier, uri, title, and the name inside a `urn:cairn:framework:` uri."""
    uri: str
    version: str
    digest: str
    """SHA-256 of the exact file, hexadecimal."""
    items: Mapping[str, Item]
    """By code, in the order of the file."""
    children: Mapping[str, tuple[str, ...]]
    """Codes by the code of the parent; no entry for an item without children."""
    parents: Mapping[str, str]
    links: tuple[Link, ...]

    def area_of(self, code: str) -> str:
        """The item at the top of the tree above `code`; `code` itself where it stands at the top."""
        return self.path_of(code)[-1]

    def path_of(self, code: str) -> tuple[str, ...]:
        """The item, its parent, and so on up to the top."""
        path = [code]
        while path[-1] in self.parents:
            path.append(self.parents[path[-1]])
        return tuple(path)

    @property
    def depth(self) -> int:
        """Layers of the tree, counted, never assumed."""
        return max((len(self.path_of(code)) for code in self.items), default=0)


def parse_framework(file: str, data: bytes, problems: ProblemCollector) -> Framework | None:
    """Read a CASE package; None where it is no JSON object. Whatever else is wrong is reported."""
    root = parse_document(file, data, problems)
    if root is None:
        return None
    document = root.node("CFDocument")
    identifier = document.text("identifier") if document is not None else ""
    uri = document.optional_text("uri") if document is not None else ""
    title = document.optional_text("title") if document is not None else ""
    version = document.label("version") if document is not None else ""
    found = _urn(uri)
    names = {identifier, uri, title, found["name"] if found else ""} - {""}
    items = _read_items(root)
    parents, children, links = _read_tree(root, {item.identifier: item for item in items.values()}, identifier)
    framework = Framework(
        names=frozenset(names),
        uri=uri,
        version=version,
        digest=hashlib.sha256(data).hexdigest(),
        items=items,
        children=children,
        parents=parents,
        links=links,
    )
    if framework.depth > MAX_DEPTH:
        root.complain(f"{framework.depth} layers, at most {MAX_DEPTH} are read", "CFAssociations")
    return framework


def check_successor(old: Framework, new: Framework) -> None:
    """Check that a version may follow another: published items never change, they are replaced.

    Raises:
        MalformedError: same version with other bytes, or an item of the old one that is neither kept as it was nor linked
            by `replacedBy`; the item is named.
    """
    if old.digest == new.digest:
        return
    if (old.uri, old.version) == (new.uri, new.version):
        raise MalformedError(f"framework: version {new.version} is published and never changes")
    kept = {item.identifier: item for item in new.items.values()}
    replaced = {link.origin for link in (*old.links, *new.links) if link.type == "replacedBy"}
    for item in old.items.values():
        if kept.get(item.identifier) != item and item.identifier not in replaced:
            raise MalformedError(f"framework: item {item.code} is changed or left out without a replacedBy link")


def _read_items(root: Node) -> dict[str, Item]:
    items: dict[str, Item] = {}
    identifiers = set[str]()
    for node in root.nodes("CFItems", minimum=1):
        flags = node.optional_node("extensions") or node
        identifier = node.text("identifier")
        item = Item(
            # CASE leaves the code optional; an item without one is named by its identifier.
            code=node.optional_text("humanCodingScheme") or identifier,
            identifier=identifier,
            type=node.optional_text("CFItemType"),
            statement=node.text("fullStatement"),
            is_assessed=_flag(node, flags, "assessed", True),
            is_aspirational=_flag(node, flags, "aspirational", False),
            is_feedback_only=_flag(node, flags, "feedbackOnly", False),
        )
        if item.identifier in identifiers:
            node.complain(f"item {item.code}: identifier {item.identifier} stands twice", "identifier")
        if item.code in items:
            node.complain(f"item {item.code}: the code stands twice", "humanCodingScheme")
        identifiers.add(item.identifier)
        items.setdefault(item.code, item)
    return items


def _flag(node: Node, flags: Node, name: str, default: bool) -> bool:
    return node.flag(name, flags.flag(name, default) if flags is not node else default)


def _read_tree(
    root: Node, items: Mapping[str, Item], document: str
) -> tuple[dict[str, str], dict[str, tuple[str, ...]], tuple[Link, ...]]:
    """Parents and children by code, and the other links."""
    parents: dict[str, str] = {}
    order: dict[str, list[tuple[int, int, str]]] = {}
    links: list[Link] = []
    top = set[str]()
    for position, node in enumerate(root.nodes("CFAssociations")):
        kind = node.text("associationType")
        origin, destination = _end(node, "originNodeURI"), _end(node, "destinationNodeURI")
        is_top = kind == "isChildOf" and destination == document
        for name, end in (("originNodeURI", origin), ("destinationNodeURI", destination)):
            if end and kind in _INSIDE and end not in items and not (is_top and end == destination):
                # A tree with a hole is none. Real exports keep `precedes` to items that were taken out since.
                tell = node.remark if kind == "precedes" else node.complain
                tell(f"{kind} leads to item {end}, which is not in this framework", name)
        if kind != "isChildOf":
            links.append(Link(kind, origin, destination))
        elif is_top:
            top.add(origin)
        elif origin in items and destination in items:
            child, parent = items[origin].code, items[destination].code
            if parents.get(child, parent) != parent:
                node.complain(f"item {child} has two parents, {parents[child]} and {parent}", "destinationNodeURI")
            elif child not in parents:
                parents[child] = parent
                number = node.optional_whole("sequenceNumber")
                order.setdefault(parent, []).append((1 << 62 if number is None else number, position, child))
    _check_tree(root, items, parents, top)
    return parents, {parent: tuple(c for _, _, c in sorted(found)) for parent, found in order.items()}, tuple(links)


def _end(node: Node, name: str) -> str:
    end = node.node(name)
    return end.text("identifier") if end is not None else ""


def _check_tree(root: Node, items: Mapping[str, Item], parents: dict[str, str], top: set[str]) -> None:
    """Report cycles and orphans, and cut cycles so that every walk upwards ends."""
    sound = set[str]()
    for code in list(parents):
        walked: list[str] = []
        step = code
        while step not in sound and step in parents and step not in walked:
            walked.append(step)
            step = parents[step]
        if step in walked:
            root.complain(f"isChildOf goes round in a circle at item {step}", "CFAssociations")
            del parents[step]
        sound.update(walked)
    for position, item in enumerate(items.values()):
        # Where nothing is tied to the document, items without a parent are simply the top.
        if top and item.identifier not in top and item.code not in parents:
            root.complain(f"item {item.code} is an orphan: no isChildOf leads from it", "CFItems", position)
        if item.identifier in top and item.code in parents:
            root.complain(f"item {item.code} has two parents, the document and {parents[item.code]}", "CFAssociations")
